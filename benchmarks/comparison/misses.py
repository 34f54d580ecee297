"""How often the comparison's intervals miss the truth, by their kind.

    python -m benchmarks.comparison.misses --part sealed

Takes kept outcomes of some methods; judges nothing. The part's prompts stand for the world, whose
figures are then known. Samples as large as the part are drawn from them, each gives figures with
both kinds of interval, and what is counted is how many lie wholly above and wholly below the truth:
2.5 % on either side would be right.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.comparison import statistics
from benchmarks.comparison.compare import seed_outcomes
from benchmarks.comparison.methods import EQUAL
from benchmarks.comparison.statistics import NAMES, SeedOutcomes
from benchmarks.machine import RESULTS, record
from finerouter.errors import UserError
from finerouter.evaluation.intervals import Interval

Floats = NDArray[np.float64]
NEEDED = ("best single", "cheapest")
OTHERS = ("k-means task means, mean over K", "kNN", "best per benchmark, labels known")
KINDS = {"percentiles": Interval.of, "mirrored": Interval.reflected}


def figures(
    runs: Sequence[SeedOutcomes], methods: Sequence[str], drawn: Floats
) -> dict[str, Floats]:
    """Statistics [draw, statistic] of each method, and of the first one's lead over each other."""
    by_seed = [statistics.resampled(run, drawn) for run in runs]
    means = {
        name: np.mean([seed[name][:, : len(NAMES)] for seed in by_seed], axis=0) for name in methods
    }
    leads = {f"lead over {name}": means[methods[0]] - means[name] for name in methods[1:]}
    return means | leads


def misses(
    runs: Sequence[SeedOutcomes],
    methods: Sequence[str],
    part_size: int,
    trials: Iterable[int],
    resamples: int,
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Shares of intervals above and below the truth, by figure, statistic and kind."""
    truth = figures(runs, methods, np.ones((1, part_size)))
    even = np.full(part_size, 1 / part_size)
    missed: dict[str, list[Floats]] = {figure: [] for figure in truth}
    for trial in trials:
        random = np.random.default_rng(trial)
        sample = random.multinomial(part_size, even).astype(np.float64)
        again = random.multinomial(part_size, sample / part_size, size=resamples)
        found = figures(runs, methods, np.concatenate([sample[None], again]))
        for figure, values in found.items():
            missed[figure].append(_missed(values, truth[figure][0]))
    return {figure: _named(np.mean(each, axis=0)) for figure, each in missed.items()}


def _missed(values: Floats, truth: Floats) -> Floats:
    """Whether intervals lie above the truth, and below, [statistic, kind, 2]."""
    intervals = [
        [make(values[0, at], values[1:, at]) for make in KINDS.values()] for at in range(len(truth))
    ]
    return np.array(
        [
            [[each.low > true, each.high < true] for each in kinds]
            for kinds, true in zip(intervals, truth, strict=True)
        ],
        dtype=np.float64,
    )


def _named(shares: Floats) -> dict[str, dict[str, list[float]]]:
    return {
        name: dict(zip(KINDS, np.round(kinds, 4).tolist(), strict=True))
        for name, kinds in zip(NAMES, shares, strict=True)
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print, record."""
    given = _arguments(arguments)
    methods = [given.reference, *(name for name in given.methods if name != given.reference)]
    try:
        runs, part_size = _kept(given, methods)
    except FileNotFoundError as error:
        sys.stderr.write(f"error: {error.filename} is not kept; run the comparison first\n")
        raise SystemExit(2) from None
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
    trials = track(range(given.trials), console=Console(stderr=True))
    found = misses(runs, methods, part_size, trials, given.resamples)
    for figure, names in found.items():
        sys.stdout.write(f"{figure}: {names}\n")
    settings = {name: getattr(given, name) for name in ("trials", "resamples", "seeds")}
    name = f"misses_{given.dataset}_{given.part}"
    record(name, {**settings, "above_and_below": found}, folder=given.results)


def _kept(given: argparse.Namespace, methods: Sequence[str]) -> tuple[list[SeedOutcomes], int]:
    folder, names = given.data / given.dataset, [*NEEDED, *methods]
    found = [
        seed_outcomes(given.cache, folder, given.part, seed, names) for seed in range(given.seeds)
    ]
    return [run for run, _ in found], found[0][1]


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison.misses")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--dataset", default="pool11")
    parser.add_argument("--part", choices=("development", "sealed"), default="development")
    parser.add_argument("--reference", default=EQUAL, help="whose leads are looked at")
    parser.add_argument("--methods", nargs="+", default=list(OTHERS), help="beside it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--cache", type=Path, default=Path(__file__).parents[1] / ".cache")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

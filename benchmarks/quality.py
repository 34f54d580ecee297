"""Routing quality on held-out outcomes, against simple baselines, with paired intervals.

    python -m benchmarks.quality --data ../shared/data

Per dataset and seed: 70 % of the prompts to train on, everything tuned inside them, 30 % to judge
by. Seeds share prompts, so the bootstrap draws prompts, not rows: a prompt drawn twice counts twice
in every seed that holds it out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.machine import record
from finerouter import OutcomeTable, Router
from finerouter.evaluation.baselines import oracle_choice
from finerouter.evaluation.baselines.kmeans import KMeans
from finerouter.evaluation.intervals import Interval
from finerouter.frontier import cheapest_argmax, cost_weights, mean_quality_over
from finerouter.training import TrainingConfig, fold_numbers, routing_utility, train

Floats = NDArray[np.float64]
Estimates = tuple[Floats, Floats]
DATASETS = ("pool11", "open7")
CLUSTERS = (8, 16, 32, 64, 128)
RESAMPLES = 1000
STATISTICS = ("quality_at_weight_0", "best_quality", "cost_saved", "mean_quality")


@dataclass(frozen=True, eq=False)
class Judged:
    """One seed's held-out outcomes of every method's choices along the cost weight.

    Attributes:
        prompts: [prompt], rows of the dataset.
        single: [prompt, 2], score and cost of the best single model.
        cheapest_usd: mean cost of the cheapest model.
        curves: method -> [prompt, 2 * weight], scores then costs.
    """

    prompts: NDArray[np.int64]
    single: Floats
    cheapest_usd: float
    curves: dict[str, Floats]


def judge(
    outcomes: OutcomeTable, seed: int, clusters: Sequence[int]
) -> tuple[Judged, dict[str, Any]]:
    """Train everything on one split and choose along the curve on its held-out part."""
    fit, held_out = outcomes.split(test_size=0.3, seed=seed)
    started = time.perf_counter()
    router = train(fit, TrainingConfig(seed=seed))
    seconds = time.perf_counter() - started
    row = {name: at for at, name in enumerate(outcomes.prompt_ids)}
    best = int(np.nanmean(fit.score, axis=0).argmax())
    realised = held_out.realised_cost_usd
    estimates = dict(_methods(router, fit, held_out, seed, clusters))
    judged = Judged(
        prompts=np.array([row[name] for name in held_out.prompt_ids]),
        single=np.stack([held_out.score[:, best], realised[:, best]], axis=1),
        cheapest_usd=float(realised.mean(axis=0).min()),
        curves={name: _curve(*pair, held_out) for name, pair in estimates.items()},
    )
    return judged, {"seed": seed, "train_s": round(seconds, 1), "tasks": len(router.tasks)}


def _methods(
    router: Router,
    fit: OutcomeTable,
    held_out: OutcomeTable,
    seed: int,
    clusters: Sequence[int],
) -> Iterator[tuple[str, Estimates]]:
    estimate = router.estimate(held_out.prompts)
    yield "finerouter", (estimate.quality, estimate.cost_usd)
    encoders: dict[str, Callable[[OutcomeTable], NDArray[np.float32]]] = {
        "k-means, embedding": lambda table: router.encoder.encode(table.prompts),
        "k-means, our features": lambda table: router.features.encode(
            router.encoder, table.prompts
        ),
    }
    for name, encode in encoders.items():
        rows, test_rows = encode(fit), encode(held_out)
        chosen = clusters[0] if len(clusters) == 1 else _choose_clusters(rows, fit, seed, clusters)
        yield name, _kmeans(rows, fit, test_rows, chosen, seed)
        if len(clusters) == 1:
            continue
        every = [_kmeans(rows, fit, test_rows, count, seed) for count in clusters]
        quality, cost = (np.mean(arrays, axis=0) for arrays in zip(*every, strict=True))
        yield f"{name}, mean over K", (quality, cost)
    yield "best per benchmark (labels)", _by_benchmark(fit, held_out)
    oracle = np.eye(len(fit.models))[oracle_choice(held_out)]
    yield "oracle", (oracle, np.zeros_like(oracle))


def _kmeans(
    rows: NDArray[np.float32],
    fit: OutcomeTable,
    test_rows: NDArray[np.float32],
    clusters: int,
    seed: int,
) -> Estimates:
    found = KMeans(clusters).fit(rows, fit, seed=seed).prefer(test_rows)
    return found.quality, found.cost_usd


def _choose_clusters(
    rows: NDArray[np.float32], fit: OutcomeTable, seed: int, grid: Sequence[int]
) -> int:
    """K by the same cross-validated utility that the router's dials are chosen by."""
    folds = fold_numbers(fit.prompts, 5, [seed, 2])
    utility = {}
    for clusters in grid:
        quality, cost = np.zeros_like(fit.score), np.zeros_like(fit.score)
        for fold in range(5):
            out = folds == fold
            inside = fit.rows(np.flatnonzero(~out))
            quality[out], cost[out] = _kmeans(rows[~out], inside, rows[out], clusters, seed)
        utility[clusters] = routing_utility(quality, cost, fit.score, fit.realised_cost_usd)
    return max(utility, key=lambda clusters: utility[clusters])


def _by_benchmark(fit: OutcomeTable, held_out: OutcomeTable) -> Estimates:
    assert fit.benchmarks is not None
    assert held_out.benchmarks is not None
    names = np.array(fit.benchmarks)
    quality = {name: fit.score[names == name].mean(axis=0) for name in set(fit.benchmarks)}
    cost = {name: fit.realised_cost_usd[names == name].mean(axis=0) for name in quality}
    return (
        np.array([quality[name] for name in held_out.benchmarks]),
        np.array([cost[name] for name in held_out.benchmarks]),
    )


def _curve(quality: Floats, cost: Floats, held_out: OutcomeTable) -> Floats:
    realised, at = held_out.realised_cost_usd, np.arange(len(held_out))
    chosen = [cheapest_argmax(quality - weight * cost, cost) for weight in cost_weights(cost)]
    scores = [held_out.score[at, column] for column in chosen]
    costs = [realised[at, column] for column in chosen]
    return np.stack([*scores, *costs], axis=1)


def statistics(judged: Judged, weight: Floats) -> dict[str, Floats]:
    """The four statistics of every method, prompts weighted; all against the best single."""
    weight = weight / weight.sum()
    quality, cost = weight @ judged.single
    found = {}
    for name, curve in judged.curves.items():
        scores, costs = np.split(weight @ curve, 2)
        reached = costs[scores >= quality - 1e-12]
        saved = 1 - reached.min() / cost if len(reached) and cost > 0 else 0.0
        height = mean_quality_over(costs, scores, judged.cheapest_usd, cost)
        found[name] = np.array(
            [scores[0] - quality, scores.max() - quality, saved, height - quality]
        )
    return found


def summarise(runs: list[Judged], prompts: int) -> dict[str, dict[str, dict[str, float]]]:
    """Means over seeds with intervals over prompts, of each method and of ours against it."""
    random = np.random.default_rng(0)
    draws = [np.ones(prompts)] + [
        random.multinomial(prompts, np.full(prompts, 1 / prompts)).astype(float)
        for _ in range(RESAMPLES)
    ]
    samples: dict[str, list[Floats]] = {}
    for draw in track(draws, description="bootstrap", console=Console(stderr=True)):
        by_seed = [statistics(run, draw[run.prompts]) for run in runs]
        for name in by_seed[0]:
            samples.setdefault(name, []).append(np.mean([seed[name] for seed in by_seed], axis=0))
    stacked = {name: np.stack(values) for name, values in samples.items()}
    ours = stacked["finerouter"]
    return {
        name: {
            **_intervals(values, ""),
            **({} if name == "finerouter" else _intervals(ours - values, "ours_minus_")),
        }
        for name, values in stacked.items()
    }


def _intervals(values: Floats, prefix: str) -> dict[str, dict[str, float]]:
    return {
        prefix + name: vars(Interval.of(float(values[0, at]), values[1:, at]))
        for at, name in enumerate(STATISTICS)
    }


def main() -> None:
    """Run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--clusters", type=int, nargs="+", default=list(CLUSTERS), help="K to try")
    arguments = parser.parse_args()
    out = Console()
    for dataset in arguments.datasets:
        outcomes = OutcomeTable.read(arguments.data / dataset)
        runs, notes = [], []
        for seed in range(arguments.seeds):
            judged, note = judge(outcomes, seed, arguments.clusters)
            runs.append(judged)
            notes.append(note)
            out.print(dataset, note)
        found = summarise(runs, len(outcomes))
        figures = {"seeds": notes, "clusters": arguments.clusters, "methods": found}
        record(f"quality_{dataset}", figures)
        for name, figures in found.items():
            line = "  ".join(_shown(key, figures[key]) for key in STATISTICS)
            out.print(f"{name:36} {line}")
            if name != "finerouter":
                ours = "  ".join(_shown(key, figures[f"ours_minus_{key}"]) for key in STATISTICS)
                out.print(f"{'    finerouter minus this':36} {ours}")


def _shown(name: str, interval: dict[str, float]) -> str:
    value, low, high = (100 * interval[key] for key in ("value", "low", "high"))
    return f"{name} {value:+.2f} [{low:+.2f}, {high:+.2f}]"


if __name__ == "__main__":
    main()

"""How often figures "show" a gain where there is none, by how the dial was picked.

    python -m benchmarks.picking

Twenty dials, each exactly as good as the best single model, 200 prompts: whatever the best of them
gains is luck. Per way of making the interval, the share of trials whose 95 % interval lies above
zero; 2.5 % would be right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks.machine import record
from finerouter.evaluation import Interval
from finerouter.evaluation.crossfit import FOLDS, CurveTally, best_quality
from finerouter.evaluation.intervals import tallies

Floats = NDArray[np.float64]
PROMPTS, DIALS, TRIALS, RESAMPLES = 200, 20, 400, 300
# Share of prompts on which a dial makes the same choice as its neighbour.
ALIKE = (0.0, 0.9)


def trial(seed: int, alike: float) -> dict[str, bool]:
    """Whether each interval lies above zero."""
    random = np.random.default_rng(seed)
    score = (random.uniform(size=(PROMPTS, DIALS + 1)) < 0.6).astype(np.float64)
    for dial in range(1, DIALS):
        kept = random.uniform(size=PROMPTS) < alike
        score[:, dial] = np.where(kept, score[:, dial - 1], score[:, dial])
    columns = np.hstack([score, np.ones((PROMPTS, DIALS + 1))])
    folds = np.arange(PROMPTS) % FOLDS
    (tally,) = tallies([(columns, folds)], resamples=RESAMPLES, seed=seed)
    dials, costs = slice(0, DIALS), slice(DIALS + 1, 2 * DIALS + 1)
    single = tally.means[:, DIALS]
    picked = tally.means[:, dials].max(axis=1) - single
    crossed = best_quality(CurveTally(tally, dials, costs, DIALS, 2 * DIALS + 1)).quality - single
    found = {
        "off the curve, percentiles": Interval.of(picked[0], picked[1:]),
        "off the curve, mirrored": Interval.reflected(picked[0], picked[1:]),
        "dial picked on other prompts": Interval.of(crossed[0], crossed[1:]),
    }
    return {name: interval.low > 0 for name, interval in found.items()}


def main() -> None:
    """Run, print, record."""
    out, console = Console(), Console(stderr=True)
    shown: dict[str, dict[str, float]] = {}
    for alike in ALIKE:
        runs = [trial(seed, alike) for seed in track(range(TRIALS), console=console)]
        shown[f"{alike:g} alike"] = {
            name: float(np.mean([run[name] for run in runs])) for name in runs[0]
        }
    for name, shares in shown.items():
        out.print(name, {key: f"{share:.1%}" for key, share in shares.items()})
    record("picking", {"prompts": PROMPTS, "dials": DIALS, "trials": TRIALS, "shown": shown})


if __name__ == "__main__":
    main()

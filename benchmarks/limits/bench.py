"""A dataset's development part in folds, with what every way's estimates came to.

Takes a dataset's folder and ways; gives their figures with intervals over prompts. All ways are
judged on the same draws of prompts, so that differences are paired. Intervals are of the kinds
that `comparison.statistics` names. Knows no analysis.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.areas import FEW_DIALS, development_part
from benchmarks.comparison.statistics import MIRRORED, NAMES, draws, resampled
from benchmarks.limits.folds import Folds, Way, mean_of
from benchmarks.limits.ways import Remembered, router
from finerouter.encoders import StaticEncoder
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.intervals import Interval

Floats = NDArray[np.float64]
RESAMPLES = 1000
# The same few dials for both datasets; one of them needs coarse tasks, the other blends.
DIALS = replace(FEW_DIALS, coarse=0.5)


class Bench:
    """A dataset's development part in folds, and every way's estimates, made once."""

    def __init__(self, folder: Path, seeds: Sequence[int], out: Console) -> None:
        self.name = folder.name
        self.table = development_part(folder)
        self.folds = [Folds.of(self.table, seed) for seed in seeds]
        self.encoder = Remembered.of(StaticEncoder.load(), self.table.prompts)
        self._out = out
        self._made: dict[str, list[Estimates]] = {}

    def estimates(self, name: str, way: Way) -> list[Estimates]:
        """Held-out estimates of a way, one for each division into folds."""
        if name not in self._made:
            started = time.perf_counter()
            self._made[name] = [folds.estimates(way) for folds in self.folds]
            self._out.print(f"{self.name}: {name}, {time.perf_counter() - started:.0f} s")
        return self._made[name]

    def blend(self, name: str, of: Sequence[str]) -> None:
        """Keep the mean quality of ways made before, with the first one's costs, as a way."""
        each = zip(*(self._made[part] for part in of), strict=True)
        self._made[name] = [mean_of(parts) for parts in each]

    def figures(self, names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """Ways made before against the best single model, and each pair's first less second."""
        drawn = draws(len(self.table), RESAMPLES)
        runs = [
            resampled(folds.outcomes({name: self._made[name][at] for name in names}), drawn)
            for at, folds in enumerate(self.folds)
        ]
        found = {name: np.mean([run[name] for run in runs], axis=0) for name in names}
        figures: dict[str, Any] = {name: _named(found[name], MIRRORED) for name in names}
        for first, second in pairs:
            figures[f"{first} minus {second}"] = _named(found[first] - found[second])
        return figures

    @property
    def plain(self) -> Way:
        """The router of few dials."""
        return router(DIALS, self.encoder)


def _named(samples: Floats, mirrored: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Intervals of the statistics; those that mean nothing where all models cost the same go."""
    found = {}
    for at, name in enumerate(NAMES):
        value, rest = float(samples[0, at]), samples[1:, at]
        if np.isfinite(value):
            made = Interval.reflected(value, rest) if name in mirrored else Interval.of(value, rest)
            found[name] = {key: round(figure, 6) for key, figure in vars(made).items()}
    return found

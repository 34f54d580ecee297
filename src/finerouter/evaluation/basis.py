"""Qualities as LLMRouterBench compares them: means over benchmarks, where the data names any.

Takes means over draws (`Resampled`); gives the qualities that its figures are made of. The best
single model stays the one that training chose, by its mean over prompts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.resampled import BenchmarkMeans, Resampled

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Basis:
    """What every quality of LLMRouterBench's figures is a mean of.

    Attributes:
        means: of the ways, models and points; of what lacks a benchmark they are unknown.
        note: says which means they are.
        unknown: why the best single model's is unknown; empty where it is known.
    """

    means: BenchmarkMeans
    note: str
    unknown: str

    def unknown_or(self, otherwise: str) -> str:
        """Why a figure against the best single model is unknown, its own quality first."""
        return self.unknown or otherwise


def basis(found: Resampled) -> Basis:
    """Means over benchmarks where the data names any, else over prompts."""
    even = found.over_benchmarks
    if even is not None:
        missing = "the best single model has no outcome in some benchmark"
        return Basis(even, "over benchmarks", missing if np.isnan(even.score[0, 0]) else "")
    means = BenchmarkMeans(found.score, found.model_score, found.point_score)
    return Basis(means, "over prompts: the data names no benchmarks", "")

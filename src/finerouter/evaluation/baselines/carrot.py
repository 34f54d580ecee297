"""CARROT: quality and cost estimated apart, then the largest (1 - mu) * quality - mu * cost.

Sweeping mu from 0 to 1 is sweeping the cost weight mu / (1 - mu) from 0 to infinity, so the
estimates are weighed as everybody else's. Nearest neighbours estimate both; how many is picked by
the share of variance explained in five folds, as in its code. With ridge regression in their place,
CARROT is `ridge.Ridge`, whose cost is a ridge regression of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.knn import neighbour_means
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable
from finerouter.training import fold_numbers

Floats = NDArray[np.float64]
_SOURCE = "Somerstep et al. 2025, arXiv 2502.03261; defaults of its code"
_NEIGHBOURS = (2, 4, 8, 16, 32, 64, 128, 256, 512)
_FOLDS = 5
_BY_VARIANCE = 0


@dataclass(frozen=True)
class Carrot:
    """Nearest neighbours for both.

    Attributes:
        neighbours, cost_neighbours: for quality and for cost; 0 picks by variance explained.
    """

    name: ClassVar[str] = "CARROT"
    source: ClassVar[str] = _SOURCE
    neighbours: int = _BY_VARIANCE
    cost_neighbours: int = _BY_VARIANCE

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        others = ((20, 16), (40, 16), (64, 16), (100, 16), (150, 16), (64, 64), (200, 64))
        return (cls(), *(cls(*pair) for pair in others))

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> _FittedCarrot:
        """See `Baseline`."""
        cost = train.realised_cost_usd
        return _FittedCarrot(
            rows,
            train.score,
            cost,
            self.neighbours or _explaining_most(rows, train.score, train, seed),
            self.cost_neighbours or _explaining_most(rows, cost, train, seed),
        )


@dataclass(frozen=True, eq=False)
class _FittedCarrot:
    rows: Rows
    score: Floats
    cost_usd: Floats
    neighbours: int
    cost_neighbours: int

    def prefer(self, rows: Rows) -> Estimates:
        return Estimates(
            neighbour_means(self.rows, self.score, rows, [self.neighbours])[0],
            neighbour_means(self.rows, self.cost_usd, rows, [self.cost_neighbours])[0],
        )


def _explaining_most(rows: Rows, values: Floats, train: OutcomeTable, seed: int) -> int:
    """Neighbours with the greatest mean share of variance explained out of fold."""
    folds = fold_numbers(train.prompts, _FOLDS, [seed, 3])
    fitting = [k for k in _NEIGHBOURS if k <= (folds != 0).sum()] or [1]
    estimates = np.empty((len(fitting), *values.shape))
    for fold in range(_FOLDS):
        out = folds == fold
        estimates[:, out] = neighbour_means(rows[~out], values[~out], rows[out], fitting)
    explained = [variance_explained(estimate, values) for estimate in estimates]
    return fitting[int(np.argmax(explained))]


def variance_explained(estimate: Floats, values: Floats) -> float:
    """R squared of each model, averaged; models whose values never vary are left out."""
    error = column_means(np.square(values - estimate))
    spread = column_means(np.square(values - column_means(values)))
    known = np.nan_to_num(spread) > 0
    return float((1 - error[known] / spread[known]).mean()) if known.any() else 0.0

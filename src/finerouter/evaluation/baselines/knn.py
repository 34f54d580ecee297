"""k nearest neighbours: a model's quality is its mean score on the most similar prompts.

RouterBench's kNN router, with mean scores. Routers that learn the name of each prompt's best model
instead, as LLMRouter's does, mostly learn which model is listed first: several are best at once on
most prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
_BATCH = 64


@dataclass(frozen=True)
class KNN:
    """Mean score of the nearest prompts by cosine.

    Attributes:
        neighbours: how many; the published sweep is 5, 10 and 40, the class default 50.
    """

    name: ClassVar[str] = "kNN"
    source: ClassVar[str] = "RouterBench, Hu et al. 2024, arXiv 2403.12031"
    neighbours: int = 50

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        return tuple(cls(neighbours) for neighbours in (50, 20, 40, 70, 100, 150, 200, 400))

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> _FittedKNN:  # noqa: ARG002
        """See `Baseline`."""
        return _FittedKNN(self.neighbours, rows, train.score, ExpectedCost.fit(rows, train))


@dataclass(frozen=True, eq=False)
class _FittedKNN:
    neighbours: int
    rows: Rows
    score: Floats
    cost: ExpectedCost

    def prefer(self, rows: Rows) -> Estimates:
        quality = neighbour_means(self.rows, self.score, rows, [self.neighbours])[0]
        return Estimates(quality, self.cost.predict(rows))


def neighbour_means(
    train_rows: Rows, values: Floats, rows: Rows, neighbours: Sequence[int]
) -> Floats:
    """Means of values [training prompt, model] over each row's nearest training prompts.

    Gaps are left out of a mean; where no neighbour has a value, the model's mean stands in.

    Returns:
        [number of neighbours, prompt, model], one for each number asked for.
    """
    seen = ~np.isnan(values)
    filled, overall = np.where(seen, values, 0.0), column_means(values)
    most = min(max(neighbours), len(train_rows))
    upto = np.minimum(np.asarray(neighbours), len(train_rows)) - 1
    means = np.empty((len(neighbours), len(rows), values.shape[1]))
    for start in range(0, len(rows), _BATCH):
        nearest = _nearest(train_rows, rows[start : start + _BATCH], most)
        count = np.cumsum(seen[nearest], axis=1)[:, upto].swapaxes(0, 1)
        total = np.cumsum(filled[nearest], axis=1)[:, upto].swapaxes(0, 1)
        own = np.where(count > 0, total / np.maximum(count, 1), overall)
        means[:, start : start + _BATCH] = own
    return means


def _nearest(train_rows: Rows, rows: Rows, neighbours: int) -> NDArray[np.int64]:
    """Training prompts by falling cosine, [prompt, neighbour]."""
    distance = -(rows @ train_rows.T)
    kept = np.argpartition(distance, neighbours - 1, axis=1)[:, :neighbours]
    order = np.argsort(np.take_along_axis(distance, kept, axis=1), axis=1, kind="stable")
    return np.take_along_axis(kept, order, axis=1)

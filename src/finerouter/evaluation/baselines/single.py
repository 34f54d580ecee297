"""Baselines that look at no prompt: the zero router, and the best single model.

The zero router of RouterBench mixes single models along the hull of their means; a method that
does not beat it has learned nothing from prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ZeroRouter:
    """Each model's mean score and mean cost on training prompts, whatever the prompt."""

    name: ClassVar[str] = "zero router"
    source: ClassVar[str] = "RouterBench, Hu et al. 2024, arXiv 2403.12031, section 3.3"

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """Nothing to set."""
        return (cls(),)

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> _Constant:  # noqa: ARG002
        """See `Baseline`."""
        return _Constant(column_means(train.score), column_means(train.realised_cost_usd))


@dataclass(frozen=True, eq=False)
class _Constant:
    quality: Floats
    cost_usd: Floats

    def prefer(self, rows: Rows) -> Estimates:
        shape = (len(rows), 1)
        return Estimates(np.tile(self.quality, shape), np.tile(self.cost_usd, shape))


def best_single(train: OutcomeTable) -> int:
    """Column of the model with the best mean score; among equals the cheaper."""
    score = column_means(train.score)
    cost = np.nan_to_num(column_means(train.realised_cost_usd), nan=np.inf)
    return int(np.lexsort((cost, -np.nan_to_num(score, nan=-np.inf)))[0])


def cheapest(train: OutcomeTable) -> int:
    """Column of the model with the least mean cost; among equals the better."""
    score = column_means(train.score)
    cost = np.nan_to_num(column_means(train.realised_cost_usd), nan=np.inf)
    return int(np.lexsort((-np.nan_to_num(score, nan=-np.inf), cost))[0])

"""Avengers-Pro: clusters rank models by a balance of score and cost.

In each cluster, balance(model) = alpha * scaled score + (1 - alpha) * (1 - scaled cost), the score
scaled from the worst to the best model of the cluster. The nearest clusters' balances are added up
by weight: as ranks (its code, where cost is divided by the dearest model's) or as they are (the
paper, where cost is scaled from the cheapest to the dearest). Alpha is the dial from cost to
quality; nothing is retrained for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.avengers import cluster_weights, rank_votes
from finerouter.evaluation.baselines.clusters import Clustering, cluster
from finerouter.evaluation.baselines.preference import Scores
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
# As many steps as other methods have cost weights; near 1 finer, where one step moves much cost.
_ALPHAS = np.concatenate([[1.0], 1.0 / (1.0 + np.geomspace(1e-4, 30.0, 95)), [0.0]])


@dataclass(frozen=True)
class AvengersPro:
    """Balanced votes of the nearest clusters.

    Attributes:
        clusters: k, as in its README.
        nearest: clusters that vote.
        beta: sharpness of their weights.
        by_rank: whether ranks of the balance vote, or the balance itself.
    """

    name: ClassVar[str] = "Avengers-Pro"
    source: ClassVar[str] = "Zhang et al. 2025, arXiv 2508.12631; defaults of its README and code"
    clusters: int = 25
    nearest: int = 3
    beta: float = 9.0
    by_rank: bool = True

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        others = ((16, 1), (25, 3), (32, 1), (64, 1), (64, 3), (128, 5))
        return (
            cls(),
            cls(64, 3, by_rank=True),
            *(cls(clusters, nearest, by_rank=False) for clusters, nearest in others),
        )

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> _FittedAvengersPro:
        """See `Baseline`."""
        found = cluster(rows, self.clusters, seed)
        score, cost = found.means(train.score), found.means(train.realised_cost_usd)
        return _FittedAvengersPro(self, found, score, np.nan_to_num(cost))


@dataclass(frozen=True, eq=False)
class _FittedAvengersPro:
    dials: AvengersPro
    clustering: Clustering
    score: Floats
    cost_usd: Floats

    def prefer(self, rows: Rows) -> Scores:
        weights = cluster_weights(
            self.clustering, rows, nearest=self.dials.nearest, beta=self.dials.beta
        )
        scores = []
        for alpha in _ALPHAS:
            balanced = balance(
                self.score, self.cost_usd, alpha=alpha, from_cheapest=not self.dials.by_rank
            )
            scores.append(weights @ (rank_votes(balanced) if self.dials.by_rank else balanced))
        return Scores(np.stack(scores), weights @ self.cost_usd)


def balance(score: Floats, cost_usd: Floats, *, alpha: float, from_cheapest: bool) -> Floats:
    """Balance of score and cost in each cluster, [cluster, model].

    Args:
        score, cost_usd: means [cluster, model].
        alpha: weight of the score.
        from_cheapest: whether cost is scaled from the cheapest model, or from nothing.
    """
    least = cost_usd.min(axis=1, keepdims=True) if from_cheapest else np.zeros((len(cost_usd), 1))
    scaled_score = _scaled(score, score.min(axis=1, keepdims=True))
    return alpha * scaled_score + (1 - alpha) * (1 - _scaled(cost_usd, least))


def _scaled(values: Floats, least: Floats) -> Floats:
    """Values from 0 at the least to 1 at the greatest of each row; 0 where all are the same."""
    span = values.max(axis=1, keepdims=True) - least
    return np.where(span > 0, (values - least) / np.where(span > 0, span, 1.0), 0.0)

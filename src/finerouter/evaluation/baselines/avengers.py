"""Avengers: models are ranked in each k-means cluster; the nearest clusters vote by rank.

score(model) = sum over the nearest clusters of p(cluster) / (1 + rank of the model there), where p
is a softmax of minus beta times the distance 1 - row @ centre, over these clusters. By rank, not
by mean: a model that is ahead by a hair counts twice as much as the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.clusters import Clustering, cluster
from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Avengers:
    """Rank votes of the nearest clusters.

    Attributes:
        clusters: k; the code's default.
        nearest: clusters that vote.
        beta: sharpness of their weights.
    """

    name: ClassVar[str] = "Avengers"
    source: ClassVar[str] = "Zhang et al. 2025, arXiv 2505.19797; defaults of its code"
    clusters: int = 32
    nearest: int = 1
    beta: float = 9.0

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        others = ((8, 1), (16, 1), (64, 1), (128, 1), (25, 3), (64, 3), (128, 5))
        return (cls(), *(cls(clusters, nearest) for clusters, nearest in others))

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> _FittedAvengers:
        """See `Baseline`."""
        found = cluster(rows, self.clusters, seed)
        votes = rank_votes(found.means(train.score))
        return _FittedAvengers(self, found, votes, ExpectedCost.fit(rows, train))


@dataclass(frozen=True, eq=False)
class _FittedAvengers:
    dials: Avengers
    clustering: Clustering
    votes: Floats
    cost: ExpectedCost

    def prefer(self, rows: Rows) -> Estimates:
        weights = cluster_weights(
            self.clustering, rows, nearest=self.dials.nearest, beta=self.dials.beta
        )
        return Estimates(weights @ self.votes, self.cost.predict(rows))


def rank_votes(score: Floats) -> Floats:
    """1 / (1 + rank) of each model in each cluster, [cluster, model]; ranks count from 0."""
    order = np.argsort(-score, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(score.shape[1])[None, :], axis=1)
    return np.asarray(1.0 / (1.0 + rank), dtype=np.float64)


def cluster_weights(clustering: Clustering, rows: Rows, *, nearest: int, beta: float) -> Floats:
    """Weights of the clusters for each prompt [prompt, cluster]: zero beyond the nearest."""
    distance = 1.0 - rows.astype(np.float64) @ clustering.centres.T
    kept = min(nearest, distance.shape[1])
    furthest = np.sort(distance, axis=1)[:, kept - 1 : kept]
    logits = np.where(distance <= furthest, -beta * distance, -np.inf)
    weights: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)

"""k-means task means: a prompt's quality and cost are the means in its cluster.

The simplest form of Avengers, and the baseline that most learned routers fail to beat.
`KMeansBlend` averages it over several numbers of clusters, which is steadier than any one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.clusters import Clustering, cluster
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
_SOURCE = "after Avengers, Zhang et al. 2025, arXiv 2505.19797; means in place of ranks"


@dataclass(frozen=True)
class KMeans:
    """Means of one clustering.

    Attributes:
        clusters: k.
    """

    name: ClassVar[str] = "k-means task means"
    source: ClassVar[str] = _SOURCE
    clusters: int = 32

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        return tuple(cls(clusters) for clusters in (32, 8, 12, 16, 24, 48, 64, 128))

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> _ClusterMeans:
        """See `Baseline`."""
        return _ClusterMeans((_Level.fit(rows, train, self.clusters, seed),))


@dataclass(frozen=True)
class KMeansBlend:
    """The mean over several clusterings.

    Attributes:
        clusters: k of each.
    """

    name: ClassVar[str] = "k-means task means, mean over K"
    source: ClassVar[str] = _SOURCE
    clusters: tuple[int, ...] = (8, 16, 32, 64, 128)

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        return (
            cls(),
            *(
                cls(clusters)
                for clusters in (
                    (4, 8, 16),
                    (8, 16, 32),
                    (16, 32, 64),
                    (32, 64, 128),
                    (4, 8, 16, 32, 64),
                    (16, 32, 64, 128),
                    (8, 12, 16, 24, 32, 48, 64),
                )
            ),
        )

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> _ClusterMeans:
        """See `Baseline`."""
        return _ClusterMeans(tuple(_Level.fit(rows, train, k, seed) for k in self.clusters))


@dataclass(frozen=True, eq=False)
class _Level:
    clustering: Clustering
    score: Floats
    cost_usd: Floats

    @classmethod
    def fit(cls, rows: Rows, train: OutcomeTable, clusters: int, seed: int) -> _Level:
        found = cluster(rows, clusters, seed)
        return cls(found, found.means(train.score), found.means(train.realised_cost_usd))


@dataclass(frozen=True, eq=False)
class _ClusterMeans:
    levels: Sequence[_Level]

    def prefer(self, rows: Rows) -> Estimates:
        at = [level.clustering.nearest(rows) for level in self.levels]
        pairs = list(zip(self.levels, at, strict=True))
        return Estimates(
            np.mean([level.score[nearest] for level, nearest in pairs], axis=0),
            np.mean([level.cost_usd[nearest] for level, nearest in pairs], axis=0),
        )

"""k-means of the rows, and means of outcomes in clusters: what the Avengers methods share.

A clustering is remembered: several methods and settings divide the same rows alike.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.extra import scikit_learn
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.gaps import column_means

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
_STARTS = 4
_REMEMBERED = 64
_known: OrderedDict[tuple[str, int, int], Clustering] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Clustering:
    """Centres, and where the training prompts lie.

    Attributes:
        centres: [cluster, feature].
        labels: [training prompt].
    """

    centres: Floats
    labels: Labels

    def nearest(self, rows: Rows) -> Labels:
        """The cluster with the nearest centre, [prompt]."""
        # |row|^2 is the same for all centres of a row.
        return (np.square(self.centres).sum(axis=1) - 2 * (rows @ self.centres.T)).argmin(axis=1)

    def means(self, values: Floats) -> Floats:
        """Means [cluster, model] of values [training prompt, model], gaps left out.

        A cluster without any value of a model takes the model's mean.
        """
        seen = ~np.isnan(values)
        member = np.eye(len(self.centres))[self.labels]
        count = member.T @ seen
        own = (member.T @ np.where(seen, values, 0.0)) / np.maximum(count, 1)
        return np.where(count > 0, own, column_means(values))


def cluster(rows: Rows, clusters: int, seed: int) -> Clustering:
    """k-means of unit rows (Lloyd 1982; k-means++ starts).

    The best of four starts, to save time; Avengers takes ten.
    """
    key = hashlib.sha256(rows.tobytes()).hexdigest(), clusters, seed
    if key not in _known:
        _known[key] = _fit(rows, clusters, seed)
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return _known[key]


def _fit(rows: Rows, clusters: int, seed: int) -> Clustering:
    distinct = len(np.unique(rows, axis=0))
    count = min(clusters, distinct)
    found = scikit_learn("cluster").KMeans(count, n_init=_STARTS, random_state=seed).fit(rows)
    return Clustering(found.cluster_centers_.astype(np.float64), found.labels_.astype(np.int64))

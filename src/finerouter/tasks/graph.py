"""The graph of training prompts: nearest neighbours, weighted by meaning and by rankings.

Takes unit feature rows and scores; gives a symmetric sparse graph. Fitting only: needs faiss and
SciPy. Knows nothing of communities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from finerouter.tasks.rankings import competition_ranks, rank_biased_overlap, smoothed_scores

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Index = NDArray[np.int64]

# Exact search is quadratic. From here on a navigable graph is as fast, and it grows with n log n.
EXACT_UP_TO = 10_000
_LINKS = 16
_BEAM = 64


@dataclass(frozen=True, eq=False)
class NeighbourEdges:
    """Directed edges to nearest neighbours, with both similarities in [0, 1]."""

    prompts: int
    source: Index
    target: Index
    semantic: Floats
    performance: Floats

    def weighted(self, beta: float) -> sparse.csr_matrix:
        """Symmetric graph with weights (1 - beta) * semantic + beta * performance."""
        weight = (1 - beta) * self.semantic + beta * self.performance
        shape = (self.prompts, self.prompts)
        directed = sparse.csr_matrix((weight, (self.source, self.target)), shape=shape)
        graph = directed.maximum(directed.T).tocsr()
        graph.sort_indices()
        return graph


def nearest_neighbours(rows: Rows, k: int, *, seed: int) -> tuple[Index, Floats]:
    """Nearest neighbours of each row among the others, by dot product.

    Exact up to 10,000 rows, else by a hierarchical navigable small world graph (Malkov and
    Yashunin 2018; recall .99 on clustered data), built on one thread so that the same seed gives
    the same graph.

    Returns:
        Neighbours [row, k'] and similarities [row, k'], k' = min(k, rows - 1).
    """
    k = min(k, len(rows) - 1)
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    similarity, found = _index(rows, seed).search(rows, k + 1)
    # The row itself is usually first, but a duplicate may stand before it, or an approximate
    # search may have missed it: then the last one goes.
    itself = found == np.arange(len(rows))[:, None]
    itself[~itself.any(axis=1), -1] = True
    keep = ~itself
    neighbours = found[keep].reshape(len(rows), k)
    similarity = similarity[keep].reshape(len(rows), k)
    absent = neighbours < 0  # the search got stuck: point at the row itself with no weight
    neighbours = np.where(absent, np.arange(len(rows))[:, None], neighbours)
    return neighbours, np.where(absent, 0.0, similarity).astype(np.float64)


def _index(rows: Rows, seed: int) -> Any:
    index: Any
    if len(rows) <= EXACT_UP_TO:
        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(rows)
        return index
    index = faiss.IndexHNSWFlat(rows.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.rng = faiss.RandomGenerator(seed)  # type: ignore[attr-defined]
    index.hnsw.efConstruction = index.hnsw.efSearch = _BEAM
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        index.add(rows)
    finally:
        faiss.omp_set_num_threads(threads)
    return index


def neighbour_edges(
    rows: Rows, score: Floats, *, k: int, persistence: float, seed: int
) -> NeighbourEdges:
    """Edges from each prompt to its k nearest, with semantic and performance similarity.

    Args:
        rows: unit feature rows [prompt, feature].
        score: [prompt, model], NaN where missing.
        k: neighbours a prompt.
        persistence: of rank-biased overlap.
        seed: of the approximate search.
    """
    neighbours, similarity = nearest_neighbours(rows, k, seed=seed)
    ranks = competition_ranks(smoothed_scores(score, neighbours))
    source = np.repeat(np.arange(len(rows)), neighbours.shape[1])
    target = neighbours.ravel()
    return NeighbourEdges(
        prompts=len(rows),
        source=source,
        target=target,
        semantic=np.clip(similarity.ravel(), 0.0, 1.0),
        performance=_performance(ranks, source, target, persistence),
    )


def _performance(
    ranks: NDArray[np.int16], source: Index, target: Index, persistence: float
) -> Floats:
    # In slices: the rankings of millions of edges side by side would not fit.
    step = 1_000_000
    parts = [
        rank_biased_overlap(
            ranks[source[at : at + step]], ranks[target[at : at + step]], persistence=persistence
        )
        for at in range(0, len(source), step)
    ]
    return np.concatenate(parts) if parts else np.empty(0)

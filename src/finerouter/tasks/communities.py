"""Communities of a graph of prompts: Leiden, then small ones joined to their nearest.

Takes a symmetric sparse graph and feature rows; gives a label per prompt. Fitting only.
"""

from __future__ import annotations

import graspologic_native
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from finerouter.tasks.graph import nearest_neighbours

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
_ITERATIONS = 2


def leiden_communities(graph: sparse.csr_matrix, *, resolution: float, seed: int) -> Labels:
    """Leiden communities by modularity at a resolution.

    Source: Traag, Waltman, van Eck, "From Louvain to Leiden", Scientific Reports 9, 2019.

    Returns:
        A label per node, numbered by falling size; the same seed gives the same labels.
    """
    if not graph.data.any():
        return np.arange(graph.shape[0])  # the library panics on a graph without any weight
    _, communities = graspologic_native.leiden_csr(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int32),
        graph.data.astype(np.float64),
        graph.shape[0],
        resolution=resolution,
        iterations=_ITERATIONS,
        seed=seed,
    )
    # A node without edges may be absent from the answer: it is a community of its own.
    labels = np.array([communities.get(node, -1 - node) for node in range(graph.shape[0])])
    return by_falling_size(labels)


def merge_small(
    labels: Labels, rows: NDArray[np.float32], *, minimum: int, seed: int = 0
) -> Labels:
    """Join communities smaller than `minimum` to the one with the nearest centre.

    Smallest first, in rounds: one for each doubling of the smallest size, so that the work grows
    with n log n however many small ones there are. What another has just joined waits a round, for
    it may be large enough now.

    Args:
        labels: [prompt].
        rows: unit feature rows [prompt, feature].
        minimum: smallest size that stays.
        seed: of the search for nearest centres, approximate when there are very many.

    Returns:
        Labels numbered by falling size; a single community if even all together are too few.
    """
    labels = by_falling_size(labels)
    into, sizes, sums = labels, np.bincount(labels), _sums(labels, rows)
    while len(sizes) > 1 and sizes.min() < minimum:
        joined = _joined(sizes, sums, min(minimum, 2 * int(sizes.min())), seed)
        into, sizes, sums = joined[into], np.bincount(joined, sizes), _sums(joined, sums)
    return by_falling_size(into)


def _joined(sizes: NDArray[np.number], sums: Floats, below: int, seed: int) -> Labels:
    """A new label for each community, those of a size below `below` having joined their nearest."""
    centres = sums / (np.linalg.norm(sums, axis=1, keepdims=True) + 1e-12)
    nearest = nearest_neighbours(centres.astype(np.float32), 1, seed=seed)[0][:, 0]
    into = np.arange(len(sizes))
    grown = np.zeros(len(sizes), dtype=bool)
    order = np.argsort(sizes, kind="stable")
    for small in order[sizes[order] < below]:
        if not grown[small]:
            into[small] = into[nearest[small]]
            grown[into[small]] = True
    return np.unique(into, return_inverse=True)[1]


def _sums(labels: Labels, rows: NDArray[np.floating]) -> Floats:
    """Sum of the rows of each label, [label, feature]."""
    member = sparse.csr_matrix((np.ones(len(labels)), labels, np.arange(len(labels) + 1)))
    sums: Floats = member.T @ rows.astype(np.float64)
    return sums


def by_falling_size(labels: Labels) -> Labels:
    """Number labels 0, 1, ... from the largest group to the smallest; ties by first appearance."""
    _, first, compact, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -sizes))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[compact]

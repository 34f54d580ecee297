"""Communities of a graph of prompts: Leiden, then small ones joined to their nearest.

Takes a symmetric sparse graph and feature rows; gives a label per prompt. Fitting only.
"""

from __future__ import annotations

import graspologic_native
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

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


def merge_small(labels: Labels, rows: NDArray[np.float32], *, minimum: int) -> Labels:
    """Join communities smaller than `minimum` to the one with the nearest centre, smallest first.

    Args:
        labels: [prompt].
        rows: unit feature rows [prompt, feature].
        minimum: smallest size that stays.

    Returns:
        Labels numbered by falling size; a single community if even all together are too few.
    """
    labels = by_falling_size(labels)
    count = int(labels.max()) + 1
    sizes = np.bincount(labels, minlength=count)
    member = sparse.csr_matrix((np.ones(len(labels)), labels, np.arange(len(labels) + 1)))
    sums = member.T @ rows.astype(np.float64)
    into = np.arange(count)
    for _ in range(count - 1):
        alive = np.flatnonzero(sizes)
        smallest = alive[np.argmin(sizes[alive])]
        if sizes[smallest] >= minimum:
            break
        others = alive[alive != smallest]
        centres = sums[others] / (np.linalg.norm(sums[others], axis=1, keepdims=True) + 1e-12)
        nearest = others[np.argmax(centres @ sums[smallest])]
        into[into == smallest] = nearest
        sums[nearest] += sums[smallest]
        sizes[nearest] += sizes[smallest]
        sizes[smallest] = 0
    return by_falling_size(into[labels])


def by_falling_size(labels: Labels) -> Labels:
    """Number labels 0, 1, ... from the largest group to the smallest; ties by first appearance."""
    _, first, compact, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.lexsort((first, -sizes))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[compact]

"""Tasks from the graph of training prompts.

Takes neighbour edges and feature rows; gives a task label per prompt, and each task's candidate
models. Fitting only. Knows nothing of how a granularity is chosen: that is a matter of routing,
and stands in `training/tuning.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.tasks.communities import leiden_communities, merge_small
from finerouter.tasks.graph import NeighbourEdges, nearest_neighbours

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
FREE = -1


@dataclass(frozen=True, order=True)
class Granularity:
    """How finely prompts are divided, and how much rankings count beside meaning.

    Attributes:
        resolution: of modularity; higher gives more and smaller tasks.
        beta: weight of the performance similarity, 0 to 1.
    """

    resolution: float
    beta: float


def discover_tasks(
    edges: NeighbourEdges,
    rows: NDArray[np.float32],
    granularity: Granularity,
    *,
    minimum_size: int,
    seed: int,
    fixed: Labels | None = None,
) -> Labels:
    """Divide prompts into tasks.

    Args:
        edges: of the prompts' neighbour graph.
        rows: unit feature rows [prompt, feature].
        granularity: of the division.
        minimum_size: smaller communities join their nearest.
        seed: the same gives the same tasks.
        fixed: labels 0 to F - 1 that stay as they are, `FREE` elsewhere.

    Returns:
        Labels [prompt]: fixed ones first, then discovered ones by falling size.
    """
    if fixed is None:
        fixed = np.full(len(rows), FREE)
    free = np.flatnonzero(fixed == FREE)
    labels = fixed.copy()
    if len(free):
        graph = edges.weighted(granularity.beta)[free][:, free].tocsr()
        found = leiden_communities(graph, resolution=granularity.resolution, seed=seed)
        merged = merge_small(found, rows[free], minimum=minimum_size, seed=seed)
        labels[free] = merged + int(fixed.max()) + 1
    return labels


def join_nearest(rows: NDArray[np.float32], labels: Labels, *, k: int, seed: int) -> Labels:
    """Give free prompts the label that most of their labelled neighbours have.

    Repeats until nothing changes; what has no labelled neighbour at all joins the largest task.
    """
    labels = labels.copy()
    neighbours, _ = nearest_neighbours(rows, k, seed=seed)
    for _ in range(len(labels)):
        free = np.flatnonzero(labels == FREE)
        votes = np.zeros((len(free), int(labels.max()) + 2))
        for column in neighbours[free].T:
            votes[np.arange(len(free)), labels[column]] += 1  # FREE votes fall into the last slot
        decided = votes[:, :-1].max(axis=1, initial=0) > 0
        if not decided.any():
            break
        labels[free[decided]] = votes[decided, :-1].argmax(axis=1)
    labels[labels == FREE] = np.bincount(labels[labels != FREE]).argmax()
    return labels


def candidate_models(score: Floats, *, coverage: float) -> tuple[tuple[int, ...], float]:
    """Models that matter in a task: added until enough prompts have a preferred model among them.

    A prompt prefers every model that reaches its best observed score; a prompt on which all
    observed models do the same has no preference and does not count.

    Args:
        score: [prompt, model] of the task's prompts, NaN where missing.
        coverage: share of prompts with a preference to be covered, the delta of the method.

    Returns:
        Columns in the order in which they were added, at least one, and the coverage reached.
    """
    observed = ~np.isnan(score)
    best = np.max(np.where(observed, score, -np.inf), axis=1, keepdims=True)
    worst = np.min(np.where(observed, score, np.inf), axis=1, keepdims=True)
    prefers = (observed & (score >= best))[(best > worst).ravel()]
    if not len(prefers):
        return (_best_on_average(score),), 1.0
    chosen: list[int] = []
    uncovered = np.ones(len(prefers), dtype=bool)
    while 1 - uncovered.mean() < coverage:
        gains = prefers[uncovered].sum(axis=0)
        chosen.append(int(gains.argmax()))
        uncovered &= ~prefers[:, chosen[-1]]
    return tuple(chosen), float(1 - uncovered.mean())


def _best_on_average(score: Floats) -> int:
    seen = ~np.isnan(score)
    means = np.where(seen, score, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return int(means.argmax())

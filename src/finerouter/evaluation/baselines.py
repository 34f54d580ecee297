"""What a router must beat: choices that need no router, and the oldest one that does.

Takes training and held-out outcomes; gives per-prompt outcomes of each baseline's choices, or
estimates to choose by.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.frontier import cheapest_argmax
from finerouter.gaps import row_means
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
_RESTARTS = 4
_ITERATIONS = 50


def oracle_choice(outcomes: OutcomeTable) -> NDArray[np.int64]:
    """The best model of each prompt in hindsight, the cheapest among equals, [prompt]."""
    score = np.where(np.isnan(outcomes.score), -np.inf, outcomes.score)
    return cheapest_argmax(score, outcomes.realised_cost_usd)


def random_outcome(values: Floats) -> Floats:
    """Expected outcome of a model drawn at random on each prompt, [prompt]; gaps left out."""
    return row_means(values)


def kmeans_task_means(
    train_rows: Rows,
    train: OutcomeTable,
    test_rows: Rows,
    *,
    clusters: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Quality and cost estimates by k-means clusters of the embedding and their plain means.

    The method of Avengers (Zhang et al. 2025, arXiv 2505.19797) in its simplest form, and the
    baseline that most learned routers fail to beat.

    Args:
        train_rows, test_rows: unit embeddings [prompt, dim].
        train: outcomes of the training prompts.
        clusters: k.
        seed: of the starting centres.

    Returns:
        Quality and cost_usd of the test prompts, both [prompt, model].
    """
    centres = _kmeans(train_rows, clusters, seed)
    member = np.eye(len(centres))[_nearest(train_rows, centres)]
    at = _nearest(test_rows, centres)
    return _means(member, train.score)[at], _means(member, train.realised_cost_usd)[at]


def _means(member: Floats, values: Floats) -> Floats:
    seen = ~np.isnan(values)
    count = member.T @ seen
    overall = np.nan_to_num(values).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    means = (member.T @ np.nan_to_num(values)) / np.maximum(count, 1)
    return np.where(count > 0, means, overall)


def _kmeans(rows: Rows, clusters: int, seed: int) -> Rows:
    """Lloyd's algorithm from k-means++ starts (Arthur and Vassilvitskii 2007); best of four."""
    runs = [_lloyd(rows, clusters, np.random.default_rng([seed, run])) for run in range(_RESTARTS)]
    return min(runs, key=lambda centres: _inertia(rows, centres))


def _lloyd(rows: Rows, clusters: int, random: np.random.Generator) -> Rows:
    centres = _plus_plus(rows, clusters, random)
    labels = np.full(len(rows), -1)
    for _ in range(_ITERATIONS):
        found = _nearest(rows, centres)
        if (found == labels).all():
            break
        labels = found
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, rows)
        count = np.bincount(labels, minlength=len(centres))[:, None]
        centres = np.where(count > 0, sums / np.maximum(count, 1), centres).astype(np.float32)
    return centres


def _plus_plus(rows: Rows, clusters: int, random: np.random.Generator) -> Rows:
    chosen = [int(random.integers(len(rows)))]
    distance = np.square(rows - rows[chosen[0]]).sum(axis=1)
    while len(chosen) < min(clusters, len(rows)) and distance.sum() > 0:
        chosen.append(int(random.choice(len(rows), p=distance / distance.sum())))
        distance = np.minimum(distance, np.square(rows - rows[chosen[-1]]).sum(axis=1))
    return rows[chosen]


def _nearest(rows: Rows, centres: Rows) -> NDArray[np.int64]:
    # |row|^2 is the same for all centres of a row.
    return (np.square(centres).sum(axis=1) - 2 * rows @ centres.T).argmin(axis=1)


def _inertia(rows: Rows, centres: Rows) -> float:
    return float(np.square(rows - centres[_nearest(rows, centres)]).sum())

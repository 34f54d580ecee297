"""How alike two prompts rank the models: tie-aware rank-biased overlap of denoised rankings.

Takes scores [prompt, model] with gaps and neighbours [prompt, k]; gives a similarity in [0, 1] of
prompt pairs. Knows nothing of embeddings or graphs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
_BATCH_PAIRS = 262_144


def smoothed_scores(score: Floats, neighbours: Index, *, grid: float = 0.05) -> Floats:
    """Mean score of each prompt and its neighbours, rounded to a grid so that near-ties tie.

    One 0/1 row is a poor ranking: half of its order is luck. Means over its neighbourhood are
    steadier.

    Args:
        score: [prompt, model], NaN where missing.
        neighbours: [prompt, k], rows of `score`.
        grid: differences below this are not worth an order.

    Returns:
        [prompt, model]; the model's overall mean where the whole neighbourhood lacks it.
    """
    seen = ~np.isnan(score)
    filled = np.where(seen, score, 0.0)
    total, count = filled.copy(), seen.astype(np.float64)
    for column in neighbours.T:
        total += filled[column]
        count += seen[column]
    overall = filled.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    means = np.where(count > 0, total / np.maximum(count, 1), overall)
    return np.round(means / grid) * grid


def competition_ranks(values: Floats) -> NDArray[np.int16]:
    """Rank of each column in its row: how many are strictly better. Ties share a rank."""
    ranks = np.zeros(values.shape, dtype=np.int16)
    for column in range(values.shape[1]):
        ranks += values[:, column, None] > values + 1e-9
    return ranks


def rank_biased_overlap(
    ranks_a: NDArray[np.int16], ranks_b: NDArray[np.int16], *, persistence: float = 0.8
) -> Floats:
    """Rank-biased overlap of paired rankings over the same items, evaluated to full depth.

    Source: Webber, Moffat, Zobel, "A similarity measure for indefinite rankings", ACM TOIS 28(4),
    2010, with their treatment of ties: at depth d a ranking's set holds all items of rank below d,
    and agreement is 2|A and B| / (|A| + |B|). The weights p^(d-1) are normalised over the finite
    depth, so identical rankings give 1.

    Args:
        ranks_a, ranks_b: [pair, item], as from `competition_ranks`.
        persistence: p in (0, 1); smaller looks at the top only.

    Returns:
        [pair], in [0, 1], symmetric.
    """
    depth = ranks_a.shape[1]
    weights = persistence ** np.arange(depth)
    overlap = np.empty(len(ranks_a))
    for start in range(0, len(ranks_a), _BATCH_PAIRS):
        part = slice(start, start + _BATCH_PAIRS)
        agreement = [_agreement(ranks_a[part] <= at, ranks_b[part] <= at) for at in range(depth)]
        overlap[part] = np.tensordot(weights, np.stack(agreement), axes=1) / weights.sum()
    return np.clip(overlap, 0.0, 1.0)


def _agreement(held_a: NDArray[np.bool_], held_b: NDArray[np.bool_]) -> Floats:
    both = np.count_nonzero(held_a & held_b, axis=1)
    agreement: Floats = (
        2.0 * both / (np.count_nonzero(held_a, axis=1) + np.count_nonzero(held_b, axis=1))
    )
    return agreement

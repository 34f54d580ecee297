"""Figures of routers between two models, a weak and a strong one, as RouteLLM publishes them.

Takes per-prompt estimates and scores of both models; gives numbers. Knows nothing of cost: the
share of prompts that go to the strong model stands for it.

Source: RouteLLM (Ong et al. 2024, arXiv 2406.18665), section 4.1, and `evals/evaluate.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SHARES = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True, eq=False)
class StrongShareCurve:
    """Mean score at each share of prompts that go to the strong model.

    Attributes:
        share: [point], rising from 0 (weak alone) to 1 (strong alone).
        score: [point], mean score.
    """

    share: Floats
    score: Floats


def strong_share_curve(
    advantage: Floats, weak: Floats, strong: Floats, shares: Floats = SHARES
) -> StrongShareCurve:
    """Give the strong model the prompts with the largest estimated advantage, share by share.

    RouteLLM's thresholds are deciles of its estimate; here the shares are exact, and of equal
    estimates all share alike: the mean over their order.

    Args:
        advantage: estimated quality of the strong model less that of the weak one, [prompt].
        weak, strong: their scores, [prompt].
        shares: to read the curve at.
    """
    gain = _mean_of_equals(advantage, strong - weak)
    order = np.argsort(-advantage, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(gain[order])]) / len(gain)
    at = np.interp(shares * len(gain), np.arange(len(gain) + 1), total)
    return StrongShareCurve(shares, float(weak.mean()) + at)


def _mean_of_equals(advantage: Floats, gain: Floats) -> Floats:
    _, group = np.unique(advantage, return_inverse=True)
    return (np.bincount(group, gain) / np.bincount(group))[group]


def performance_gap_recovered(curve: StrongShareCurve) -> Floats:
    """PGR at each share: (score - weak) / (strong - weak); NaN where strong is not better."""
    weak, strong = curve.score[0], curve.score[-1]
    if not strong > weak:
        return np.full(len(curve.share), np.nan)
    return (curve.score - weak) / (strong - weak)


def average_pgr(curve: StrongShareCurve) -> float:
    """APGR: mean of PGR over shares from 0 to 1; a random router has 0.5."""
    return float(np.trapezoid(performance_gap_recovered(curve), curve.share))


def call_performance_threshold(curve: StrongShareCurve, recovered: float) -> float:
    """CPT(p): the smallest share of strong calls that recovers this much of the gap, 0 to 1.

    The first crossing, read linearly between points. RouteLLM's own `np.interp` over scores is
    wrong where scores fall with a rising share, so a crossing is looked for instead.

    Args:
        recovered: for example 0.5 for CPT(50 %).
    """
    pgr = performance_gap_recovered(curve)
    reached = np.flatnonzero(pgr >= recovered)
    if not len(reached):
        return float("nan")
    at = int(reached[0])
    if at == 0:
        return float(curve.share[0])
    return float(np.interp(recovered, pgr[at - 1 : at + 1], curve.share[at - 1 : at + 1]))

"""Figures of routers between two models, a weak and a strong one, as RouteLLM publishes them.

Takes per-prompt estimates and scores of both models; gives numbers, on all prompts or on resamples
of them. Knows nothing of cost: the share of prompts that go to the strong model stands for it.

Source: RouteLLM (Ong et al. 2024, arXiv 2406.18665), section 4.1, and `evals/evaluate.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.metrics import gap_closed

Floats = NDArray[np.float64]
SHARES = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True, eq=False)
class StrongShareCurve:
    """Mean score at each share of prompts that go to the strong model.

    Attributes:
        share: [point], rising from 0 (weak alone) to 1 (strong alone).
        score: [..., point], mean score; on resamples a row of each.
    """

    share: Floats
    score: Floats


def strong_share_curve(
    advantage: Floats,
    weak: Floats,
    strong: Floats,
    shares: Floats = SHARES,
    *,
    drawn: Floats | None = None,
) -> StrongShareCurve:
    """Give the strong model the prompts with the largest estimated advantage, share by share.

    RouteLLM's thresholds are deciles of its estimate; here the shares are exact, and of equal
    estimates all share alike: the mean over their order.

    Args:
        advantage: estimated quality of the strong model less that of the weak one, [prompt].
        weak, strong: their scores, [prompt].
        shares: to read the curve at.
        drawn: how often each prompt counts, [draw, prompt]; without, each once, and the curve has
            one row without an axis for it. A draw of no prompt gives NaN.
    """
    falling, first = np.unique(-advantage, return_inverse=True)
    once = np.ones((1, len(advantage)))
    counts = once if drawn is None else drawn
    order = np.argsort(first, kind="stable")
    starts = np.searchsorted(first[order], np.arange(len(falling)))
    taken = _running_sum(counts[:, order], starts)
    gained = _running_sum((counts * (strong - weak))[:, order], starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        base = counts @ weak / taken[:, -1]
        gain = np.array(
            [
                np.interp(shares * there[-1], there, got) / there[-1]
                for there, got in zip(taken, gained, strict=True)
            ]
        )
    score = base[:, None] + gain
    return StrongShareCurve(shares, score[0] if drawn is None else score)


def _running_sum(values: Floats, starts: NDArray[np.int64]) -> Floats:
    """Sums up to the end of each group of equals, [draw, group + 1], from nothing on."""
    sums = np.add.reduceat(values, starts, axis=1)
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(sums, axis=1)], axis=1)


def performance_gap_recovered(curve: StrongShareCurve) -> Floats:
    """PGR at each share: (score - weak) / (strong - weak), `gap_closed` from weak to strong.

    NaN where strong is not better. Source: RouteLLM (arXiv 2406.18665), section 4.1.
    """
    return gap_closed(curve.score, curve.score[..., :1], curve.score[..., -1:])


def average_pgr(curve: StrongShareCurve) -> Floats:
    """APGR: mean of PGR over shares from 0 to 1, [...]; a random router has 0.5.

    The trapezoid rule over the curve's points. Source: RouteLLM (arXiv 2406.18665), section 4.1;
    its code divides areas under scores, which is the same.
    """
    return np.asarray(np.trapezoid(performance_gap_recovered(curve), curve.share, axis=-1))


def call_performance_threshold(curve: StrongShareCurve, recovered: float) -> Floats:
    """CPT(p): the smallest share of strong calls that recovers this much of the gap, [...], 0 to 1.

    min{share : PGR >= p}, read linearly between points; NaN where PGR is. Source: RouteLLM (arXiv
    2406.18665), section 4.1. Its code's `np.interp` over scores is wrong where scores fall with a
    rising share, so the first crossing is looked for instead.

    Args:
        recovered: for example 0.5 for CPT(50 %).
    """
    pgr = performance_gap_recovered(curve)
    crossings = [_first_crossing(row, curve.share, recovered) for row in np.atleast_2d(pgr)]
    return np.array(crossings).reshape(pgr.shape[:-1])


def _first_crossing(pgr: Floats, share: Floats, recovered: float) -> float:
    reached = np.flatnonzero(pgr >= recovered)
    if not len(reached):
        return float("nan")
    at = int(reached[0])
    if at == 0:
        return float(share[0])
    return float(np.interp(recovered, pgr[at - 1 : at + 1], share[at - 1 : at + 1]))

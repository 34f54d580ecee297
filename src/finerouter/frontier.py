"""What quality is to be had at what cost: the curve over the cost weight, its hull, its area.

Takes estimates to choose by and outcomes to be judged by, all [prompt, model]; gives points of
(cost, quality). Pure. Knows nothing of routers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.gaps import with_means

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Utilities closer than this are the same; an unknown cost counts as the dearest.
TIE, DEAREST = 1e-12, float(np.finfo(np.float64).max)
# Weights from "cost hardly matters" to "only cost matters", in units of 1 / typical cost.
_GRID = np.concatenate([[0.0], np.geomspace(1e-4, 30.0, 96)])


@dataclass(frozen=True, eq=False)
class Curve:
    """Mean cost and quality at each cost weight.

    Attributes:
        cost_weight: [point], quality per USD, rising from zero.
        cost_usd: [point], mean cost of a prompt.
        quality: [point], mean score.
    """

    cost_weight: Floats
    cost_usd: Floats
    quality: Floats

    def cheapest_reaching(self, quality: float) -> float:
        """Smallest mean cost on the curve with at least this quality; infinite if none has."""
        reaching = self.cost_usd[self.quality >= quality - 1e-12]
        return float(reaching.min()) if len(reaching) else float("inf")


def cheapest_argmax(utility: Floats, cost: Floats) -> Index:
    """Column of the largest utility of each row; ties go to the cheaper, then to the first.

    Args:
        utility: [prompt, model]; -inf rules a model out.
        cost: [prompt, model]; NaN counts as dearest.
    """
    best = utility.max(axis=1, keepdims=True)
    tied = utility >= best - TIE
    price = np.where(tied, np.where(np.isnan(cost), DEAREST, cost), np.inf)
    return price.argmin(axis=1)


def best_at(quality: Floats, cost: Floats, allowed: Flags, weight: float) -> Index:
    """Column with the most quality less weight times cost, of the models allowed, [prompt].

    An unknown cost is not zero: where cost counts, a model of unknown cost is chosen only where no
    other is allowed.

    Args:
        quality, cost: [prompt, model]; cost NaN where unknown.
        allowed: [prompt, model], one model a prompt or more.
        weight: cost weight.
    """
    if weight > 0:
        priced = allowed & ~np.isnan(cost)
        allowed = np.where(priced.any(axis=1, keepdims=True), priced, allowed)
    utility = quality - weight * np.nan_to_num(cost)
    return cheapest_argmax(np.where(allowed, utility, -np.inf), cost)


def cost_weights(cost: Floats) -> Floats:
    """A grid of cost weights that spans all trade-offs at these expected costs [prompt, model]."""
    known = int((~np.isnan(cost)).sum())
    typical = float(np.nan_to_num(cost).mean()) * (cost.size / known) if known else 0.0
    return _GRID / typical if typical > 0 else _GRID[:1]


def quality_cost_curve(
    quality: Floats,
    cost: Floats,
    score: Floats,
    realised_usd: Floats,
    weights: Floats | None = None,
) -> Curve:
    """Choose by estimates at every cost weight, and take the mean outcome of the choices.

    Args:
        quality, cost: estimates [prompt, model]; where cost is unknown (NaN) see `best_at`.
        score, realised_usd: outcomes [prompt, model]. A model without an outcome on a prompt is
            not chosen there; in place of an unknown cost its mean counts, and zero where it has
            none.
        weights: the cost weights; by default a grid that spans all trade-offs.
    """
    realised = with_means(realised_usd)
    weights = cost_weights(cost) if weights is None else weights
    observed = ~np.isnan(score)
    rows = np.flatnonzero(observed.any(axis=1))
    points = np.empty((len(weights), 2))
    for at, weight in enumerate(weights):
        chosen = best_at(quality[rows], cost[rows], observed[rows], weight)
        points[at] = realised[rows, chosen].mean(), score[rows, chosen].mean()
    return Curve(weights, points[:, 0], points[:, 1])


def hull_corners(cost: Floats, quality: Floats) -> Index:
    """Which points are corners of the non-decreasing upper convex hull, by rising cost.

    What can be had on average by mixing the points at random (RouterBench, Hu et al. 2024,
    arXiv 2403.12031, section 3.2).
    """
    kept: list[int] = []
    for at in np.lexsort((-quality, cost)).tolist():
        if kept and quality[at] <= quality[kept[-1]]:
            continue
        while len(kept) >= 2 and _below_chord(cost, quality, kept[-2], kept[-1], at):
            kept.pop()
        kept.append(at)
    return np.array(kept, dtype=np.int64)


def _below_chord(cost: Floats, quality: Floats, left: int, middle: int, right: int) -> bool:
    rise = (quality[right] - quality[left]) * (cost[middle] - cost[left])
    return bool((quality[middle] - quality[left]) * (cost[right] - cost[left]) <= rise)


def hull(cost: Floats, quality: Floats) -> tuple[Floats, Floats]:
    """Cost and quality of the corners of the hull; see `hull_corners`."""
    corners = hull_corners(cost, quality)
    return cost[corners], quality[corners]


def mean_quality_over(cost: Floats, quality: Floats, low: float, high: float) -> float:
    """Mean height of the hull between two costs: the area under it, divided by the range.

    This is AIQ of RouterBench on a common range. Left of the hull its cheapest quality counts:
    a cheaper point does not exist, and comparing on one range needs a value; right of it the last.
    """
    at_cost, height = hull(cost, quality)
    if high <= low:
        return float(np.interp(high, at_cost, height))
    inner = at_cost[(at_cost > low) & (at_cost < high)]
    knots = np.concatenate([[low], inner, [high]])
    return float(np.trapezoid(np.interp(knots, at_cost, height), knots) / (high - low))

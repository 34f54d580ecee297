"""Figures that pick a dial, judged on prompts that the dial was not picked by.

"The best point of the curve", "the cheapest point that reaches a quality" and "the hull" pick the
best of many noisy points. Read off the very prompts they are judged by, they profit from luck, and
bootstrap intervals around them inherit it (Efron 2014, JASA 109:991, on selection; Cawley and
Talbot 2010, JMLR 11:2079, on over-fitting in selection). Here the held-out prompts are divided
into folds; for each fold the dial is picked on the others and judged on the fold: cross-fitting,
as in Chernozhukov et al. 2018 (Econometrics Journal 21:C1). What comes out is what somebody gets
who picks the dial on data of this size. It errs on the low side, never on the high one.

Takes a `Tally` by fold whose columns are the scores and costs of a curve's points and of the best
single model; gives a statistic per draw. Knows nothing of routers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.intervals import Tally
from finerouter.frontier import hull_corners

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]
FOLDS = 5
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class CurveTally:
    """A curve's points and the best single model, tallied by fold.

    Attributes:
        tally: by fold, of any columns.
        score, cost: columns of the points' scores and costs.
        single_score, single_cost: columns of the best single model's.
    """

    tally: Tally
    score: slice
    cost: slice
    single_score: int
    single_cost: int


@dataclass(frozen=True, eq=False)
class Reached:
    """What the picked dials gave: mean quality and cost of a prompt, per draw."""

    quality: Floats
    cost_usd: Floats


def fold_labels(strata: Sequence[str], groups: Labels, *, folds: int, seed: int) -> Labels:
    """A fold per prompt, each stratum spread evenly; a group of near-duplicates shares one.

    Args:
        strata: such as the benchmark of each prompt.
        groups: label of each prompt's group of near-duplicates.
    """
    order = np.random.default_rng([seed, 7]).permutation(len(groups))
    leaders = order[np.unique(groups[order], return_index=True)[1]]
    spread = sorted(
        np.random.default_rng([seed, 8]).permutation(leaders), key=lambda at: strata[at]
    )
    fold_of = np.zeros(int(groups.max(initial=0)) + 1, dtype=np.int64)
    fold_of[groups[spread]] = np.arange(len(spread)) % folds
    return fold_of[groups]


def best_quality(curve: CurveTally) -> Reached:
    """The dial with the best mean score outside the fold; the first of equals."""
    outside = _filled(curve.tally.outside_means[:, :, curve.score], -np.inf)
    return _reached(curve, outside.argmax(axis=2), none=None)


def cheapest_reaching_single(curve: CurveTally) -> Reached:
    """The cheapest dial whose score outside the fold reaches the best single model's there.

    Where no dial reaches it, the best single model is asked.
    """
    outside = curve.tally.outside_means
    reached: Flags = np.asarray(
        outside[:, :, curve.score] >= outside[:, :, [curve.single_score]] - _TINY
    )
    price = np.where(reached, outside[:, :, curve.cost], np.inf)
    return _reached(curve, price.argmin(axis=2), none=np.asarray(~reached.any(axis=2)))


def saving_dial(curve: CurveTally) -> int | None:
    """The dial to use for that saving: the cheapest that reaches that quality on all prompts.

    None where no dial does.
    """
    means = curve.tally.means[0]
    reached = means[curve.score] >= means[curve.single_score] - _TINY
    price = np.where(reached, means[curve.cost], np.inf)
    return int(price.argmin()) if reached.any() else None


def best_within(curve: CurveTally, share: float) -> Reached:
    """The best dial that outside the fold costs at most this share of the best single model.

    NaN in draws where some fold has no such dial.
    """
    outside = curve.tally.outside_means
    affordable: Flags = np.asarray(
        outside[:, :, curve.cost] <= share * outside[:, :, [curve.single_cost]] + _TINY
    )
    quality = np.where(affordable, outside[:, :, curve.score], -np.inf)
    found = _reached(curve, quality.argmax(axis=2), none=None)
    missing = ~np.all(np.any(affordable, axis=2), axis=1)
    return Reached(
        np.where(missing, np.nan, found.quality), np.where(missing, np.nan, found.cost_usd)
    )


def mean_height(curve: CurveTally, low: Floats, high: Floats) -> Floats:
    """Mean height between two costs of the hull picked outside the fold, judged inside, [draw].

    The hull outside is a mixture of dials at every cost; the same mixtures are judged on the fold.

    Args:
        low, high: costs, [draw]; NaN comes out where they leave no range.
    """
    tally = curve.tally
    outside = tally.outside_means
    heights = np.full(len(tally.sums), np.nan)
    for draw in np.flatnonzero(high > low).tolist():
        total = 0.0
        for fold in range(tally.sums.shape[1]):
            corners, weights = hull_weights(
                outside[draw, fold, curve.cost],
                outside[draw, fold, curve.score],
                low[draw],
                high[draw],
            )
            total += float(weights @ tally.sums[draw, fold, curve.score][corners])
        heights[draw] = total / tally.counts[draw].sum()
    return heights


def hull_weights(
    cost: Floats, quality: Floats, low: float, high: float
) -> tuple[NDArray[np.int64], Floats]:
    """Corners of the hull, and their weights in its mean height between two costs.

    The weights add up to one, and `weights @ quality[corners]` is `mean_quality_over` of
    `frontier.py`: left of the hull its cheapest corner counts, right of it the last.
    """
    corners = hull_corners(cost, quality)
    at = cost[corners]
    weights = np.zeros(len(corners))
    left, right = np.maximum(at[:-1], low), np.minimum(at[1:], high)
    width = np.maximum(right - left, 0.0)
    share = ((left + right) / 2 - at[:-1]) / np.maximum(at[1:] - at[:-1], _TINY**2)
    weights[:-1] += width * (1 - share)
    weights[1:] += width * share
    weights[0] += max(min(at[0], high) - low, 0.0)
    weights[-1] += max(high - max(at[-1], low), 0.0)
    return corners, weights / (high - low)


def _filled(values: Floats, value: float) -> Floats:
    return np.where(np.isnan(values), value, values)


def _reached(curve: CurveTally, dial: Labels, none: Flags | None) -> Reached:
    """Outcomes inside each fold at its dial [draw, fold]; the single model's where `none`."""
    tally = curve.tally
    prompts = tally.counts.sum(axis=1)

    def mean(points: slice, single: int) -> Floats:
        sums = np.take_along_axis(tally.sums[:, :, points], dial[:, :, None], axis=2)[:, :, 0]
        if none is not None:
            sums = np.where(none, tally.completed(single), sums)
        return sums.sum(axis=1) / prompts

    return Reached(mean(curve.score, curve.single_score), mean(curve.cost, curve.single_cost))

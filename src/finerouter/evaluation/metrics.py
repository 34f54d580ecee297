"""Figures of routers as they are published, each a small pure function of means or points.

Takes mean scores and mean costs of ways of choosing, or points of a curve; gives numbers. Works on
numbers and on arrays [draw] alike. What cannot be known comes out as NaN. Knows nothing of where
the means come from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.frontier import hull, mean_quality_over
from finerouter.gaps import row_means

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
_TINY = 1e-12
# USD per thousand prompts, RouterArena's constants.
_ARENA_DEAREST, _ARENA_CHEAPEST, _ARENA_BETA = 200.0, 0.0044, 0.1


def benchmark_mean(means: Floats) -> Floats:
    """AvgAcc: mean over benchmarks of the mean score within each, [draw, column].

    mean_b mean_{i in b} s_i: small benchmarks count as much as large ones. A benchmark without a
    mean (NaN) is left out; NaN comes out where none has one.

    Source: LLMRouterBench (arXiv 2601.07206), AvgAcc over datasets.

    Args:
        means: within each benchmark, [draw, benchmark, column].
    """
    return row_means(means)


def cost_per_1k_usd(mean_cost_usd: Floats) -> Floats:
    """USD of a thousand prompts: 1000 C, C the mean cost of a prompt in USD.

    Source: RouterArena (arXiv 2510.00202) states costs so.
    """
    return np.multiply(1000, mean_cost_usd)


def share_saved(cost: Floats, single_cost: Floats) -> Floats:
    """1 - C / C_single: the share of the best single model's cost that is not spent.

    NaN where that model costs nothing; negative where more is spent. Source: this project, after
    CostSave of LLMRouterBench (arXiv 2601.07206), which is this at one point of the curve.
    """
    return np.subtract(1, _ratio(cost, single_cost))


def shares(chosen: Labels, models: int) -> Floats:
    """Share of the prompts that each model gets, [model].

    (prompts with r(i) = m) / N; they add up to 1. Zero of every model where there is no prompt.

    Args:
        chosen: column of the model chosen, [prompt].
        models: how many there are.
    """
    return np.bincount(chosen, minlength=models) / max(len(chosen), 1)


def relative_gain(quality: Floats, reference: Floats) -> Floats:
    """(quality - reference) / reference; NaN where the reference is zero.

    Source: LLMRouterBench (arXiv 2601.07206), Gain@R over a random model, Gain@B over the best
    single model; PerfGain is Gain@B of the best point of a curve. Quality is AvgAcc there: give
    means over benchmarks (`benchmark_mean`), and means over prompts only where there are none.
    """
    return _ratio(np.subtract(quality, reference), reference)


def gap_to_oracle(quality: Floats, oracle: Floats) -> Floats:
    """(oracle - quality) / oracle: what hindsight would add; NaN where the oracle scores zero.

    Source: LLMRouterBench (arXiv 2601.07206), Gap@O, on AvgAcc like `relative_gain`. There a
    graded score above zero counts as right for the oracle; here scores stay graded.
    """
    return _ratio(np.subtract(oracle, quality), oracle)


def gap_closed(quality: Floats, single: Floats, target: Floats) -> Floats:
    """(quality - single) / (target - single): 0 is the single model, 1 the target.

    NaN where the target gains nothing. With the best model per benchmark or the oracle as target
    it is a figure of this project; with a strong model as target and a weak one as single it is
    PGR of RouteLLM (`two_models.py`), where the form comes from.
    """
    gap = np.subtract(target, single)
    return _ratio(np.subtract(quality, single), np.where(gap > 0, gap, 0.0))


def perf_gain(curve_quality: Floats, single: Floats) -> Floats:
    """(best quality of the curve's points - single) / single, over the last axis.

    Source: LLMRouterBench (arXiv 2601.07206), PerfGain, on AvgAcc like `relative_gain`.
    """
    return relative_gain(np.max(curve_quality, axis=-1), single)


def cost_save(
    curve_cost: Floats, curve_quality: Floats, single_cost: Floats, single: Floats
) -> Floats:
    """1 - (least cost of the curve's points that reach the single's quality) / single_cost.

    NaN where no point reaches it, or where the single model costs nothing. Negative where the
    curve reaches it only at a higher cost.

    Source: LLMRouterBench (arXiv 2601.07206), CostSave: qualities are AvgAcc, costs are means over
    prompts, as what is paid does not depend on benchmarks.

    Args:
        curve_cost, curve_quality: [..., point].
        single_cost, single: [...].
    """
    reached = curve_quality >= np.asarray(single)[..., None] - _TINY
    least = np.where(reached, curve_cost, np.inf).min(axis=-1)
    return np.where(np.isfinite(least), share_saved(least, single_cost), np.nan)


def quality_at_cost(cost: Floats, quality: Floats, budget: float) -> float:
    """Height of the hull at a mean cost; NaN below its cheapest point, level above its dearest.

    Source: reading RouterBench's non-decreasing hull (Hu et al. 2024, arXiv 2403.12031) at a cost.

    Args:
        cost, quality: the curve's points, [point].
    """
    at_cost, height = hull(cost, quality)
    if budget < at_cost[0] - _TINY:
        return float("nan")
    return float(np.interp(budget, at_cost, height))


def aiq(cost: Floats, quality: Floats, low: float, high: float) -> float:
    """Average improvement in quality: mean height of the hull between two costs.

    1 / (high - low) * integral of the hull from low to high: the paper's form, on a range that is
    common to all that are compared. NaN where the range is empty.

    Source: RouterBench (Hu et al. 2024, arXiv 2403.12031), section 3.2.

    Args:
        cost, quality: the curve's points, [point].
    """
    return mean_quality_over(cost, quality, low, high) if high > low else float("nan")


def aiq_as_coded(cost: Floats, quality: Floats, dearest: float) -> float:
    """AIQ as RouterBench's code computes it: from the curve's own cheapest point, over `dearest`.

    1 / dearest * integral of the hull, level beyond its end, from its cheapest cost to `dearest`,
    the largest cost of all that are compared. It rises with whatever dear method is in the
    comparison, and a router whose cheapest point is dearer loses for that alone.

    Source: RouterBench's `evaluation/AIQ.py` (github.com/withmartian/routerbench).
    """
    low = float(np.min(cost))
    if not dearest > low:
        return float("nan")
    return mean_quality_over(cost, quality, low, dearest) * (dearest - low) / dearest


def pareto_frontier(cost: Floats, quality: Floats) -> NDArray[np.int64]:
    """Which points no other one beats: none costs less or the same for more, by rising cost."""
    best, kept = -np.inf, []
    for at in np.lexsort((-quality, cost)).tolist():
        if quality[at] > best:
            kept.append(at)
            best = quality[at]
    return np.array(kept, dtype=np.int64)


def pareto_dist(cost: Floats, quality: Floats, all_cost: Floats, all_quality: Floats) -> float:
    """Mean distance of a method's points to the joint Pareto frontier; 0 is on it.

    Cost and quality are each scaled to 0 to 1 by the least and the greatest of all points, and a
    point's distance is that to the nearest point of the frontier. Source: LLMRouterBench (arXiv
    2601.07206), ParetoDist; the paper's own scaling could not be checked, so compare only figures
    made here. Quality is AvgAcc like in `relative_gain`, cost the mean over prompts.

    Args:
        cost, quality: the method's points.
        all_cost, all_quality: points of all methods, the method's own among them.
    """
    best = pareto_frontier(all_cost, all_quality)
    x, best_x = (_scaled(values, all_cost) for values in (cost, all_cost[best]))
    y, best_y = (_scaled(values, all_quality) for values in (quality, all_quality[best]))
    return float(np.hypot(x[:, None] - best_x, y[:, None] - best_y).min(axis=1).mean())


def _scaled(values: Floats, span: Floats) -> Floats:
    width = float(np.ptp(span))
    return (values - span.min()) / width if width > 0 else np.zeros_like(values)


def arena_score(quality: Floats, cost_per_1k: Floats) -> Floats:
    """RouterArena's score, 0 to 1: quality and cheapness as one number, quality counting most.

    S = (1 + b) A C / (b A + C), with b = 0.1, A the quality and
    C = (log2 200 - log2 c) / (log2 200 - log2 0.0044), c in USD per thousand prompts, held between
    0.0044 and 200. Zero where A and C are both zero.

    Source: RouterArena (`router_evaluation/compute_scores.py`, github.com/RouteWorks/RouterArena;
    later code holds c within the two bounds, as here).
    """
    held = np.clip(cost_per_1k, _ARENA_CHEAPEST, _ARENA_DEAREST)
    cheap = np.log2(_ARENA_DEAREST / held) / np.log2(_ARENA_DEAREST / _ARENA_CHEAPEST)
    below = _ARENA_BETA * np.asarray(quality) + cheap
    score = (1 + _ARENA_BETA) * np.asarray(quality) * cheap / np.where(below > 0, below, 1.0)
    return np.where(np.isnan(cost_per_1k), np.nan, score)


def routing_entropy(shares: Floats) -> float:
    """Entropy in bits of the models' shares of the prompts; 0 when one model gets all.

    -sum_m p_m log2 p_m. Source: Shannon 1948. A router that has collapsed shows a value near 0.
    """
    used = shares[shares > 0]
    return float(abs(-(used * np.log2(used)).sum()))


def _ratio(above: Floats, below: Floats) -> Floats:
    """Above over below; NaN where below is not above zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.asarray(below) > 0, np.divide(above, below), np.nan)

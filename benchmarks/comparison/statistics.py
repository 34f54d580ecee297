"""Figures of each method, with paired bootstrap intervals over prompts.

Takes held-out outcomes of every method's choices; gives statistics against the best single model of
the fitting part, as means over seeds, and differences between methods. Seeds share prompts, so the
bootstrap draws prompts of the part: one drawn twice counts twice in every seed that holds it out.
The intervals are over prompts; that another fitting part gives another router is in the mean over
seeds, not in the intervals.

quality_gain    quality at cost weight 0, less the best single model's
best_gain       best quality on the curve, less the best single model's
cost_saved      1 - least cost on the curve at the best single model's quality / its cost, not below
                zero: the best single model itself is always to be had
at_half,        height of the hull at a half and a quarter of the best single model's cost, less its
at_quarter      quality
area            mean height of the hull from the cheapest model's cost to the best single model's,
                less its quality
aiq             mean height of the hull from the cheapest model's cost to the dearest one's: AIQ of
                RouterBench (arXiv 2403.12031) on a range that all methods share

The cheapest model is a point of every router's curve: it is what any of them takes when only cost
counts. Where all models cost the same, only the gains mean anything; the others are NaN.

A highest point and a hull pick the best of many points: their intervals are mirrored at the value
(`Interval.reflected`). All others are percentiles: plain means; leads, in which the luck of picking
mostly cancels; and cost_saved, whose resamples fall to zero where the curve just misses the best
single model's quality. `misses.py` measures how often each kind of interval misses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.preference import Chosen
from finerouter.evaluation.intervals import Interval
from finerouter.frontier import hull

Floats = NDArray[np.float64]
NAMES = ("quality_gain", "best_gain", "cost_saved", "at_half", "at_quarter", "area", "aiq")
OVERALL = ("quality", "cost_per_1k_usd")
MIRRORED = frozenset({"best_gain", "at_half", "at_quarter", "area", "aiq"})


@dataclass(frozen=True, eq=False)
class SeedOutcomes:
    """One seed's held-out outcomes of every method's choices.

    Attributes:
        positions: [prompt], place in the part that is resampled.
        single, cheapest: [prompt, 2], score and cost of the best single and the cheapest model.
        dearest_usd: [prompt], cost of the dearest model of the fitting part.
        curves: method -> outcomes along its dial.
        points: methods without a dial, whose curve is that one point.
    """

    positions: NDArray[np.int64]
    single: Floats
    cheapest: Floats
    dearest_usd: Floats
    curves: Mapping[str, Chosen]
    points: frozenset[str]


def draws(part_size: int, resamples: int, seed: int = 0) -> Floats:
    """How often each prompt is drawn, [1 + resamples, prompt]; the first draw takes each once."""
    random = np.random.default_rng(seed)
    drawn = random.multinomial(part_size, np.full(part_size, 1 / part_size), size=resamples)
    return np.concatenate([np.ones((1, part_size)), drawn])


def resampled(run: SeedOutcomes, drawn: Floats) -> dict[str, Floats]:
    """Statistics [draw, statistic] of every method, in the order of `NAMES` and `OVERALL`."""
    weight = drawn[:, run.positions]
    weight = weight / weight.sum(axis=1, keepdims=True)
    single, cheapest, dearest = weight @ run.single, weight @ run.cheapest, weight @ run.dearest_usd
    found = {}
    for name, chosen in run.curves.items():
        score, cost = weight @ chosen.score, weight @ chosen.cost_usd
        first = np.stack([score[:, 0], 1000 * cost[:, 0]], axis=1)
        if name not in run.points:
            score = np.concatenate([score, cheapest[:, :1]], axis=1)
            cost = np.concatenate([cost, cheapest[:, 1:]], axis=1)
        rows = [
            _statistics(*each) for each in zip(score, cost, single, cheapest, dearest, strict=True)
        ]
        found[name] = np.hstack([np.array(rows), first])
    return found


def _statistics(
    score: Floats, cost: Floats, single: Floats, cheapest: Floats, dearest: float
) -> list[float]:
    quality, usd = float(single[0]), float(single[1])
    gains = [float(score[0]) - quality, float(score.max()) - quality]
    low = float(cheapest[1])
    if not usd > low * (1 + 1e-9):
        return [*gains, *[np.nan] * (len(NAMES) - len(gains))]
    at_cost, height = hull(cost, score)
    return [
        *gains,
        _saved(score, cost, quality, usd),
        _height(at_cost, height, usd / 2) - quality,
        _height(at_cost, height, usd / 4) - quality,
        _mean_height(at_cost, height, low, usd) - quality,
        _mean_height(at_cost, height, low, max(dearest, usd)),
    ]


def _saved(score: Floats, cost: Floats, quality: float, usd: float) -> float:
    reached = cost[score >= quality - 1e-12]
    return max(0.0, 1 - float(reached.min()) / usd) if len(reached) else 0.0


def _height(at_cost: Floats, height: Floats, usd: float) -> float:
    """Height of the hull at a cost; NaN where it begins at a greater one."""
    return float(np.interp(usd, at_cost, height, left=np.nan))


def _mean_height(at_cost: Floats, height: Floats, low: float, high: float) -> float:
    inner = at_cost[(at_cost > low) & (at_cost < high)]
    knots = np.concatenate([[low], inner, [high]])
    # Rounding may put the cheapest model's point a hair above its own cost.
    heights = np.interp(knots, at_cost, height, left=height[0])
    return float(np.trapezoid(heights, knots) / (high - low))


def summarise(
    by_seed: Sequence[Mapping[str, Floats]], reference: str
) -> dict[str, dict[str, Interval]]:
    """Means over seeds of each method's statistics, and of the reference's less each method's.

    Args:
        by_seed: what `resampled` gave, one for each seed, on the same draws.
        reference: the method that the others are taken from; "minus_" statistics are its lead.
    """
    means = {name: np.mean([seed[name] for seed in by_seed], axis=0) for name in by_seed[0]}
    summary = {}
    for name, values in means.items():
        summary[name] = _intervals(values, (*NAMES, *OVERALL), "")
        if reference in means and name != reference:
            lead = means[reference] - values
            summary[name] |= _intervals(lead[:, : len(NAMES)], NAMES, "minus_")
    return summary


def _intervals(values: Floats, names: Sequence[str], prefix: str) -> dict[str, Interval]:
    found = {}
    for at, name in enumerate(names):
        make = Interval.reflected if name in MIRRORED and not prefix else Interval.of
        found[prefix + name] = make(float(values[0, at]), values[1:, at])
    return found

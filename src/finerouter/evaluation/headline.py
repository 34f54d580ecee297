"""The few figures that matter most, and a line for every way of choosing.

Takes means over draws (`Resampled`); gives `Headline`, `Line`s and the quality-cost curve with its
band. Knows nothing of routers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation import crossfit, metrics
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.resampled import Resampled, interval, known, mirrored_interval
from finerouter.evaluation.result import (
    BandPoint,
    CurvePoint,
    Headline,
    HullPoint,
    Line,
    QualityCost,
)
from finerouter.frontier import hull

Floats = NDArray[np.float64]
_BAND_POINTS = 40


def headline(found: Resampled) -> Headline:
    """The headline; figures of cost are None where costs are unknown or the best single is free."""
    quality, cost = found.single
    router, balanced = (_scores(found, kind) for kind in ("router", "balanced"))
    saving = crossfit.cheapest_reaching_single(found.curve)
    priced = _priced(found)
    return Headline(
        quality_gain=interval(router - quality),
        balanced_gain=interval(balanced - quality),
        balanced_saved=known(metrics.share_saved(_costs(found, "balanced"), cost))
        if priced
        else None,
        best_quality_gain=interval(crossfit.best_quality(found.curve).quality - quality),
        cost_saved=known(metrics.share_saved(saving.cost_usd, cost)) if priced else None,
        cost_saved_quality=known(saving.quality - quality) if priced else None,
        mean_quality_gain=known(mean_height(found) - quality) if priced else None,
        half_cost_gain=_gain_within(found, 0.5) if priced else None,
        quarter_cost_gain=_gain_within(found, 0.25) if priced else None,
        gap_closed=gap_closed(found),
    )


def saving_cost_weight(found: Resampled) -> float | None:
    """The cost weight to use for `cost_saved`, picked on all held-out prompts; None without one."""
    dial = crossfit.saving_dial(found.curve) if _priced(found) else None
    return None if dial is None else float(found.judged.weights[dial])


def _priced(found: Resampled) -> bool:
    return found.judged.costs_known and bool(found.cost_usd[0, 0] > 0)


def _scores(found: Resampled, kind: str) -> Floats:
    at = found.way(kind)
    assert at is not None
    return found.score[:, at]


def _costs(found: Resampled, kind: str) -> Floats:
    at = found.way(kind)
    assert at is not None
    return found.cost_usd[:, at]


def _gain_within(found: Resampled, share: float) -> Interval | None:
    return known(crossfit.best_within(found.curve, share).quality - found.single[0])


def cost_range(found: Resampled) -> tuple[Floats, Floats]:
    """Mean cost of the cheapest model and of the best single one, [draw]."""
    return found.model_cost_usd.min(axis=1), found.cost_usd[:, 0]


def mean_height(found: Resampled) -> Floats:
    """Mean height of the hull over the cost range, its dials picked on other prompts, [draw]."""
    return crossfit.mean_height(found.curve, *cost_range(found))


def gap_closed(found: Resampled) -> Interval | None:
    """Of the gap from the best single model to the best per benchmark; None where none is shown."""
    at = found.way("per benchmark")
    if at is None or interval(found.score[:, at] - found.single[0]).holds_zero:
        return None
    return known(metrics.gap_closed(_scores(found, "router"), found.single[0], found.score[:, at]))


def lines(found: Resampled) -> tuple[Line, ...]:
    """A line for every way, the best single model first."""
    return tuple(_line(found, at) for at in range(len(found.judged.ways)))


def _line(found: Resampled, at: int) -> Line:
    way, usd = found.judged.ways[at], found.cost_usd[:, at]
    priced = found.judged.costs_known
    return Line(
        kind=way.kind,
        name=way.name,
        quality=interval(found.score[:, at]),
        benchmark_quality=_benchmark_quality(found, at),
        cost_per_1k_usd=interval(metrics.cost_per_1k_usd(usd)) if priced else None,
        against_best_single=interval(found.score[:, at] - found.single[0]),
        saved=known(metrics.share_saved(usd, found.single[1])) if priced else None,
        cost_weight=way.cost_weight,
    )


def _benchmark_quality(found: Resampled, at: int) -> Interval | None:
    even = found.over_benchmarks
    return None if even is None else known(even.score[:, at])


def quality_cost(found: Resampled) -> QualityCost | None:
    """The router's curve with hull and band, and the single models; None without costs."""
    judged = found.judged
    if not judged.costs_known:
        return None
    usd, quality = metrics.cost_per_1k_usd(found.point_cost_usd), found.point_score
    model_usd = metrics.cost_per_1k_usd(found.model_cost_usd[0])
    model_quality = found.model_score[0]
    singles = [
        HullPoint(*pair) for pair in zip(model_usd.tolist(), model_quality.tolist(), strict=True)
    ]
    return QualityCost(
        points=tuple(
            CurvePoint(*point)
            for point in zip(
                judged.weights.tolist(), usd[0].tolist(), quality[0].tolist(), strict=True
            )
        ),
        hull=_hull(usd[0], quality[0]),
        band=_band(usd, quality),
        single_models=dict(zip(judged.outcomes.models, singles, strict=True)),
        single_hull=_hull(model_usd, model_quality),
    )


def _hull(cost: Floats, quality: Floats) -> tuple[HullPoint, ...]:
    corners = zip(*hull(cost, quality), strict=True)
    return tuple(HullPoint(float(usd), float(height)) for usd, height in corners)


def _band(usd: Floats, quality: Floats) -> tuple[BandPoint, ...]:
    """Height of the hull at costs spread over its width, with intervals."""
    at_cost, _ = hull(usd[0], quality[0])
    grid = np.linspace(at_cost[0], at_cost[-1], _BAND_POINTS if np.ptp(at_cost) > 0 else 1)
    heights = np.array([np.interp(grid, *hull(*pair)) for pair in zip(usd, quality, strict=True)])
    return tuple(
        BandPoint(float(cost), mirrored_interval(heights[:, at])) for at, cost in enumerate(grid)
    )

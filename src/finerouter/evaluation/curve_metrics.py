"""Published figures that are read off the quality-cost curve, with intervals.

Takes means over draws (`Resampled`); gives `Metric`s. The formulas stand in `metrics.py`. These
figures pick the best of many points by the prompts they are judged by, as the field does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation import metrics
from finerouter.evaluation.basis import basis
from finerouter.evaluation.headline import cost_range
from finerouter.evaluation.metric_of import of_draws
from finerouter.evaluation.resampled import Resampled
from finerouter.evaluation.result import Metric

Floats = NDArray[np.float64]
NO_COSTS = "costs are not known for every model; give prices"
_FREE = "the best single model costs nothing, so nothing can be saved"
_ON_CURVE = "read off the held-out curve: flatters all alike"


def curve_metrics(found: Resampled) -> Iterator[Metric]:
    """Read off the curve as the field does: the best point, the hull."""
    over = basis(found)
    single, quality = over.means.score[:, 0], over.means.point_score
    note = f"{over.note}; {_ON_CURVE}"
    yield of_draws("perf_gain", "PerfGain: best point over best single",
                   metrics.perf_gain(quality, single), "share",
                   over.unknown_or("the best single model scores zero"),
                   difference=True, mirrored=True, note=note)  # fmt: skip
    yield of_draws("best_on_curve_gain", "best point over best single, in points",
                   found.point_score.max(axis=1) - found.single[0], "points", "",
                   difference=True, mirrored=True, note=f"over prompts; {_ON_CURVE}")  # fmt: skip
    for row in _with_costs(found):
        if not found.judged.costs_known:
            yield Metric(row.key, row.name, None, row.unit, row.difference, NO_COSTS)
        else:
            yield of_draws(row.key, row.name, row.values(), row.unit, row.missing,
                           difference=row.difference, mirrored=row.mirrored,
                           note=row.note)  # fmt: skip


@dataclass(frozen=True)
class _Row:
    """A figure of cost, computed only where costs are known."""

    key: str
    name: str
    unit: str
    values: Callable[[], Floats]
    missing: str
    difference: bool = False
    mirrored: bool = True
    note: str = _ON_CURVE


def _with_costs(found: Resampled) -> Iterator[_Row]:
    over = basis(found)
    note = f"{over.note}; {_ON_CURVE}"
    single, usd = found.single
    free = not usd[0] > 0
    low, high = cost_range(found)
    empty = _FREE if free else "the best single model is the cheapest as well"
    # It picks too, but a mirrored interval misses the truth far more often: it has a long low side.
    yield _Row("cost_save", "CostSave: saved at the best single's quality", "share",
               partial(_cost_save, found),
               _FREE if free else over.unknown_or("the curve never reaches that quality"),
               difference=True, mirrored=False, note=note)  # fmt: skip
    yield _Row("aiq", "AIQ, paper's form, cheapest to best single's cost", "points",
               lambda: _per_draw(found, metrics.aiq, low, high), empty)  # fmt: skip
    yield _Row("aiq_gain", "AIQ less the best single's quality", "points",
               lambda: _per_draw(found, metrics.aiq, low, high) - single, empty,
               difference=True)  # fmt: skip
    yield _Row("aiq_as_coded", "AIQ, RouterBench code's form, to the dearest model's cost",
               "points",
               lambda: _per_draw(found, metrics.aiq_as_coded, found.model_cost_usd.max(axis=1)),
               "nothing costs more than the curve's cheapest point")  # fmt: skip
    for key, part, share in (("half", "half", 0.5), ("quarter", "a quarter of", 0.25)):
        yield _Row(f"{key}_cost_gain", f"quality at {part} the best single's cost, over it",
                   "points", partial(_at_share, found, share),
                   _FREE if free else "no point of the curve is that cheap",
                   difference=True)  # fmt: skip
    yield _Row("pareto_dist", "ParetoDist, to the frontier of router and single models", "score",
               partial(_pareto, found), "", mirrored=False, note=note)  # fmt: skip


def _cost_save(found: Resampled) -> Floats:
    means = basis(found).means
    return metrics.cost_save(
        found.point_cost_usd, means.point_score, found.single[1], means.score[:, 0]
    )


def _at_share(found: Resampled, share: float) -> Floats:
    single, usd = found.single
    if not usd[0] > 0:
        return np.full(len(usd), np.nan)
    return _per_draw(found, metrics.quality_at_cost, share * usd) - single


def _per_draw(found: Resampled, figure: Callable[..., float], *more: Floats) -> Floats:
    return np.array(
        [
            figure(cost, quality, *(float(values[at]) for values in more))
            for at, (cost, quality) in enumerate(
                zip(found.point_cost_usd, found.point_score, strict=True)
            )
        ]
    )


def _pareto(found: Resampled) -> Floats:
    means = basis(found).means

    def one(cost: Floats, quality: Floats, model_cost: Floats, model_quality: Floats) -> float:
        known = ~np.isnan(model_quality)  # where there are gaps a draw can miss a model
        model_cost, model_quality = model_cost[known], model_quality[known]
        return metrics.pareto_dist(
            cost, quality, np.append(cost, model_cost), np.append(quality, model_quality)
        )

    every = (found.point_cost_usd, means.point_score, found.model_cost_usd, means.model_score)
    return np.array([one(*draw) for draw in zip(*every, strict=True)])

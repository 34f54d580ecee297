"""Every published figure of a router, with intervals, under the name it is known by.

Takes means over draws (`Resampled`); gives `Metric`s. The formulas stand in `metrics.py`,
`two_models.py` and `quality/calibration.py`; docs/evaluation.md explains each. Knows nothing of how
they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation import metrics
from finerouter.evaluation.headline import benchmark_means, cost_range
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.judging import Judged
from finerouter.evaluation.resampled import Resampled, interval, interval_of_pick
from finerouter.evaluation.result import Metric
from finerouter.evaluation.tables import shares
from finerouter.evaluation.two_models import (
    StrongShareCurve,
    average_pgr,
    call_performance_threshold,
    strong_share_curve,
)
from finerouter.gaps import column_means
from finerouter.quality.calibration import brier_score, expected_calibration_error

Floats = NDArray[np.float64]
_NO_COSTS = "costs are not known for every model; give prices"
_FREE = "the best single model costs nothing, so nothing can be saved"
_ON_CURVE = "read off the held-out curve: flatters all alike"


def metric_list(
    found: Resampled, *, task_accuracy: float | None, abstained: float
) -> tuple[Metric, ...]:
    """All metrics, in the order of docs/evaluation.md."""
    return (
        *_quality(found),
        *_cost(found),
        *_curve(found),
        *_two_models(found.judged),
        *_choices(found.judged),
        *_calibration(found.judged),
        _plain("task_accuracy", "task classifier, out of fold", task_accuracy, "share",
               "recorded in training; not by this version" if task_accuracy is None else ""),
        _plain("abstained", "prompts of no known task", abstained, "share"),
    )  # fmt: skip


def _quality(found: Resampled) -> Iterator[Metric]:
    single, router = found.single[0], _column(found, "router")
    random, oracle = _column(found, "random"), _column(found, "oracle")
    yield Metric("quality", "mean quality", interval(router), "points", False, "over prompts")
    if found.by_benchmark is not None:
        means = benchmark_means(found)
        at = found.way("router")
        yield Metric(
            "benchmark_quality", "mean quality over benchmarks", interval(means[:, at]),
            "points", False, "each benchmark counts alike",
        )  # fmt: skip
        yield _of("benchmark_gain", "its gain over the best single model",
                  means[:, at] - means[:, 0], "points",
                  "the best single model has no outcome in some benchmark",
                  difference=True)  # fmt: skip
    yield _of("gain_random", "Gain over random (Gain@R)", metrics.relative_gain(router, random),
              "share", "a random model scores zero")  # fmt: skip
    yield _of("gain_best_single", "Gain over best single (Gain@B)",
              metrics.relative_gain(router, single), "share", "the best single model scores zero",
              difference=True)  # fmt: skip
    yield _of("gap_to_oracle", "gap to the oracle (Gap@O)", metrics.gap_to_oracle(router, oracle),
              "share", "the oracle scores zero")  # fmt: skip
    yield _gap_closed(found, router, single)
    yield _of("oracle_gap_closed", "share of the gap to the oracle closed",
              metrics.gap_closed(router, single, oracle), "share",
              "the oracle gains nothing", difference=True)  # fmt: skip


def _gap_closed(found: Resampled, router: Floats, single: Floats) -> Metric:
    key, name = "gap_closed", "share of the gap to best per benchmark closed"
    at = found.way("per benchmark")
    if at is None:
        return Metric(key, name, None, "share", True, _no_target(found))
    target = found.score[:, at]
    if interval(target - single).holds_zero:
        return Metric(key, name, None, "share", True, "no such gap is shown here")
    return _of(key, name, metrics.gap_closed(router, single, target), "share",
               "the best models per benchmark are worse than the best single one",
               difference=True)  # fmt: skip


def _no_target(found: Resampled) -> str:
    if found.by_benchmark is None:
        return "the data names no benchmarks"
    return "the best models per benchmark have no outcomes here"


def _cost(found: Resampled) -> Iterator[Metric]:
    names = {
        "cost_per_1k_usd": "cost of 1,000 prompts at cost weight 0",
        "balanced_cost_per_1k_usd": "cost of 1,000 prompts at the balanced cost weight",
        "arena_score": "RouterArena's score at cost weight 0",
        "balanced_arena_score": "RouterArena's score at the balanced cost weight",
    }
    if not found.judged.costs_known:
        for key, name in names.items():
            yield Metric(key, name, None, _unit(key), False, _NO_COSTS)
        return
    for prefix, kind in (("", "router"), ("balanced_", "balanced")):
        at = found.way(kind)
        usd = 1000 * found.cost_usd[:, at]
        for key, values in (
            (f"{prefix}cost_per_1k_usd", usd),
            (f"{prefix}arena_score", metrics.arena_score(found.score[:, at], usd)),
        ):
            yield Metric(key, names[key], interval(values), _unit(key), False, "")


def _unit(key: str) -> str:
    return "usd" if key.endswith("usd") else "score"


def _curve(found: Resampled) -> Iterator[Metric]:
    """Read off the curve as the field does: the best point, the hull."""
    single, quality = found.single[0], found.point_score
    gain = quality.max(axis=1) - single
    yield _of("perf_gain", "PerfGain: best point over best single",
              metrics.perf_gain(quality, single), "share", "the best single model scores zero",
              difference=True, pick=True, note=_ON_CURVE)  # fmt: skip
    yield Metric("best_on_curve_gain", "best point over best single, in points",
                 interval_of_pick(gain), "points", True, _ON_CURVE)  # fmt: skip
    for key, name, unit, values, missing in _with_costs(found):
        difference = key.endswith("gain") or key == "cost_save"
        if not found.judged.costs_known:
            yield Metric(key, name, None, unit, difference, _NO_COSTS)
        else:
            yield _of(key, name, values(), unit, missing, difference=difference,
                      pick=key != "pareto_dist", note=_ON_CURVE)  # fmt: skip


_Row = tuple[str, str, str, Callable[[], Floats], str]


def _with_costs(found: Resampled) -> Iterator[_Row]:
    single, usd = found.single
    quality, cost = found.point_score, found.point_cost_usd
    free = not usd[0] > 0
    low, high = cost_range(found)
    empty = _FREE if free else "the best single model is the cheapest as well"
    yield ("cost_save", "CostSave: saved at the best single's quality", "share",
           lambda: metrics.cost_save(cost, quality, usd, single),
           _FREE if free else "the curve never reaches that quality")  # fmt: skip
    yield ("aiq", "AIQ, paper's form, cheapest to best single's cost", "points",
           lambda: _per_draw(found, metrics.aiq, low, high), empty)  # fmt: skip
    yield ("aiq_gain", "AIQ less the best single's quality", "points",
           lambda: _per_draw(found, metrics.aiq, low, high) - single, empty)  # fmt: skip
    yield ("aiq_as_coded", "AIQ, RouterBench code's form, to the dearest model's cost", "points",
           lambda: _per_draw(found, metrics.aiq_as_coded, found.model_cost_usd.max(axis=1)),
           "nothing costs more than the curve's cheapest point")  # fmt: skip
    for key, part, share in (("half", "half", 0.5), ("quarter", "a quarter of", 0.25)):
        yield (f"{key}_cost_gain", f"quality at {part} the best single's cost, over it", "points",
               partial(_at_share, found, share),
               _FREE if free else "no point of the curve is that cheap")  # fmt: skip
    yield ("pareto_dist", "ParetoDist, to the frontier of router and single models", "score",
           lambda: _pareto(found), "")  # fmt: skip


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
    def one(cost: Floats, quality: Floats, model_cost: Floats, model_quality: Floats) -> float:
        drawn = ~np.isnan(model_quality)  # where there are gaps a draw can miss a model
        model_cost, model_quality = model_cost[drawn], model_quality[drawn]
        return metrics.pareto_dist(
            cost, quality, np.append(cost, model_cost), np.append(quality, model_quality)
        )

    every = (found.point_cost_usd, found.point_score, found.model_cost_usd, found.model_score)
    return np.array([one(*draw) for draw in zip(*every, strict=True)])


def _two_models(judged: Judged) -> Iterator[Metric]:
    """APGR and CPT of the best single model against the cheapest; exact for a pool of two."""
    curve, note = _strong_share(judged)
    rows: tuple[tuple[str, str, Callable[[StrongShareCurve], float]], ...] = (
        ("apgr", "APGR, two models", average_pgr),
        ("cpt_50", "CPT(50 %), two models", lambda one: call_performance_threshold(one, 0.5)),
        ("cpt_80", "CPT(80 %), two models", lambda one: call_performance_threshold(one, 0.8)),
    )
    for key, name, figure in rows:
        value = None if curve is None else figure(curve)
        known = None if value is None or np.isnan(value) else value
        yield _plain(key, name, known, "share", note)


def _strong_share(judged: Judged) -> tuple[StrongShareCurve | None, str]:
    strong = judged.best_single
    if not judged.costs_known:
        return None, _NO_COSTS
    weak = int(judged.costs.filled.mean(axis=0).argmin())
    models, score = judged.outcomes.models, judged.outcomes.score
    if weak == strong:
        return None, "the best single model is also the cheapest"
    both = ~np.isnan(score[:, [weak, strong]]).any(axis=1)
    if not both.any() or not score[both, strong].mean() > score[both, weak].mean():
        return None, f"{models[strong]} is not better than {models[weak]} here"
    quality = judged.estimate.quality[both]
    curve = strong_share_curve(
        quality[:, strong] - quality[:, weak], score[both, weak], score[both, strong]
    )
    return curve, f"strong {models[strong]}, weak {models[weak]}"


def _choices(judged: Judged) -> Iterator[Metric]:
    for prefix, name, chosen in (
        ("", "cost weight 0", judged.chosen),
        ("balanced_", "the balanced cost weight", judged.balanced),
    ):
        entropy = metrics.routing_entropy(shares(judged, chosen))
        most = np.log2(len(judged.outcomes.models))
        yield _plain(
            f"{prefix}routing_entropy", f"routing entropy at {name}", entropy, "bits",
            f"of at most {most:.2f}",
        )  # fmt: skip


def _calibration(judged: Judged) -> Iterator[Metric]:
    quality, score = judged.estimate.quality, judged.outcomes.score
    brier = column_means(brier_score(quality, score)[:, None])[0]
    error = column_means(expected_calibration_error(quality, score)[:, None])[0]
    yield _plain("brier", "Brier score, mean over models", float(brier), "score")
    yield _plain("calibration_error", "calibration error (ECE), mean over models", float(error),
                 "points", "10 bins of equally many prompts")  # fmt: skip


def _column(found: Resampled, kind: str) -> Floats:
    at = found.way(kind)
    assert at is not None
    return found.score[:, at]


def _plain(key: str, name: str, value: float | None, unit: str, note: str = "") -> Metric:
    """A figure without an interval."""
    nan = float("nan")
    known = None if value is None else Interval(value, nan, nan)
    return Metric(key, name, known, unit, difference=False, note=note)


def _of(
    key: str,
    name: str,
    values: Floats,
    unit: str,
    missing: str,
    *,
    difference: bool = False,
    pick: bool = False,
    note: str = "",
) -> Metric:
    """A figure with its interval; `missing` is the note where it cannot be known."""
    if not np.isfinite(values[0]):
        return Metric(key, name, None, unit, difference, missing)
    made = interval_of_pick if pick else interval
    return Metric(key, name, made(values), unit, difference, note)

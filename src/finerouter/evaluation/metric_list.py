"""Every published figure of a router, with intervals, under the name it is known by.

Takes means over draws (`Resampled`); gives `Metric`s. The formulas stand in `metrics.py`,
`two_models.py` and `quality/calibration.py`, the list of those read off the curve in
`curve_metrics.py`; docs/evaluation.md explains each. Knows nothing of how they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation import metrics
from finerouter.evaluation.basis import basis
from finerouter.evaluation.curve_metrics import NO_COSTS, curve_metrics
from finerouter.evaluation.judging import Judged
from finerouter.evaluation.metric_of import of_draws, plain
from finerouter.evaluation.resampled import Resampled, interval
from finerouter.evaluation.result import Metric
from finerouter.evaluation.two_models import (
    StrongShareCurve,
    average_pgr,
    call_performance_threshold,
    strong_share_curve,
)
from finerouter.gaps import column_means
from finerouter.quality.calibration import brier_score, expected_calibration_error

Floats = NDArray[np.float64]


def metric_list(
    found: Resampled, *, task_accuracy: float | None, abstained: float
) -> tuple[Metric, ...]:
    """All metrics, in the order of docs/evaluation.md."""
    return (
        *_quality(found),
        *_cost(found),
        *curve_metrics(found),
        *_two_models(found),
        *_choices(found.judged),
        *_calibration(found.judged),
        plain("task_accuracy", "task classifier, out of fold", task_accuracy, "share",
               "recorded in training; not by this version" if task_accuracy is None else ""),
        plain("abstained", "prompts of no known task", abstained, "share"),
    )  # fmt: skip


def _quality(found: Resampled) -> Iterator[Metric]:
    single, router = found.single[0], _column(found, "router")
    yield Metric("quality", "mean quality", interval(router), "points", False, "over prompts")
    yield from _over_benchmarks(found)
    yield from _against_others(found)
    yield _gap_closed(found, router, single)
    yield of_draws("oracle_gap_closed", "share of the gap to the oracle closed",
                   metrics.gap_closed(router, single, _column(found, "oracle")), "share",
                   "the oracle gains nothing", difference=True, note="over prompts")  # fmt: skip


def _over_benchmarks(found: Resampled) -> Iterator[Metric]:
    if found.over_benchmarks is None:
        return
    means, at = found.over_benchmarks.score, found.way("router")
    yield Metric(
        "benchmark_quality", "mean quality over benchmarks", interval(means[:, at]),
        "points", False, "each benchmark counts alike",
    )  # fmt: skip
    yield of_draws("benchmark_gain", "its gain over the best single model",
                   means[:, at] - means[:, 0], "points", basis(found).unknown,
                   difference=True)  # fmt: skip


def _against_others(found: Resampled) -> Iterator[Metric]:
    """LLMRouterBench's relative figures, on its mean over benchmarks where there are any."""
    over = basis(found)
    router, random, oracle, single = (
        over.means.score[:, found.way(kind)]
        for kind in ("router", "random", "oracle", "best single")
    )
    yield of_draws("gain_random", "Gain over random (Gain@R)",
                   metrics.relative_gain(router, random), "share", "a random model scores zero",
                   difference=True, note=over.note)  # fmt: skip
    yield of_draws("gain_best_single", "Gain over best single (Gain@B)",
                   metrics.relative_gain(router, single), "share",
                   over.unknown_or("the best single model scores zero"),
                   difference=True, note=over.note)  # fmt: skip
    yield of_draws("gap_to_oracle", "gap to the oracle (Gap@O)",
                   metrics.gap_to_oracle(router, oracle), "share", "the oracle scores zero",
                   difference=True, note=over.note)  # fmt: skip


def _gap_closed(found: Resampled, router: Floats, single: Floats) -> Metric:
    key, name = "gap_closed", "share of the gap to best per benchmark closed"
    at = found.way("per benchmark")
    if at is None:
        return Metric(key, name, None, "share", True, _no_target(found))
    target = found.score[:, at]
    if interval(target - single).holds_zero:
        return Metric(key, name, None, "share", True, "no such gap is shown here")
    return of_draws(key, name, metrics.gap_closed(router, single, target), "share",
                    "the best models per benchmark are worse than the best single one",
                    difference=True, note="over prompts")  # fmt: skip


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
            yield Metric(key, name, None, _unit(key), False, NO_COSTS)
        return
    for prefix, kind in (("", "router"), ("balanced_", "balanced")):
        at = found.way(kind)
        usd = metrics.cost_per_1k_usd(found.cost_usd[:, at])
        for key, values in (
            (f"{prefix}cost_per_1k_usd", usd),
            (f"{prefix}arena_score", metrics.arena_score(found.score[:, at], usd)),
        ):
            yield Metric(key, names[key], interval(values), _unit(key), False, "")


def _unit(key: str) -> str:
    return "usd" if key.endswith("usd") else "score"


def _two_models(found: Resampled) -> Iterator[Metric]:
    """APGR and CPT of the best single model against the cheapest; exact for a pool of two."""
    curve, note = _strong_share(found)
    rows: tuple[tuple[str, str, Callable[[StrongShareCurve], Floats]], ...] = (
        ("apgr", "APGR, two models", average_pgr),
        *(
            (f"cpt_{part}", f"CPT({part} %), two models", partial(_threshold, part / 100))
            for part in (20, 50, 80)
        ),
    )
    for key, name, figure in rows:
        if curve is None:
            yield plain(key, name, None, "share", note)
        elif not _gap_shown(curve):
            more = f"{note}; no difference between these two is shown, so no interval"
            yield plain(key, name, float(figure(curve)[0]), "share", more)
        else:
            yield of_draws(key, name, figure(curve), "share", note, note=note)


def _threshold(recovered: float, curve: StrongShareCurve) -> Floats:
    return call_performance_threshold(curve, recovered)


def _gap_shown(curve: StrongShareCurve) -> bool:
    """Where the strong model may be no better, a share of the gap between them has no bounds."""
    return not interval(curve.score[:, -1] - curve.score[:, 0]).holds_zero


def _strong_share(found: Resampled) -> tuple[StrongShareCurve | None, str]:
    """The curve of every draw, and which models it is of; None and why there is none."""
    judged, strong = found.judged, found.judged.best_single
    if not judged.costs_known:
        return None, NO_COSTS
    weak = int(judged.costs.filled.mean(axis=0).argmin())
    models, score = judged.outcomes.models, judged.outcomes.score
    if weak == strong:
        return None, "the best single model is also the cheapest"
    both = ~np.isnan(score[:, [weak, strong]]).any(axis=1)
    if not both.any() or not score[both, strong].mean() > score[both, weak].mean():
        return None, f"{models[strong]} is not better than {models[weak]} here"
    quality = judged.estimate.quality[both]
    advantage = quality[:, strong] - quality[:, weak]
    parts = [
        strong_share_curve(advantage, score[both, weak], score[both, strong], drawn=drawn[:, both])
        for drawn in found.draws
    ]
    curve = StrongShareCurve(parts[0].share, np.concatenate([part.score for part in parts]))
    return curve, f"strong {models[strong]}, weak {models[weak]}"


def _choices(judged: Judged) -> Iterator[Metric]:
    for prefix, name, chosen in (
        ("", "cost weight 0", judged.chosen),
        ("balanced_", "the balanced cost weight", judged.balanced),
    ):
        count = len(judged.outcomes.models)
        entropy = metrics.routing_entropy(metrics.shares(chosen, count))
        most = np.log2(count)
        yield plain(
            f"{prefix}routing_entropy", f"routing entropy at {name}", entropy, "bits",
            f"of at most {most:.2f}",
        )  # fmt: skip


def _calibration(judged: Judged) -> Iterator[Metric]:
    quality, score = judged.estimate.quality, judged.outcomes.score
    brier = column_means(brier_score(quality, score)[:, None])[0]
    error = column_means(expected_calibration_error(quality, score)[:, None])[0]
    yield plain("brier", "Brier score, mean over models", float(brier), "score")
    yield plain("calibration_error", "calibration error (ECE), mean over models", float(error),
                 "points", "10 bins of equally many prompts")  # fmt: skip


def _column(found: Resampled, kind: str) -> Floats:
    at = found.way(kind)
    assert at is not None
    return found.score[:, at]

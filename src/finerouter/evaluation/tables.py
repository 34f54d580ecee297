"""What was found by benchmark, by task, by model and by prompt.

Takes what was judged and its means over draws; gives the tables of an `EvaluationResult`. Knows
nothing of how they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.judging import LEAST_PROMPTS, Judged
from finerouter.evaluation.metrics import cost_per_1k_usd, shares
from finerouter.evaluation.resampled import Resampled, interval, task_labels
from finerouter.evaluation.result import (
    BenchmarkFigures,
    CalibrationBin,
    ModelFigures,
    PromptFigures,
    Regret,
    TaskFigures,
    TaskModelFigures,
)
from finerouter.gaps import column_means
from finerouter.quality.calibration import (
    brier_score,
    calibration_bins,
    expected_calibration_error,
)
from finerouter.tasks.taxonomy import Task

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
_EXCERPT = 200
_SURE = 0.6


def benchmark_table(found: Resampled) -> tuple[BenchmarkFigures, ...]:
    """A row per benchmark; empty where the data names none."""
    if found.by_benchmark is None:
        return ()
    names = np.array(found.judged.outcomes.benchmarks)
    return tuple(
        _benchmark(found, name, at, np.flatnonzero(names == name))
        for at, name in enumerate(found.benchmarks)
    )


def _benchmark(found: Resampled, name: str, at: int, rows: Labels) -> BenchmarkFigures:
    judged = found.judged
    assert found.by_benchmark is not None
    means = found.by_benchmark.group_means[:, at]
    known = found.by_benchmark.known[0, at]
    score, usd = _by_kind(found, means[0]), _costs(judged, rows)
    chosen = None if judged.per_benchmark is None else _most(judged.per_benchmark.column[rows])
    return BenchmarkFigures(
        benchmark=name,
        prompts=len(rows),
        best_single=_or_none(score["best single"]),
        router=score["router"],
        balanced=score["balanced"],
        oracle=score["oracle"],
        best_model=None if chosen is None else judged.outcomes.models[chosen],
        best_model_score=_or_none(score.get("per benchmark", np.nan)),
        gain=_gain(found, means, "router", known),
        balanced_gain=_gain(found, means, "balanced", known),
        best_single_cost_per_1k_usd=_or_none(usd.get("best single", np.nan)),
        router_cost_per_1k_usd=_or_none(usd.get("router", np.nan)),
        balanced_cost_per_1k_usd=_or_none(usd.get("balanced", np.nan)),
    )


def _by_kind(found: Resampled, means: Floats) -> dict[str, float]:
    return {way.kind: float(means[at]) for at, way in enumerate(found.judged.ways)}


def _costs(judged: Judged, rows: Labels) -> dict[str, float]:
    """USD per thousand prompts of each way whose choices are known."""
    if not judged.costs_known:
        return {}
    return {
        way.kind: float(cost_per_1k_usd(np.array(judged.costs.mean_within(rows, way.column[rows]))))
        for way in judged.ways
        if way.column is not None
    }


def _gain(found: Resampled, means: Floats, kind: str, known: Floats) -> Interval | None:
    """Against the best single model; None for fewer outcomes than an interval can be trusted on.

    Args:
        known: how many outcomes each way has, [way], or [1] where there are no gaps.
    """
    at = found.way(kind)
    if at is None or known[[0, at] if len(known) > 1 else [0]].min() < LEAST_PROMPTS:
        return None
    return interval(means[:, at] - means[:, 0])


def _most(columns: Labels) -> int:
    return int(np.bincount(columns).argmax())


def task_table(found: Resampled, tasks: Sequence[Task]) -> tuple[TaskFigures, ...]:
    """A row per task that has held-out prompts, and one for those of none; most prompts first."""
    labels = task_labels(found.judged.estimate)
    rows = [
        _task(found, tasks, at, np.flatnonzero(labels == at)) for at in np.unique(labels).tolist()
    ]
    return tuple(sorted(rows, key=lambda row: -row.prompts))


def _task(found: Resampled, tasks: Sequence[Task], at: int, rows: Labels) -> TaskFigures:
    task = tasks[at] if at < len(tasks) else None
    means = found.by_task.group_means[:, at]
    score = _by_kind(found, means[0])
    return TaskFigures(
        task=None if task is None else task.name,
        terms=() if task is None else task.terms,
        exemplars=() if task is None else task.exemplars,
        training_prompts=0 if task is None else task.size,
        prompts=len(rows),
        share=len(rows) / len(found.judged),
        router=score["router"],
        balanced=score["balanced"],
        best_single=_or_none(score["best single"]),
        oracle=score["oracle"],
        gain=_gain(found, means, "router", found.by_task.known[0, at]),
        models=_task_models(found.judged, rows),
    )


def _task_models(judged: Judged, rows: Labels) -> tuple[TaskModelFigures, ...]:
    score = judged.outcomes.score[rows]
    estimated, observed = judged.estimate.quality[rows].mean(axis=0), column_means(score)
    count = len(judged.outcomes.models)
    share, balanced = (shares(way[rows], count) for way in (judged.chosen, judged.balanced))
    order = np.argsort(-np.nan_to_num(observed, nan=-1.0), kind="stable")
    return tuple(
        TaskModelFigures(
            model=judged.outcomes.models[at],
            estimated=float(estimated[at]),
            observed=_or_none(observed[at]),
            outcomes=int((~np.isnan(score[:, at])).sum()),
            share=float(share[at]),
            balanced_share=float(balanced[at]),
        )
        for at in order.tolist()
    )


def model_table(found: Resampled) -> tuple[ModelFigures, ...]:
    """A row per model, in the router's order."""
    judged = found.judged
    quality, score = judged.estimate.quality, judged.outcomes.score
    brier, error = brier_score(quality, score), expected_calibration_error(quality, score)
    count = len(judged.outcomes.models)
    share, balanced = (shares(way, count) for way in (judged.chosen, judged.balanced))
    usd = cost_per_1k_usd(found.model_cost_usd[0])
    return tuple(
        ModelFigures(
            model=model,
            quality=interval(found.model_score[:, at]),
            cost_per_1k_usd=float(usd[at]) if judged.costs_known else None,
            share=float(share[at]),
            balanced_share=float(balanced[at]),
            brier=_or_none(brier[at]),
            calibration_error=_or_none(error[at]),
            bins=_bins(quality[:, at], score[:, at]),
        )
        for at, model in enumerate(judged.outcomes.models)
    )


def _bins(quality: Floats, score: Floats) -> tuple[CalibrationBin, ...]:
    return tuple(
        CalibrationBin(len(part), float(estimate), mean, *wilson(mean, len(part)))
        for estimate, part in calibration_bins(quality, score)
        for mean in [float(part.mean())]
    )


def wilson(share: float, count: int) -> tuple[float, float]:
    """95 % interval of a share out of `count`; of a mean of scores in [0, 1] it is a cautious one.

    Source: Wilson 1927, JASA 22:209. A score between 0 and 1 varies at most as much as a share.
    """
    z2 = 1.959964**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    reach = np.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def regret_table(judged: Judged, *, most: int) -> tuple[Regret, ...]:
    """The prompts on which the choice at cost weight 0 lost most against hindsight.

    Of equal losses that one is worse which more models would have avoided: a prompt that one model
    alone got right teaches little. The better model that is named is the one that the router
    thought most of.
    """
    rows, score = np.arange(len(judged)), np.nan_to_num(judged.outcomes.score, nan=-1.0)
    got = score[rows, judged.chosen]
    better = (score > got[:, None]).sum(axis=1)
    lost = score.max(axis=1) - got
    order = np.lexsort((-better, -lost))[:most]
    return tuple(_regret(judged, int(row), int(better[row])) for row in order if lost[row] > 0)


def _regret(judged: Judged, row: int, better: int) -> Regret:
    outcomes, quality = judged.outcomes, judged.estimate.quality[row]
    score, chosen = outcomes.score[row], int(judged.chosen[row])
    top = np.nanmax(score)
    best = int(np.where(score == top, quality, -np.inf).argmax())
    task, probability = judged.estimate.task_of(row)
    return Regret(
        prompt_id=outcomes.prompt_ids[row],
        excerpt=excerpt(outcomes.prompts[row]),
        benchmark=None if outcomes.benchmarks is None else outcomes.benchmarks[row],
        task=task,
        task_probability=probability,
        chosen=outcomes.models[chosen],
        chosen_quality=float(quality[chosen]),
        chosen_score=float(score[chosen]),
        best=outcomes.models[best],
        best_quality=float(quality[best]),
        best_score=float(top),
        better_models=better,
        regret=float(top - score[chosen]),
        reason=_reason(judged, row, chosen, best),
    )


def _reason(judged: Judged, row: int, chosen: int, best: int) -> str:
    """Why it went wrong, as far as the estimates tell."""
    task, probability = judged.estimate.task_of(row)
    gap = float(judged.estimate.quality[row, chosen] - judged.estimate.quality[row, best])
    spread = float(np.hypot(*judged.estimate.quality_std[row, [chosen, best]]))
    if task is None:
        return f"of no known task ({probability:.0%}), so only the general estimates counted"
    if probability < _SURE:
        return f"the task was uncertain: {task!r} at only {probability:.0%}"
    if gap <= spread:
        return f"a near tie: {100 * gap:.1f} points apart, within the uncertainty of {task!r}"
    rarer = column_means(
        judged.outcomes.score[task_labels(judged.estimate) == _column(judged, task)]
    )
    if rarer[chosen] >= rarer[best]:
        return f"bad luck: the chosen model is better on average in {task!r}"
    return f"the estimates rank these two models the wrong way round in {task!r}"


def _column(judged: Judged, task: str) -> int:
    return judged.estimate.tasks.index(task)


def excerpt(text: str) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"


def prompt_table(judged: Judged, place: Floats) -> tuple[PromptFigures, ...]:
    """A row per prompt; `place` is its point on the map, [prompt, 2]."""
    ways = {way.kind: way for way in judged.ways}
    single, router, balanced, oracle = (
        ways[kind].score for kind in ("best single", "router", "balanced", "oracle")
    )
    models, benchmarks = judged.outcomes.models, judged.outcomes.benchmarks

    def usd(row: int, column: int) -> float | None:
        return _or_none(judged.costs.usd[row, column]) if judged.costs_known else None

    rows = []
    for row in range(len(judged)):
        task, probability = judged.estimate.task_of(row)
        rows.append(
            PromptFigures(
                prompt_id=judged.outcomes.prompt_ids[row],
                benchmark=None if benchmarks is None else benchmarks[row],
                task=task,
                task_probability=probability,
                x=float(place[row, 0]),
                y=float(place[row, 1]),
                model=models[judged.chosen[row]],
                score=float(router[row]),
                cost_usd=usd(row, judged.chosen[row]),
                balanced_model=models[judged.balanced[row]],
                balanced_score=float(balanced[row]),
                balanced_cost_usd=usd(row, judged.balanced[row]),
                best_single_score=_or_none(single[row]),
                best_single_cost_usd=usd(row, judged.best_single),
                oracle_score=float(oracle[row]),
            )
        )
    return tuple(rows)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

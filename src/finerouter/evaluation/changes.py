"""What changed against an earlier evaluation.

Takes two `EvaluationResult`s, such as one just made and one read from JSON; gives `Changes`.
Prompts that were judged in both are compared in pairs, the rest figure by figure. Knows nothing of
routers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from finerouter.evaluation.intervals import Interval, tallies
from finerouter.evaluation.judging import LEAST_PROMPTS
from finerouter.evaluation.resampled import interval
from finerouter.evaluation.result import EvaluationResult, PromptFigures

Pairs = Sequence[tuple[PromptFigures, PromptFigures]]


@dataclass(frozen=True)
class FigureChange:
    """A figure of the headline before and after; None where it was not known."""

    figure: str
    before: Interval | None
    after: Interval | None


@dataclass(frozen=True)
class Changes:
    """What changed since an earlier evaluation.

    Attributes:
        shared_prompts: judged in both.
        quality, balanced_quality: change of the mean score on the shared prompts, paired; None for
            too few.
        cost_per_1k_usd, balanced_cost_per_1k_usd: the same of the cost, on the shared prompts whose
            cost is known in both; None for too few.
        moved, balanced_moved: share of the shared prompts that get another model now.
        models_added, models_removed: of the router.
        tasks_added, tasks_removed: names that came and went, among tasks with held-out prompts.
        best_single, best_single_before: that the headline's figures are against, now and before.
        same_data, same_training: whether the judged and the training outcomes are the same.
        figures: the headline, field by field.
    """

    shared_prompts: int
    quality: Interval | None
    balanced_quality: Interval | None
    cost_per_1k_usd: Interval | None
    balanced_cost_per_1k_usd: Interval | None
    moved: float | None
    balanced_moved: float | None
    models_added: tuple[str, ...]
    models_removed: tuple[str, ...]
    tasks_added: tuple[str, ...]
    tasks_removed: tuple[str, ...]
    best_single: str
    best_single_before: str
    same_data: bool
    same_training: bool
    figures: tuple[FigureChange, ...]


def compare(
    result: EvaluationResult, previous: EvaluationResult, *, resamples: int = 1000, seed: int = 0
) -> Changes:
    """Compare an evaluation with an earlier one; differences are later minus earlier."""
    earlier = {row.prompt_id: row for row in previous.prompts}
    pairs = [(earlier[row.prompt_id], row) for row in result.prompts if row.prompt_id in earlier]
    score, balanced, usd, balanced_usd = _paired(pairs, resamples, seed)
    models, tasks = _names(result), _task_names(result)
    old_models, old_tasks = _names(previous), _task_names(previous)
    return Changes(
        shared_prompts=len(pairs),
        quality=score,
        balanced_quality=balanced,
        cost_per_1k_usd=usd,
        balanced_cost_per_1k_usd=balanced_usd,
        moved=_share([old.model != new.model for old, new in pairs]),
        balanced_moved=_share([old.balanced_model != new.balanced_model for old, new in pairs]),
        models_added=_without(models, old_models),
        models_removed=_without(old_models, models),
        tasks_added=_without(tasks, old_tasks),
        tasks_removed=_without(old_tasks, tasks),
        best_single=result.best_single,
        best_single_before=previous.best_single,
        same_data=result.data.fingerprint == previous.data.fingerprint,
        same_training=result.router.training_fingerprint == previous.router.training_fingerprint,
        figures=_figures(result, previous),
    )


def _figures(result: EvaluationResult, previous: EvaluationResult) -> tuple[FigureChange, ...]:
    names = [item.name for item in fields(result.headline)]
    return tuple(
        FigureChange(name, getattr(previous.headline, name), getattr(result.headline, name))
        for name in names
    )


def _paired(pairs: Pairs, resamples: int, seed: int) -> list[Interval | None]:
    """Changes of score, balanced score, cost and balanced cost; None where unknown."""
    if len(pairs) < LEAST_PROMPTS:
        return [None] * 4
    columns = np.array([_differences(old, new) for old, new in pairs])
    everyone = np.zeros(len(pairs), dtype=np.int64)
    (tally,) = tallies([(columns, everyone)], resamples=resamples, seed=seed)
    enough = (~np.isnan(columns)).sum(axis=0) >= LEAST_PROMPTS
    return [interval(tally.means[:, at]) if enough[at] else None for at in range(4)]


def _differences(old: PromptFigures, new: PromptFigures) -> list[float]:
    return [
        new.score - old.score,
        new.balanced_score - old.balanced_score,
        1000 * _minus(new.cost_usd, old.cost_usd),
        1000 * _minus(new.balanced_cost_usd, old.balanced_cost_usd),
    ]


def _minus(new: float | None, old: float | None) -> float:
    return float("nan") if new is None or old is None else new - old


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _names(result: EvaluationResult) -> tuple[str, ...]:
    return tuple(model.model for model in result.models)


def _task_names(result: EvaluationResult) -> tuple[str, ...]:
    return tuple(task.task for task in result.tasks if task.task is not None)


def _without(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in others)

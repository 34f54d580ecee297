"""Train on one part of the data and judge on the other, split after split.

Takes outcomes and splits; gives figures per split, and of all held-out prompts together. Every
dial is chosen by `train` inside the training part of its split. Knows nothing of how splits are
made (`splits.py`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.encoders import Encoder
from finerouter.errors import DataError
from finerouter.evaluation.headline import headline, lines, quality_cost
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.judging import Judged, Way, judge
from finerouter.evaluation.metric_list import metric_list
from finerouter.evaluation.notes import about_best_models, about_costs, about_scores
from finerouter.evaluation.per_benchmark import BestPerBenchmark
from finerouter.evaluation.records import to_record
from finerouter.evaluation.resampled import resample, task_labels
from finerouter.evaluation.result import BenchmarkFigures, Headline, Line, Metric, QualityCost
from finerouter.evaluation.splits import Split
from finerouter.evaluation.stand_ins import Costs
from finerouter.evaluation.tables import benchmark_table
from finerouter.outcomes import OutcomeTable
from finerouter.policy import Estimate
from finerouter.training import Progress, TrainingConfig, train

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class SplitFigures:
    """One split.

    Attributes:
        name: of the split.
        training_prompts, held_out_prompts, left_out: prompts of each part, and of neither.
        tasks: discovered in the training part.
        train_s: seconds of training.
        best_single: of the training part.
        abstained: share of held-out prompts of no known task.
        quality_gain: router at cost weight 0 over the best single model.
        balanced_gain, balanced_saved: at the cost weight that training chose.
    """

    name: str
    training_prompts: int
    held_out_prompts: int
    left_out: int
    tasks: int
    train_s: float
    best_single: str
    abstained: float
    quality_gain: Interval
    balanced_gain: Interval
    balanced_saved: Interval | None


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What cross-validation found; the parts are those of an `EvaluationResult`.

    Attributes:
        kind: how the splits were made: "random", "benchmark" or "time".
        prompts: held-out prompts of all splits.
        splits: one by one.
        headline, lines, curve, metrics, benchmarks: of all held-out prompts together, each judged
            by the router of its split, against the best single model of that training part.
        resamples, seed: of the bootstrap.
        notes: what to know before believing any of this.
    """

    kind: str
    prompts: int
    splits: tuple[SplitFigures, ...]
    headline: Headline
    lines: tuple[Line, ...]
    curve: QualityCost | None
    metrics: tuple[Metric, ...]
    benchmarks: tuple[BenchmarkFigures, ...]
    resamples: int
    seed: int
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, NaN as null."""
        record: dict[str, Any] = to_record(self)
        return record


def cross_validate(
    outcomes: OutcomeTable,
    splits: Sequence[Split],
    *,
    kind: str,
    config: TrainingConfig | None = None,
    encoder: Encoder | None = None,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> CrossValidation:
    """Train and judge on every split.

    Args:
        outcomes: the whole data.
        splits: of its rows; no prompt is held out twice.
        kind: how they were made.
        config, encoder: of every training.
        resamples, seed: of the bootstrap.
        progress: called with a stage's name, steps done and steps in all.

    Raises:
        DataError: a part is too small, or a model has no outcome in one; names the split.
    """
    report = progress or (lambda *_: None)
    parts, figures = [], []
    for at, split in enumerate(splits):
        report("splits", at, len(splits))
        with _named(split):
            judged, record = _judge_split(
                outcomes, split, config, encoder, report, (resamples, seed)
            )
        parts.append(judged)
        figures.append(record)
    report("splits", len(splits), len(splits))
    together = pooled(parts)
    found = resample(together, resamples=resamples, seed=seed)
    abstained = float((task_labels(together.estimate) == 1).mean())
    return CrossValidation(
        kind=kind,
        prompts=len(together),
        splits=tuple(figures),
        headline=headline(found),
        lines=lines(found),
        curve=quality_cost(found),
        metrics=metric_list(found, task_accuracy=None, abstained=abstained),
        benchmarks=benchmark_table(found),
        resamples=resamples,
        seed=seed,
        notes=(
            *_left_out(splits),
            *about_scores(together),
            *about_costs(together),
            *about_best_models(together),
        ),
    )


@contextmanager
def _named(split: Split) -> Iterator[None]:
    """Say in an error which split it is about."""
    try:
        yield
    except DataError as error:
        raise DataError(f"split {split.name!r}: {error}") from error


def _judge_split(
    outcomes: OutcomeTable,
    split: Split,
    config: TrainingConfig | None,
    encoder: Encoder | None,
    report: Progress,
    drawn: tuple[int, int],
) -> tuple[Judged, SplitFigures]:
    fit = outcomes.rows(split.fit)
    started = time.perf_counter()
    router = train(
        fit,
        config,
        encoder=encoder,
        progress=lambda stage, done, total: report(f"{split.name}: {stage}", done, total),
    )
    seconds = time.perf_counter() - started
    judged = judge(router, outcomes.rows(split.held_out), training=fit, seed=drawn[1])
    best = headline(resample(judged, resamples=drawn[0], seed=drawn[1]))
    return judged, SplitFigures(
        name=split.name,
        training_prompts=len(split.fit),
        held_out_prompts=len(judged),
        left_out=len(split.left_out),
        tasks=len(router.tasks),
        train_s=seconds,
        best_single=router.models[judged.best_single],
        abstained=float((task_labels(judged.estimate) == len(router.tasks)).mean()),
        quality_gain=best.quality_gain,
        balanced_gain=best.balanced_gain,
        balanced_saved=best.balanced_saved,
    )


def _left_out(splits: Sequence[Split]) -> list[str]:
    count = sum(len(split.left_out) for split in splits)
    if not count or splits[0].name.startswith("fold"):
        return []
    return [
        f"{count} times a prompt was in neither part of a split: it nearly repeats one of the "
        "other part, came later, or has no time"
    ]


def pooled(parts: Sequence[Judged]) -> Judged:
    """Several judgements, each of other prompts, as one.

    Ways are matched by kind, the curve's points by their place on the grid of cost weights. A part
    whose router knows no cost has one point, cost weight zero; then only that is kept of all parts,
    and there are no figures of cost. Tasks differ from router to router, so one stands for all of
    them. The best single model is each part's own; where a column is needed it is that of the most
    prompts.
    """
    first = parts[0]
    alike = len({len(part.weights) for part in parts}) == 1
    shared = slice(None if alike else 1)
    kinds = [way.kind for way in first.ways if all(_has(part, way.kind) for part in parts)]
    singles = np.repeat([part.best_single for part in parts], [len(part) for part in parts])
    return replace(
        first,
        outcomes=_stacked([part.outcomes for part in parts]),
        estimate=_estimates([part.estimate for part in parts]),
        costs=Costs(np.concatenate([part.costs.usd for part in parts])),
        costs_known=alike and all(part.costs_known for part in parts),
        best_single=int(np.bincount(singles).argmax()),
        ways=tuple(_way(parts, kind) for kind in kinds),
        chosen=np.concatenate([part.chosen for part in parts]),
        balanced=np.concatenate([part.balanced for part in parts]),
        per_benchmark=_per_benchmark(parts),
        weights=np.mean([part.weights[shared] for part in parts], axis=0),
        point_score=np.concatenate([part.point_score[:, shared] for part in parts]),
        point_cost_usd=np.concatenate([part.point_cost_usd[:, shared] for part in parts]),
        folds=np.concatenate([part.folds for part in parts]),
    )


def _has(part: Judged, kind: str) -> bool:
    return any(way.kind == kind for way in part.ways)


def _way(parts: Sequence[Judged], kind: str) -> Way:
    ways = [next(way for way in part.ways if way.kind == kind) for part in parts]
    names = {way.name for way in ways}
    weights = [way.cost_weight for way in ways if way.cost_weight is not None]
    return Way(
        kind,
        names.pop() if len(names) == 1 else f"{_plain_name(kind)} (of each split)",
        _concatenated([way.column for way in ways]),
        np.concatenate([way.score for way in ways]),
        np.concatenate([way.cost_usd for way in ways]),
        float(np.mean(weights)) if weights else None,
    )


def _plain_name(kind: str) -> str:
    return "router, balanced" if kind == "balanced" else kind


def _per_benchmark(parts: Sequence[Judged]) -> BestPerBenchmark | None:
    found = [part.per_benchmark for part in parts if part.per_benchmark is not None]
    if len(found) < len(parts):
        return None
    held_out = {name for one in found for name in one.on_held_out}
    return BestPerBenchmark(np.concatenate([one.column for one in found]), tuple(sorted(held_out)))


def _concatenated(columns: Sequence[Labels | None]) -> Labels | None:
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if len(known) == len(columns) else None


def _stacked(tables: Sequence[OutcomeTable]) -> OutcomeTable:
    names = [table.benchmarks for table in tables if table.benchmarks is not None]
    return replace(
        tables[0],
        prompt_ids=tuple(name for table in tables for name in table.prompt_ids),
        prompts=tuple(text for table in tables for text in table.prompts),
        benchmarks=tuple(name for some in names for name in some) if names else None,
        times=None,
        score=np.concatenate([table.score for table in tables]),
        input_tokens=np.concatenate([table.input_tokens for table in tables]),
        output_tokens=np.concatenate([table.output_tokens for table in tables]),
        cost_usd=np.concatenate([table.cost_usd for table in tables]),
    )


def _estimates(estimates: Sequence[Estimate]) -> Estimate:
    labels = [task_labels(estimate) == estimate.task_probs.shape[1] for estimate in estimates]
    none = np.concatenate(labels).astype(np.float64)
    return replace(
        estimates[0],
        tasks=["any"],
        task_probs=1 - none[:, None],
        none=none,
        quality=np.concatenate([estimate.quality for estimate in estimates]),
        quality_std=np.concatenate([estimate.quality_std for estimate in estimates]),
        cost_usd=np.concatenate([estimate.cost_usd for estimate in estimates]),
        tokens=np.concatenate([estimate.tokens for estimate in estimates]),
    )

"""Everything judged, averaged over all prompts and over the same resamples of them.

Takes a `Judged`; gives means [draw, ...] whose first draw is every prompt once. Knows nothing of
what statistics are made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.crossfit import CurveTally
from finerouter.evaluation.intervals import Draws, Interval, Tally, joined, tally_batches
from finerouter.evaluation.judging import Judged, always
from finerouter.evaluation.metrics import benchmark_mean
from finerouter.policy import Estimate

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BenchmarkMeans:
    """Means over benchmarks of mean scores, each benchmark counting alike.

    A benchmark that a draw missed is left out there. NaN of what has no outcome at all in some
    benchmark: nothing can be said of its mean over all.

    Attributes:
        score: of the ways, [draw, way].
        model_score: of always asking each model, [draw, model].
        point_score: of the curve's points, [draw, point].
    """

    score: Floats
    model_score: Floats
    point_score: Floats


@dataclass(frozen=True, eq=False)
class Resampled:
    """Means over draws of the prompts.

    Attributes:
        judged: what was averaged.
        draws: that it was averaged over.
        score, cost_usd: of the ways, [draw, way]; NaN where a draw holds no outcome of one.
        model_score, model_cost_usd: of always asking each model, [draw, model]; likewise.
        point_score, point_cost_usd: of the curve's points, [draw, point].
        curve: the points by fold, for picking dials on other prompts.
        by_benchmark: scores of the ways by benchmark; None where the data names none.
        over_benchmarks: the scores as means over benchmarks; None where the data names none.
        benchmarks: names, in the order of the groups of `by_benchmark`.
        by_task: scores of the ways by task, the last group for prompts of none.
    """

    judged: Judged
    draws: Draws
    score: Floats
    cost_usd: Floats
    model_score: Floats
    model_cost_usd: Floats
    point_score: Floats
    point_cost_usd: Floats
    curve: CurveTally
    by_benchmark: Tally | None
    over_benchmarks: BenchmarkMeans | None
    benchmarks: tuple[str, ...]
    by_task: Tally

    def way(self, kind: str) -> int | None:
        """Column of the way of this kind."""
        kinds = [way.kind for way in self.judged.ways]
        return kinds.index(kind) if kind in kinds else None

    @property
    def single(self) -> tuple[Floats, Floats]:
        """Score and cost of the best single model, [draw]."""
        return self.score[:, 0], self.cost_usd[:, 0]


def resample(judged: Judged, *, resamples: int, seed: int) -> Resampled:
    """Average everything over all prompts and over resamples."""
    draws = Draws(len(judged), resamples, seed)
    names = tuple(sorted(set(judged.outcomes.benchmarks or ())))
    ways = np.stack([way.score for way in judged.ways], axis=1)
    columns, parts = _columns(judged, ways)
    blocks = [(columns, judged.folds), (ways, task_labels(judged.estimate))]
    if names:
        position = {name: at for at, name in enumerate(names)}
        groups = np.array([position[name] for name in judged.outcomes.benchmarks or ()])
        # Of ways the means within benchmarks are kept, of models and points only theirs over all.
        blocks += [(ways, groups), (columns[:, parts[2]], groups), (columns[:, parts[4]], groups)]
    kept: list[tuple[Tally, ...]] = []
    over: list[list[Floats]] = []
    for batch in tally_batches(blocks, draws):
        kept.append(batch[:3])
        over.append([benchmark_mean(one.group_means) for one in batch[2:]])
    tally, by_task, *by_benchmark = (joined(batches) for batches in zip(*kept, strict=True))
    means = tally.means
    return Resampled(
        judged=judged,
        draws=draws,
        score=means[:, parts[0]],
        cost_usd=means[:, parts[1]],
        model_score=means[:, parts[2]],
        model_cost_usd=means[:, parts[3]],
        point_score=means[:, parts[4]],
        point_cost_usd=means[:, parts[5]],
        curve=CurveTally(tally, parts[4], parts[5], parts[0].start, parts[1].start),
        by_benchmark=by_benchmark[0] if by_benchmark else None,
        over_benchmarks=_over_benchmarks(blocks[2:], over) if names else None,
        benchmarks=names,
        by_task=by_task,
    )


def _over_benchmarks(
    blocks: Sequence[tuple[Floats, Labels]], batches: Sequence[Sequence[Floats]]
) -> BenchmarkMeans:
    means = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    return BenchmarkMeans(
        *(
            np.where(_lacking(*block), np.nan, over)
            for block, over in zip(blocks, means, strict=True)
        )
    )


def _lacking(values: Floats, groups: Labels) -> Flags:
    """Whether a column has nothing at all in some group, [column]."""
    empty = [np.isnan(values[groups == at]).all(axis=0) for at in np.unique(groups)]
    return np.asarray(np.any(empty, axis=0))


def task_labels(estimate: Estimate) -> Labels:
    """Most probable task of each prompt; the number of tasks where none is likelier, [prompt]."""
    task = estimate.task_probs.argmax(axis=1)
    abstains = estimate.none > estimate.task_probs.max(axis=1)
    return np.where(abstains, estimate.task_probs.shape[1], task)


def _columns(judged: Judged, ways: Floats) -> tuple[Floats, list[slice]]:
    models = [always(judged, column) for column in range(len(judged.outcomes.models))]
    blocks = [
        ways,
        np.stack([way.cost_usd for way in judged.ways], axis=1),
        np.stack([score for score, _ in models], axis=1),
        np.stack([usd for _, usd in models], axis=1),
        judged.point_score,
        judged.point_cost_usd,
    ]
    return np.hstack(blocks), _slices([block.shape[1] for block in blocks])


def _slices(widths: Sequence[int]) -> list[slice]:
    ends = np.cumsum(widths).tolist()
    return [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]


def interval(statistic: Floats) -> Interval:
    """Of a statistic [draw] of plain means."""
    return Interval.of(float(statistic[0]), statistic[1:])


def mirrored_interval(statistic: Floats) -> Interval:
    """Of a statistic [draw] that picks the best of many, which every draw does too well."""
    return Interval.reflected(float(statistic[0]), statistic[1:])


def known(statistic: Floats) -> Interval | None:
    """As `interval`; None where the statistic on all prompts is unknown."""
    return None if not np.isfinite(statistic[0]) else interval(statistic)

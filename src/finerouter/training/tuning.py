"""Every dial is chosen by cross-validation, by the routing that it gives.

Takes training prompts and a configuration; gives granularities, dials, and out-of-fold estimates.
In each fold the whole chain is fitted on the other folds; nothing outside the prompts given is
looked at. The structural features' scale is the one thing shared between folds: it sees prompts,
never outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finerouter.frontier import mean_quality_over, quality_cost_curve
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable
from finerouter.quality.experts import Experts, Trunk
from finerouter.quality.mixture import QualityModel
from finerouter.quality.prior import TaskPrior
from finerouter.tasks.discovery import FREE, Granularity
from finerouter.training.config import Dials, TrainingConfig
from finerouter.training.stages import (
    Data,
    Prepared,
    StageOne,
    fit_cost,
    fit_experts,
    fit_priors,
    fit_stage_one,
    fit_trunks,
    fold_numbers,
    prepare,
)

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Progress = Callable[[str, int, int], None]

# A twentieth of a point is well inside the noise of any choice made here: the simpler one wins.
_TIE = 0.0005


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold of cross-validation: what is fitted on, and what is held out."""

    fit: Prepared
    held_out: Data


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Out-of-fold estimates of all tuning prompts, in their order."""

    quality: Floats
    std: Floats
    cost_usd: Floats
    group: Labels


def routing_utility(
    quality: Floats, cost_usd: Floats, score: Floats, realised_usd: Floats
) -> float:
    """What estimates are worth for routing: the number that every dial is chosen by.

    The mean height of the quality-cost hull between the cheapest model's cost and the best single
    model's; where costs are unknown or all the same, the mean quality of the models chosen.

    Args:
        quality, cost_usd: estimates [prompt, model].
        score, realised_usd: outcomes [prompt, model].
    """
    curve = quality_cost_curve(quality, cost_usd, score, realised_usd)
    low, high = cost_range(score, realised_usd)
    if not high > low:
        return float(curve.quality[0])
    return mean_quality_over(curve.cost_usd, curve.quality, low, high)


def cost_range(score: Floats, realised_usd: Floats) -> tuple[float, float]:
    """Mean cost of the cheapest model and of the best single one; NaN where costs are unknown."""
    best = int(np.nanargmax(column_means(score)))
    mean_cost = column_means(realised_usd)
    if np.isnan(mean_cost).any():
        return np.nan, np.nan
    return float(mean_cost.min()), float(mean_cost[best])


def make_folds(data: Data, config: TrainingConfig, report: Progress) -> Iterable[Fold]:
    """Folds of the prompts, prepared."""
    numbers = fold_numbers(data.table.prompts, config.folds, [config.seed, 2])
    for fold in range(config.folds):
        report("neighbours", fold, config.folds)
        fit = data.part(np.flatnonzero(numbers != fold))
        yield Fold(prepare(fit, config), held_out=data.part(np.flatnonzero(numbers == fold)))
    report("neighbours", config.folds, config.folds)


def tuning_part(data: Data, config: TrainingConfig) -> Data:
    """The prompts that dials are chosen on: all, or a drawn part of very many."""
    if len(data.rows) <= config.tuning_prompts:
        return data
    random = np.random.default_rng([config.seed, 1])
    return data.part(np.sort(random.permutation(len(data.rows))[: config.tuning_prompts]))


def choose_granularity(
    folds: Sequence[Fold], config: TrainingConfig, report: Progress
) -> tuple[tuple[Granularity, ...], list[dict[str, float]]]:
    """Granularities with the best task-level routing out of fold; on a tie the coarser.

    Returns:
        The levels, the named tasks' first, and what was found for each choice.
    """
    choices = _level_choices(config)
    grid = sorted({level for levels in choices for level in levels})
    if all((fold.fit.data.fixed != FREE).all() for fold in folds):
        return (grid[0],), []  # a person decided the tasks
    table = in_order(folds)
    found = {}
    for done, granularity in enumerate(grid):
        report("granularity", done, len(grid))
        found[granularity] = _task_level(folds, granularity, config)
    report("granularity", len(grid), len(grid))
    scores = []
    for levels in choices:
        quality = np.mean([found[level][0] for level in levels], axis=0)
        _, cost, tasks = found[levels[0]]
        utility = routing_utility(quality, cost, table.score, table.realised_cost_usd)
        scores.append({**asdict(levels[0]), "tasks": tasks, "utility": utility})
    best = max(score["utility"] for score in scores)
    tied = [at for at, score in enumerate(scores) if score["utility"] >= best - _TIE]
    return choices[min(tied, key=lambda at: (scores[at]["tasks"], scores[at]["beta"]))], scores


def _level_choices(config: TrainingConfig) -> list[tuple[Granularity, ...]]:
    """Every resolution that has enough neighbours on both sides, with these, at every beta.

    And the coarse one alone: where models differ by kind of prompt and hardly within one, finer
    tasks add nothing but noise, and averaging over them does not take it away.
    """
    resolutions, reach = sorted(config.resolutions), config.levels // 2
    alone = [(Granularity(config.coarse, beta=0.0),)] if config.coarse else []
    return alone + [
        tuple(
            Granularity(resolutions[at + step], beta)
            for step in sorted(range(-reach, reach + 1), key=abs)
        )
        for at in range(reach, len(resolutions) - reach)
        for beta in config.betas
    ]


def _task_level(
    folds: Sequence[Fold], granularity: Granularity, config: TrainingConfig
) -> tuple[Floats, Floats, float]:
    """Out-of-fold task-level quality and cost [prompt, model], and the mean number of tasks."""
    quality, cost, tasks = [], [], []
    for fold in folds:
        one = fit_stage_one(fold.fit, (granularity,), config)
        (probs,), none = one.levels.probabilities(fold.held_out.rows)
        prior = TaskPrior.fit(fold.fit.data.table.score, one.task_probs)
        quality.append(probs @ prior.mean + none[:, None] * prior.overall)
        cost.append(_fold_cost(fold, one))
        tasks.append(probs.shape[1])
    return np.concatenate(quality), np.concatenate(cost), float(np.mean(tasks))


def choose_dials(
    folds: Sequence[Fold],
    granularities: Sequence[Granularity],
    config: TrainingConfig,
    report: Progress,
) -> tuple[Dials, HeldOut]:
    """Dials of stage 2, one group after the other, by out-of-fold routing."""
    table = in_order(folds)
    ones = [fit_stage_one(fold.fit, granularities, config) for fold in folds]
    priors = [fit_priors(fold.fit.data, one) for fold, one in zip(folds, ones, strict=True)]
    costs = np.concatenate([_fold_cost(fold, one) for fold, one in zip(folds, ones, strict=True)])
    middle = config.alphas[len(config.alphas) // 2]
    dials = Dials(config.sharpnesses[0], config.penalties[0], max(config.shrinkages), middle)

    def utility(quality: Floats) -> float:
        return routing_utility(quality, costs, table.score, table.realised_cost_usd)

    steps = len(config.sharpnesses) + len(config.shrinkages) + len(config.alphas)
    dials, trunks = _choose_trunk(
        folds, ones, priors, dials, config, utility, lambda done: report("experts", done, steps)
    )
    dials, held_out = _choose_heads(
        folds,
        ones,
        priors,
        trunks,
        dials,
        config,
        utility,
        lambda done: report("experts", len(config.sharpnesses) + done, steps),
    )
    report("experts", steps, steps)
    return dials, replace(held_out, cost_usd=costs)


def _fold_cost(fold: Fold, stage_one: StageOne) -> Floats:
    levels, none = stage_one.levels.probabilities(fold.held_out.rows)
    cost = fit_cost(fold.fit.data, stage_one)
    return cost.estimate(levels[0], none, fold.held_out.lengths, fold.fit.data.table.pool)[0]


def _general_blend(
    fold: Fold,
    stage_one: StageOne,
    priors: Sequence[TaskPrior],
    trunk: Trunk,
    alpha: float,
) -> Floats:
    """Task-level quality blended with the general heads, for choosing a trunk."""
    levels, none = stage_one.levels.probabilities(fold.held_out.rows)
    general = trunk.general(trunk.units(fold.held_out.rows))
    by_level = [probs @ prior.mean for probs, prior in zip(levels, priors, strict=True)]
    task_level = np.mean(by_level, axis=0) + none[:, None] * general
    blended: Floats = alpha * general + (1 - alpha) * task_level
    return blended


def _choose_trunk(
    folds: Sequence[Fold],
    ones: Sequence[StageOne],
    priors: Sequence[tuple[TaskPrior, ...]],
    dials: Dials,
    config: TrainingConfig,
    utility: Callable[[Floats], float],
    report: Callable[[int], None],
) -> tuple[Dials, Sequence[Trunk]]:
    """Sharpness and penalty; the smoothest first: what comes later must be better, not as good."""
    best, trunks = -np.inf, ()
    penalties = sorted(config.penalties, reverse=True)
    for done, sharpness in enumerate(sorted(config.sharpnesses)):
        report(done)
        each = [fit_trunks(fold.fit.data, sharpness, penalties, config) for fold in folds]
        for penalty, fitted in zip(penalties, zip(*each, strict=True), strict=True):
            blends = [
                _general_blend(*parts, dials.alpha)
                for parts in zip(folds, ones, priors, fitted, strict=True)
            ]
            found = utility(np.concatenate(blends))
            if found > best + _TIE:
                best, trunks = found, fitted
                dials = replace(dials, sharpness=sharpness, penalty=penalty)
    return dials, trunks


def _choose_heads(
    folds: Sequence[Fold],
    ones: Sequence[StageOne],
    priors: Sequence[tuple[TaskPrior, ...]],
    trunks: Sequence[Trunk],
    dials: Dials,
    config: TrainingConfig,
    utility: Callable[[Floats], float],
    report: Callable[[int], None],
) -> tuple[Dials, HeldOut]:
    """Shrinkage of the task heads, then alpha; on a tie more shrinkage and less of the prompt."""
    best, experts = -np.inf, []
    for done, shrinkage in enumerate(sorted(config.shrinkages, reverse=True)):
        report(done)
        tried = replace(dials, shrinkage=shrinkage)
        fitted = [
            fit_experts(fold.fit.data, one, trunk, tried, config)
            for fold, one, trunk in zip(folds, ones, trunks, strict=True)
        ]
        found = utility(_assemble(folds, ones, priors, fitted, tried.alpha).quality)
        if found > best + _TIE:
            best, dials, experts = found, tried, fitted
    best, chosen = -np.inf, None
    for done, alpha in enumerate(sorted(config.alphas)):
        report(len(config.shrinkages) + done)
        held_out = _assemble(folds, ones, priors, experts, alpha)
        found = utility(held_out.quality)
        if chosen is None or found > best + _TIE:
            best, dials, chosen = found, replace(dials, alpha=alpha), held_out
    assert chosen is not None
    return dials, chosen


def _assemble(
    folds: Sequence[Fold],
    ones: Sequence[StageOne],
    priors: Sequence[tuple[TaskPrior, ...]],
    experts: Sequence[Experts],
    alpha: float,
) -> HeldOut:
    parts = []
    for number, (fold, one, prior, expert) in enumerate(
        zip(folds, ones, priors, experts, strict=True)
    ):
        levels, none = one.levels.probabilities(fold.held_out.rows)
        model = QualityModel(prior, expert, alpha)
        quality, std = model.estimate(fold.held_out.rows, levels, none)
        # Tasks differ between folds: a group is a task of one fold.
        parts.append((quality, std, 100_000 * number + levels[0].argmax(axis=1)))
    quality, std, group = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return HeldOut(quality, std, np.zeros_like(quality), group)


def in_order(folds: Sequence[Fold]) -> OutcomeTable:
    """Outcomes of all held-out prompts, fold after fold."""
    tables = [fold.held_out.table for fold in folds]
    return replace(
        tables[0],
        prompt_ids=tuple(name for table in tables for name in table.prompt_ids),
        prompts=tuple(text for table in tables for text in table.prompts),
        benchmarks=None,
        times=None,
        score=np.concatenate([table.score for table in tables]),
        input_tokens=np.concatenate([table.input_tokens for table in tables]),
        output_tokens=np.concatenate([table.output_tokens for table in tables]),
        cost_usd=np.concatenate([table.cost_usd for table in tables]),
    )

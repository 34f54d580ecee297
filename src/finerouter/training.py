"""Outcomes -> a trained router. The mirror image of `router.py`: the same steps, fitted and tuned.

Takes an `OutcomeTable`; gives a `Router`. Every dial is chosen by cross-validation inside the
table: in each fold the whole chain (tasks, classifier, quality, cost) is fitted on the other
folds, and what counts is the routing it gives on the held-out one. Nothing outside the table is
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.cost import CostModel
from finerouter.encoders import Encoder, StaticEncoder
from finerouter.encoders.features import FeatureMap
from finerouter.encoders.structure import structure
from finerouter.errors import ConfigError, DataError
from finerouter.frontier import Curve, mean_quality_over, quality_cost_curve
from finerouter.outcomes import OutcomeTable
from finerouter.prompt import folded, prompt_id, text_bytes
from finerouter.quality.calibration import (
    brier_score,
    expected_calibration_error,
    uncertainty_scale,
)
from finerouter.quality.experts import Experts, Kernel, Trunk
from finerouter.quality.mixture import QualityModel
from finerouter.quality.prior import TaskPrior
from finerouter.router import Router, TrainingRecord
from finerouter.tasks.classifier import CrossFit
from finerouter.tasks.discovery import (
    FREE,
    Granularity,
    candidate_models,
    discover_tasks,
    join_nearest,
)
from finerouter.tasks.graph import NeighbourEdges, neighbour_edges
from finerouter.tasks.levels import TaskLevels, with_none
from finerouter.tasks.naming import distinctive_terms, exemplars, names_from_terms
from finerouter.tasks.taxonomy import Task, TaskEdits
from finerouter.version import __version__

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Progress = Callable[[str, int, int], None]

_LEAST_PROMPTS = 40


@dataclass(frozen=True)
class Dials:
    """Settings of stage 2 that are tuned on held-out decisions.

    Attributes:
        sharpness: of the trunk's kernel.
        penalty: of the trunk's ridge regression.
        shrinkage: prompts' worth of evidence that a task head must outweigh.
        alpha: weight of the prompt-level estimate.
    """

    sharpness: float
    penalty: float
    shrinkage: float
    alpha: float


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that can be set about training; the defaults are meant to be left alone.

    Attributes:
        seed: the same data, configuration and seed give the same router, byte for byte.
        neighbours: of each prompt in the graph.
        persistence: of rank-biased overlap.
        resolutions, betas: granularities to choose from.
        levels: neighbouring resolutions that are blended, an odd number; 1 takes one alone.
        min_task_size: smaller communities join their nearest.
        coverage: share of a task's prompts whose preferred model must be a candidate.
        exemplars: typical prompts kept per task; 0 keeps no prompt text in the router.
        structure_weight: length of the structural features beside the embedding.
        classifier_penalty: of the task classifier, per prompt.
        unseen_share: share of prompts expected to belong to no task.
        folds: of cross-validation.
        tuning_prompts: at most so many prompts are used for choosing dials.
        landmarks: of the trunk's kernel.
        rank: most units of the trunk.
        sharpnesses, penalties, shrinkages, alphas: dials of stage 2 to choose from.
    """

    seed: int = 0
    neighbours: int = 20
    persistence: float = 0.8
    resolutions: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0, 32.0)
    betas: tuple[float, ...] = (0.0, 0.3, 0.6)
    levels: int = 3
    min_task_size: int = 25
    coverage: float = 0.95
    exemplars: int = 3
    structure_weight: float = 0.3
    classifier_penalty: float = 1e-4
    unseen_share: float = 0.05
    folds: int = 5
    tuning_prompts: int = 20_000
    landmarks: int = 512
    rank: int = 16
    sharpnesses: tuple[float, ...] = (1.0, 2.0, 4.0)
    penalties: tuple[float, ...] = (3.0, 10.0, 30.0)
    shrinkages: tuple[float, ...] = (300.0, 1000.0, 3000.0)
    alphas: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, tuple) and not value:
                raise ConfigError(f"{item.name} is empty; give at least one value")
            numbers = value if isinstance(value, tuple) else (value,)
            if any(number < 0 for number in numbers):
                raise ConfigError(f"{item.name} must not be negative, not {value}")
        for name in ("neighbours", "min_task_size", "landmarks", "rank", "classifier_penalty"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above zero")
        if self.levels % 2 == 0 or self.levels > len(self.resolutions):
            raise ConfigError(
                f"levels must be odd and at most the number of resolutions, not {self.levels}"
            )
        if self.folds < 2:
            raise ConfigError(f"folds must be at least 2, not {self.folds}")
        for name in ("persistence", "coverage", "unseen_share"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class _Data:
    """Training prompts as arrays; `graph_rows` are what discovery sees in place of `rows`."""

    rows: Rows
    graph_rows: Rows
    lengths: Floats
    table: OutcomeTable
    fixed: Labels

    def part(self, index: Labels) -> _Data:
        return _Data(
            self.rows[index],
            self.graph_rows[index],
            self.lengths[index],
            self.table.rows(index),
            self.fixed[index],
        )


@dataclass(frozen=True, eq=False)
class _StageOne:
    """Stage 1 fitted on some prompts, with their out-of-fold probabilities."""

    labels: Labels
    levels: TaskLevels
    probs: tuple[Floats, ...]
    none: Floats

    @property
    def task_probs(self) -> Floats:
        """Of the named tasks."""
        return self.probs[0]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Training prompts with what every granularity shares.

    Attributes:
        data: the prompts.
        edges: of their neighbour graph.
        crossfit: solvers of the task classifier.
        kinds: [prompt], a coarse division, for learning what belongs to no task.
    """

    data: _Data
    edges: NeighbourEdges
    crossfit: CrossFit
    kinds: Labels


@dataclass(frozen=True, eq=False)
class _Fold:
    """One fold of cross-validation: what is fitted on, and what is held out."""

    fit: _Prepared
    held_out: _Data


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Out-of-fold estimates of all tuning prompts, in their order."""

    quality: Floats
    std: Floats
    cost_usd: Floats
    group: Labels


def train(
    outcomes: OutcomeTable,
    config: TrainingConfig | None = None,
    *,
    encoder: Encoder | None = None,
    edits: TaskEdits | None = None,
    rediscover: bool = False,
    descriptions: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Router:
    """Train a router.

    Args:
        outcomes: scores of at least two models; gaps are fine.
        config: by default `TrainingConfig()`.
        encoder: by default the embedded static one.
        edits: tasks decided by a person, in place of discovery.
        rediscover: keep only the pinned tasks of `edits` and discover the rest.
        descriptions: of the kind of task behind each prompt, "" for none. Discovery looks at them
            in place of the prompts; what is served does not need them.
        progress: called with a stage's name, steps done and steps in all.

    Raises:
        DataError: too few prompts or models, a model without outcomes, or another number of
            descriptions than of prompts.
        EncoderError: the encoder cannot be had.
    """
    config = config or TrainingConfig()
    report = progress or (lambda *_: None)
    _check(outcomes)
    _check_descriptions(outcomes, descriptions)
    encoder = encoder or StaticEncoder.load()
    features, rows = _features(outcomes, encoder, config, report)
    fixed = _fixed_labels(outcomes, rows, config, edits, rediscover=rediscover)
    lengths = np.array([text_bytes(text) for text in outcomes.prompts], dtype=np.float64)
    graph_rows = _graph_rows(outcomes, encoder, features, rows, descriptions)
    data = _Data(rows, graph_rows, lengths, outcomes, fixed)

    folds = list(_folds(_tuning_part(data, config), config, report))
    granularities, scores = _choose_granularity(folds, config, report)
    dials, held_out = _choose_dials(folds, granularities, config, report)

    report("fitting", 0, 3)
    stage_one = _stage_one(_prepare(data, config), granularities, config)
    report("fitting", 1, 3)
    quality = _fit_quality(data, stage_one, dials, config)
    cost = _fit_cost(data, stage_one)
    report("fitting", 2, 3)
    judged = _in_order(folds)
    scale = uncertainty_scale(held_out.quality, held_out.std, judged.score, held_out.group)
    tasks = _describe(data, stage_one.labels, config, edits, rediscover=rediscover)
    info = {
        "finerouter": __version__,
        "config": asdict(config),
        "data": _counts(outcomes),
        "described": sum(map(bool, descriptions or ())),
        "granularities": [asdict(granularity) for granularity in granularities],
        "granularity_scores": scores,
        "dials": asdict(dials),
        "cross_validation": _figures(held_out, judged, scale),
        "balanced_cost_weight": _balanced_cost_weight(held_out, judged),
    }
    report("fitting", 3, 3)
    return Router(
        encoder=encoder,
        features=features,
        levels=stage_one.levels,
        tasks=tasks,
        quality=quality.scaled(scale),
        cost=cost,
        pool=outcomes.pool,
        training=TrainingRecord(
            info=info,
            prompt_ids=tuple(prompt_id(text) for text in outcomes.prompts),
            labels=stage_one.labels,
        ),
    )


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
    best = int(np.nanmean(score, axis=0).argmax())
    mean_cost = _column_means(realised_usd)
    if np.isnan(mean_cost).any():
        return np.nan, np.nan
    return float(mean_cost.min()), float(mean_cost[best])


def _column_means(values: Floats) -> Floats:
    count = (~np.isnan(values)).sum(axis=0)
    total = np.nan_to_num(values).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _check(outcomes: OutcomeTable) -> None:
    if len(outcomes.models) < 2:
        raise DataError(
            f"outcomes of one model only ({outcomes.models[0]}); routing needs at least two"
        )
    if len(outcomes) < _LEAST_PROMPTS:
        raise DataError(
            f"{len(outcomes)} prompts are too few to learn from; give at least {_LEAST_PROMPTS}"
        )
    seen = (~np.isnan(outcomes.score)).sum(axis=0)
    if seen.min() < 2:
        name = outcomes.models[int(seen.argmin())]
        raise DataError(f"model {name!r} has {seen.min()} outcomes; add some or leave it out")


def _features(
    outcomes: OutcomeTable, encoder: Encoder, config: TrainingConfig, report: Progress
) -> tuple[FeatureMap, Rows]:
    step = 2_048
    parts = []
    for at in range(0, len(outcomes), step):
        report("encoding", at, len(outcomes))
        parts.append(encoder.encode(outcomes.prompts[at : at + step]))
    report("encoding", len(outcomes), len(outcomes))
    structural = structure(outcomes.prompts)
    features = FeatureMap.fit(structural, weight=config.structure_weight)
    return features, features.rows(np.concatenate(parts), structural)


def _check_descriptions(outcomes: OutcomeTable, descriptions: Sequence[str] | None) -> None:
    if descriptions is not None and len(descriptions) != len(outcomes):
        raise DataError(
            f"{len(descriptions)} descriptions for {len(outcomes)} prompts; "
            'give one each, "" for none'
        )


def _graph_rows(
    outcomes: OutcomeTable,
    encoder: Encoder,
    features: FeatureMap,
    rows: Rows,
    descriptions: Sequence[str] | None,
) -> Rows:
    """Rows of the descriptions with their prompts' structure; a prompt's own without one."""
    described = [at for at, text in enumerate(descriptions or ()) if text.strip()]
    if descriptions is None or not described:
        return rows
    embeddings = encoder.encode([descriptions[at] for at in described])
    graph_rows = rows.copy()
    graph_rows[described] = features.rows(
        embeddings, structure([outcomes.prompts[at] for at in described])
    )
    return graph_rows


def _fixed_labels(
    outcomes: OutcomeTable,
    rows: Rows,
    config: TrainingConfig,
    edits: TaskEdits | None,
    *,
    rediscover: bool,
) -> Labels:
    if edits is None:
        return np.full(len(outcomes), FREE)
    labels = edits.labels(outcomes.prompts, pinned_only=rediscover)
    if not rediscover:
        labels = join_nearest(rows, labels, k=config.neighbours, seed=config.seed)
    return _compact(labels)


def _compact(labels: Labels) -> Labels:
    """Number the labels in use 0, 1, ... in their order, `FREE` aside."""
    used = np.unique(labels[labels != FREE])
    number = np.full(int(labels.max()) + 2, FREE)
    number[used] = np.arange(len(used))
    return number[labels]


def _tuning_part(data: _Data, config: TrainingConfig) -> _Data:
    if len(data.rows) <= config.tuning_prompts:
        return data
    random = np.random.default_rng([config.seed, 1])
    return data.part(np.sort(random.permutation(len(data.rows))[: config.tuning_prompts]))


def fold_numbers(prompts: Sequence[str], folds: int, seed: Sequence[int]) -> Labels:
    """A fold per prompt; prompts that differ only in case or white space share one."""
    number: dict[str, int] = {}
    group = np.array([number.setdefault(folded(text), len(number)) for text in prompts])
    random = np.random.default_rng(list(seed))
    return (random.permutation(len(number)) % folds)[group]


def _folds(data: _Data, config: TrainingConfig, report: Progress) -> Iterable[_Fold]:
    numbers = fold_numbers(data.table.prompts, config.folds, [config.seed, 2])
    for fold in range(config.folds):
        report("neighbours", fold, config.folds)
        fit = data.part(np.flatnonzero(numbers != fold))
        yield _Fold(_prepare(fit, config), held_out=data.part(np.flatnonzero(numbers == fold)))
    report("neighbours", config.folds, config.folds)


def _prepare(data: _Data, config: TrainingConfig) -> _Prepared:
    edges = neighbour_edges(
        data.graph_rows,
        data.table.score,
        k=config.neighbours,
        persistence=config.persistence,
        seed=config.seed,
    )
    kinds = discover_tasks(
        edges,
        data.graph_rows,
        _KINDS,
        minimum_size=config.min_task_size,
        seed=config.seed,
    )
    return _Prepared(data, edges, _crossfit(data, config), kinds)


# Coarser than any granularity of tasks: about as many as a person would count kinds of work.
_KINDS = Granularity(resolution=0.5, beta=0.0)


def _crossfit(data: _Data, config: TrainingConfig) -> CrossFit:
    numbers = fold_numbers(data.table.prompts, config.folds, [config.seed, 3])
    return CrossFit.of(data.rows, penalty=config.classifier_penalty, folds=numbers)


def _stage_one(
    prepared: _Prepared, granularities: Sequence[Granularity], config: TrainingConfig
) -> _StageOne:
    """Tasks and classifiers at every granularity, the named tasks' first."""
    labels = [_discover(prepared, granularity, config) for granularity in granularities]
    crossfit = prepared.crossfit
    named, probs, none = crossfit.fit(
        labels[0], kinds=prepared.kinds, unseen_share=config.unseen_share
    )
    others = [crossfit.fit_shares(level) for level in labels[1:]]
    levels = TaskLevels((named, *(classifier for classifier, _ in others)))
    return _StageOne(labels[0], levels, *with_none(probs, none, [shares for _, shares in others]))


def _discover(prepared: _Prepared, granularity: Granularity, config: TrainingConfig) -> Labels:
    return discover_tasks(
        prepared.edges,
        prepared.data.graph_rows,
        granularity,
        minimum_size=config.min_task_size,
        seed=config.seed,
        fixed=_compact(prepared.data.fixed),
    )


def _fit_cost(data: _Data, stage_one: _StageOne) -> CostModel:
    table = data.table
    return CostModel.fit(
        input_tokens=table.input_tokens,
        output_tokens=table.output_tokens,
        cost_usd=table.cost_usd,
        task_probs=stage_one.task_probs,
        lengths=data.lengths,
        pool=table.pool,
    )


def _fit_quality(
    data: _Data, stage_one: _StageOne, dials: Dials, config: TrainingConfig
) -> QualityModel:
    trunk = _fit_trunk(data, dials, config)
    return QualityModel(
        _fit_priors(data, stage_one),
        _fit_experts(data, stage_one, trunk, dials, config),
        dials.alpha,
    )


def _fit_priors(data: _Data, stage_one: _StageOne) -> tuple[TaskPrior, ...]:
    return tuple(TaskPrior.fit(data.table.score, probs) for probs in stage_one.probs)


def _fit_trunk(data: _Data, dials: Dials, config: TrainingConfig) -> Trunk:
    kernel = Kernel.draw(
        data.rows, landmarks=config.landmarks, sharpness=dials.sharpness, seed=config.seed
    )
    score = data.table.score
    return Trunk.fit(kernel, data.rows, score, penalty=dials.penalty, rank=config.rank)


def _fit_experts(
    data: _Data, stage_one: _StageOne, trunk: Trunk, dials: Dials, config: TrainingConfig
) -> Experts:
    score, labels = data.table.score, stage_one.labels
    candidates = [
        candidate_models(score[labels == task], coverage=config.coverage)[0]
        for task in range(int(labels.max()) + 1)
    ]
    return Experts.fit(
        trunk,
        data.rows,
        score,
        stage_one.task_probs,
        candidates,
        shrinkage=dials.shrinkage,
    )


def _choose_granularity(
    folds: Sequence[_Fold], config: TrainingConfig, report: Progress
) -> tuple[tuple[Granularity, ...], list[dict[str, float]]]:
    """Granularities with the best task-level routing out of fold; on a tie the coarser.

    Returns:
        The levels, the named tasks' first, and what was found for each choice.
    """
    grid = [Granularity(*pair) for pair in product(sorted(config.resolutions), config.betas)]
    if all((fold.fit.data.fixed != FREE).all() for fold in folds):
        return (grid[0],), []  # a person decided the tasks
    table = _in_order(folds)
    found = {}
    for done, granularity in enumerate(grid):
        report("granularity", done, len(grid))
        found[granularity] = _task_level(folds, granularity, config)
    report("granularity", len(grid), len(grid))
    choices = _level_choices(config)
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
    """Every resolution that has enough neighbours on both sides, with these, at every beta."""
    resolutions, reach = sorted(config.resolutions), config.levels // 2
    return [
        tuple(
            Granularity(resolutions[at + step], beta)
            for step in sorted(range(-reach, reach + 1), key=abs)
        )
        for at in range(reach, len(resolutions) - reach)
        for beta in config.betas
    ]


# A twentieth of a point is well inside the noise of any choice made here: the simpler one wins.
_TIE = 0.0005


def _task_level(
    folds: Sequence[_Fold], granularity: Granularity, config: TrainingConfig
) -> tuple[Floats, Floats, float]:
    """Out-of-fold task-level quality and cost [prompt, model], and the mean number of tasks."""
    quality, cost, tasks = [], [], []
    for fold in folds:
        one = _stage_one(fold.fit, (granularity,), config)
        (probs,), none = one.levels.probabilities(fold.held_out.rows)
        prior = TaskPrior.fit(fold.fit.data.table.score, one.task_probs)
        quality.append(probs @ prior.mean + none[:, None] * prior.overall)
        cost.append(_fold_cost(fold, one))
        tasks.append(probs.shape[1])
    return np.concatenate(quality), np.concatenate(cost), float(np.mean(tasks))


def _choose_dials(
    folds: Sequence[_Fold],
    granularities: Sequence[Granularity],
    config: TrainingConfig,
    report: Progress,
) -> tuple[Dials, _HeldOut]:
    """Dials of stage 2, one group after the other, by out-of-fold routing."""
    table = _in_order(folds)
    ones = [_stage_one(fold.fit, granularities, config) for fold in folds]
    priors = [_fit_priors(fold.fit.data, one) for fold, one in zip(folds, ones, strict=True)]
    costs = np.concatenate([_fold_cost(fold, one) for fold, one in zip(folds, ones, strict=True)])
    middle = config.alphas[len(config.alphas) // 2]
    dials = Dials(config.sharpnesses[0], config.penalties[0], max(config.shrinkages), middle)

    def utility(quality: Floats) -> float:
        return routing_utility(quality, costs, table.score, table.realised_cost_usd)

    trunks: list[Trunk] = []
    best = -np.inf
    # The smoothest first: what comes later must be better, not merely as good.
    grid = list(product(sorted(config.sharpnesses), sorted(config.penalties, reverse=True)))
    steps = len(grid) + len(config.shrinkages) + len(config.alphas)
    for done, (sharpness, penalty) in enumerate(grid):
        report("experts", done, steps)
        tried = replace(dials, sharpness=sharpness, penalty=penalty)
        fitted = [_fit_trunk(fold.fit.data, tried, config) for fold in folds]
        found = utility(
            np.concatenate(
                [
                    _general_blend(*each, middle)
                    for each in zip(folds, ones, priors, fitted, strict=True)
                ]
            )
        )
        if found > best + _TIE:
            best, dials, trunks = found, tried, fitted
    dials, held_out = _choose_heads(
        folds,
        ones,
        priors,
        trunks,
        dials,
        config,
        utility,
        lambda done: report("experts", len(grid) + done, steps),
    )
    report("experts", steps, steps)
    return dials, replace(held_out, cost_usd=costs)


def _fold_cost(fold: _Fold, stage_one: _StageOne) -> Floats:
    levels, none = stage_one.levels.probabilities(fold.held_out.rows)
    cost = _fit_cost(fold.fit.data, stage_one)
    return cost.estimate(levels[0], none, fold.held_out.lengths, fold.fit.data.table.pool)[0]


def _general_blend(
    fold: _Fold,
    stage_one: _StageOne,
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


def _choose_heads(
    folds: Sequence[_Fold],
    ones: Sequence[_StageOne],
    priors: Sequence[tuple[TaskPrior, ...]],
    trunks: Sequence[Trunk],
    dials: Dials,
    config: TrainingConfig,
    utility: Callable[[Floats], float],
    report: Callable[[int], None],
) -> tuple[Dials, _HeldOut]:
    """Shrinkage of the task heads, then alpha; on a tie more shrinkage and less of the prompt."""
    best, experts = -np.inf, []
    for done, shrinkage in enumerate(sorted(config.shrinkages, reverse=True)):
        report(done)
        tried = replace(dials, shrinkage=shrinkage)
        fitted = [
            _fit_experts(fold.fit.data, one, trunk, tried, config)
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
    folds: Sequence[_Fold],
    ones: Sequence[_StageOne],
    priors: Sequence[tuple[TaskPrior, ...]],
    experts: Sequence[Experts],
    alpha: float,
) -> _HeldOut:
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
    return _HeldOut(quality, std, np.zeros_like(quality), group)


def _in_order(folds: Sequence[_Fold]) -> OutcomeTable:
    """Outcomes of all held-out prompts, fold after fold."""
    tables = [fold.held_out.table for fold in folds]
    return replace(
        tables[0],
        prompt_ids=tuple(name for table in tables for name in table.prompt_ids),
        prompts=tuple(text for table in tables for text in table.prompts),
        benchmarks=None,
        score=np.concatenate([table.score for table in tables]),
        input_tokens=np.concatenate([table.input_tokens for table in tables]),
        output_tokens=np.concatenate([table.output_tokens for table in tables]),
        cost_usd=np.concatenate([table.cost_usd for table in tables]),
    )


def _describe(
    data: _Data,
    labels: Labels,
    config: TrainingConfig,
    edits: TaskEdits | None,
    *,
    rediscover: bool,
) -> tuple[Task, ...]:
    table = data.table
    terms = distinctive_terms(table.prompts, labels)
    names = names_from_terms(terms)
    pinned = [False] * len(names)
    for at, (name, pin) in enumerate(_kept(edits, table.prompts, rediscover=rediscover)):
        names[at], pinned[at] = name, pin
    shown = exemplars(table.prompts, data.rows, labels, each=config.exemplars)
    tasks = []
    for at, name in enumerate(names):
        score = table.score[labels == at]
        chosen, reached = candidate_models(score, coverage=config.coverage)
        tasks.append(
            Task(
                name=name,
                size=len(score),
                terms=terms[at],
                exemplars=shown[at],
                candidates=tuple(table.models[column] for column in chosen),
                coverage=reached,
                pinned=pinned[at],
            )
        )
    return tuple(tasks)


def _kept(
    edits: TaskEdits | None, prompts: Sequence[str], *, rediscover: bool
) -> list[tuple[str, bool]]:
    """Name and pin of the tasks that a person decided, in the order of their labels."""
    if edits is None:
        return []
    labels = edits.labels(prompts, pinned_only=rediscover)
    used = [at for at in np.unique(labels) if at != FREE]
    return [(edits.names[at], edits.pinned[at]) for at in used]


def _counts(outcomes: OutcomeTable) -> dict[str, Any]:
    seen = ~np.isnan(outcomes.score)
    return {
        "prompts": len(outcomes),
        "models": len(outcomes.models),
        "outcomes": int(seen.sum()),
        "fingerprint": outcomes.fingerprint,
    }


def _figures(held_out: _HeldOut, table: OutcomeTable, scale: float) -> dict[str, Any]:
    """Cross-validated figures for the manifest."""
    realised = table.realised_cost_usd
    curve = quality_cost_curve(held_out.quality, held_out.cost_usd, table.score, realised)
    best = int(np.nanmean(table.score, axis=0).argmax())
    brier = brier_score(held_out.quality, table.score)
    error = expected_calibration_error(held_out.quality, table.score)
    return {
        "best_single": table.models[best],
        "best_single_quality": float(np.nanmean(table.score[:, best])),
        "quality": float(curve.quality[0]),
        "cost_saved_at_best_single_quality": _saving(curve, table.score, realised),
        "std_scale": scale,
        "brier": dict(zip(table.models, brier.tolist(), strict=True)),
        "expected_calibration_error": dict(zip(table.models, error.tolist(), strict=True)),
    }


def _balanced_cost_weight(held_out: _HeldOut, table: OutcomeTable) -> float:
    """Largest cost weight that still reached the best single model's quality out of fold."""
    curve = quality_cost_curve(
        held_out.quality, held_out.cost_usd, table.score, table.realised_cost_usd
    )
    reached = curve.quality >= np.nanmean(table.score, axis=0).max()
    return float(curve.cost_weight[reached].max(initial=0.0))


def _saving(curve: Curve, score: Floats, realised_usd: Floats) -> float | None:
    """Share of the best single model's cost saved at its own quality; None without costs."""
    _, high = cost_range(score, realised_usd)
    if not high > 0:
        return None
    cheapest = curve.cheapest_reaching(float(np.nanmean(score, axis=0).max()))
    return float(1 - cheapest / high) if np.isfinite(cheapest) else None

"""The chain of fitted steps on some training prompts: tasks, quality, cost.

Takes training prompts as arrays and settings that are already chosen; gives each stage, fitted.
Knows nothing of how settings are chosen (`tuning.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.cost import CostModel
from finerouter.outcomes import OutcomeTable
from finerouter.prompt import folded
from finerouter.quality.experts import Experts, Trunk
from finerouter.quality.kernel import Kernel
from finerouter.quality.mixture import QualityModel
from finerouter.quality.prior import TaskPrior
from finerouter.tasks.classifier import CrossFit
from finerouter.tasks.discovery import FREE, Granularity, candidate_models, discover_tasks
from finerouter.tasks.graph import NeighbourEdges, neighbour_edges
from finerouter.tasks.levels import TaskLevels, with_none
from finerouter.training.config import Dials, TrainingConfig

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Labels = NDArray[np.int64]

# Coarser than any granularity of tasks: about as many as a person would count kinds of work.
_KINDS = Granularity(resolution=0.5, beta=0.0)
_MOST_TASKS = 400


@dataclass(frozen=True, eq=False)
class Data:
    """Training prompts as arrays; `graph_rows` are what discovery sees in place of `rows`."""

    rows: Rows
    graph_rows: Rows
    lengths: Floats
    table: OutcomeTable
    fixed: Labels

    def part(self, index: Labels) -> Data:
        """These prompts only."""
        return Data(
            self.rows[index],
            self.graph_rows[index],
            self.lengths[index],
            self.table.rows(index),
            self.fixed[index],
        )


@dataclass(frozen=True, eq=False)
class Prepared:
    """Training prompts with what every granularity shares.

    Attributes:
        data: the prompts.
        edges: of their neighbour graph.
        crossfit: solvers of the task classifier.
        kinds: [prompt], a coarse division, for learning what belongs to no task.
    """

    data: Data
    edges: NeighbourEdges
    crossfit: CrossFit
    kinds: Labels


@dataclass(frozen=True, eq=False)
class StageOne:
    """Stage 1 fitted on some prompts, with their out-of-fold probabilities."""

    labels: Labels
    levels: TaskLevels
    probs: tuple[Floats, ...]
    none: Floats

    @property
    def task_probs(self) -> Floats:
        """Of the named tasks."""
        return self.probs[0]


def fold_numbers(prompts: Sequence[str], folds: int, seed: Sequence[int]) -> Labels:
    """A fold per prompt; prompts that differ only in case or white space share one."""
    number: dict[str, int] = {}
    group = np.array([number.setdefault(folded(text), len(number)) for text in prompts])
    random = np.random.default_rng(list(seed))
    return (random.permutation(len(number)) % folds)[group]


def prepare(data: Data, config: TrainingConfig) -> Prepared:
    """Do once what every granularity needs."""
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
        minimum_size=_minimum_size(data, config),
        seed=config.seed,
    )
    return Prepared(data, edges, _crossfit(data, config), kinds)


def _minimum_size(data: Data, config: TrainingConfig) -> int:
    """Smallest task: as configured, and never below a four-hundredth of the prompts.

    More tasks than that nobody reads, and memory would grow with prompts times tasks.
    """
    return max(config.min_task_size, len(data.rows) // _MOST_TASKS)


def _crossfit(data: Data, config: TrainingConfig) -> CrossFit:
    numbers = fold_numbers(data.table.prompts, config.folds, [config.seed, 3])
    return CrossFit.of(data.rows, penalty=config.classifier_penalty, folds=numbers)


def fit_stage_one(
    prepared: Prepared, granularities: Sequence[Granularity], config: TrainingConfig
) -> StageOne:
    """Tasks and classifiers at every granularity, the named tasks' first."""
    labels = [_discover(prepared, granularity, config) for granularity in granularities]
    crossfit = prepared.crossfit
    named, probs, none = crossfit.fit(
        labels[0], kinds=prepared.kinds, unseen_share=config.unseen_share
    )
    others = [crossfit.fit_shares(level) for level in labels[1:]]
    levels = TaskLevels((named, *(classifier for classifier, _ in others)))
    return StageOne(labels[0], levels, *with_none(probs, none, [shares for _, shares in others]))


def _discover(prepared: Prepared, granularity: Granularity, config: TrainingConfig) -> Labels:
    return discover_tasks(
        prepared.edges,
        prepared.data.graph_rows,
        granularity,
        minimum_size=_minimum_size(prepared.data, config),
        seed=config.seed,
        fixed=compact(prepared.data.fixed),
    )


def compact(labels: Labels) -> Labels:
    """Number the labels in use 0, 1, ... in their order, `FREE` aside."""
    used = np.unique(labels[labels != FREE])
    number = np.full(int(labels.max()) + 2, FREE)
    number[used] = np.arange(len(used))
    return number[labels]


def fit_quality(
    data: Data, stage_one: StageOne, dials: Dials, config: TrainingConfig
) -> QualityModel:
    """Stage 2: task-level priors, and experts over a trunk."""
    trunk = fit_trunk(data, dials, config)
    return QualityModel(
        fit_priors(data, stage_one),
        fit_experts(data, stage_one, trunk, dials, config),
        dials.alpha,
    )


def fit_priors(data: Data, stage_one: StageOne) -> tuple[TaskPrior, ...]:
    """Task-level quality of every level."""
    return tuple(TaskPrior.fit(data.table.score, probs) for probs in stage_one.probs)


def fit_trunk(data: Data, dials: Dials, config: TrainingConfig) -> Trunk:
    """Phase one of the experts: trunk and general heads."""
    return fit_trunks(data, dials.sharpness, (dials.penalty,), config)[0]


def fit_trunks(
    data: Data, sharpness: float, penalties: Sequence[float], config: TrainingConfig
) -> tuple[Trunk, ...]:
    """Phase one at several penalties, in their order."""
    kernel = Kernel.draw(
        data.rows, landmarks=config.landmarks, sharpness=sharpness, seed=config.seed
    )
    score = data.table.score
    return Trunk.fit_each(kernel, data.rows, score, penalties=penalties, rank=config.rank)


def fit_experts(
    data: Data, stage_one: StageOne, trunk: Trunk, dials: Dials, config: TrainingConfig
) -> Experts:
    """Phase two of the experts: task heads of each named task's candidates."""
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


def fit_cost(data: Data, stage_one: StageOne) -> CostModel:
    """Cost per named task."""
    table = data.table
    return CostModel.fit(
        input_tokens=table.input_tokens,
        output_tokens=table.output_tokens,
        cost_usd=table.cost_usd,
        task_probs=stage_one.task_probs,
        lengths=data.lengths,
        pool=table.pool,
    )

"""What every way of choosing chose on held-out prompts, and what came of it.

Takes a router and held-out outcomes; gives per-prompt scores and costs of each way: always the
same model, a random one, the best of each benchmark, the router along its dial, the oracle. The
best single model and the balanced cost weight are those of the router's training; nothing is
picked by looking at the held-out part, except where a name says so (the oracle). Knows nothing of
statistics.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finerouter.duplicates import near_duplicate_groups
from finerouter.errors import DataError
from finerouter.evaluation.baselines import oracle_choice, random_outcome
from finerouter.evaluation.crossfit import FOLDS, fold_labels
from finerouter.evaluation.per_benchmark import BestPerBenchmark, best_per_benchmark
from finerouter.evaluation.stand_ins import Costs
from finerouter.frontier import best_at, cost_weights
from finerouter.outcomes import OutcomeTable
from finerouter.policy import Estimate
from finerouter.pool import ModelPool
from finerouter.router import Router

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]
LEAST_PROMPTS = 20


@dataclass(frozen=True, eq=False)
class Way:
    """One way of choosing on every prompt.

    Attributes:
        kind, name: see `Line`.
        column: of the models chosen, [prompt]; None where they are drawn at random.
        score: [prompt], of its choices, NaN where that model has none.
        cost_usd: [prompt], of its choices, to be averaged: see `stand_ins.py`.
        cost_weight: of the router's ways.
    """

    kind: str
    name: str
    column: Labels | None
    score: Floats
    cost_usd: Floats
    cost_weight: float | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """Held-out prompts with what every way of choosing chose.

    Attributes:
        outcomes: of the router's models, every prompt with at least one score.
        estimate: the router's, of the same prompts.
        costs: realised costs.
        costs_known: whether every model has at least one known cost; without, costs mean nothing.
        best_single: column.
        ways: the best single model first.
        chosen, balanced: column that the router chooses at cost weight 0 and at the balanced one.
        per_benchmark: the best model of each prompt's benchmark; None without benchmarks.
        weights: cost weights of the curve's points, [point].
        point_score, point_cost_usd: outcomes of the router's choices there, as those of a way,
            [prompt, point].
        folds: [prompt], for picking a dial on other prompts than it is judged by.
    """

    outcomes: OutcomeTable
    estimate: Estimate
    costs: Costs
    costs_known: bool
    best_single: int
    ways: tuple[Way, ...]
    chosen: Labels
    balanced: Labels
    per_benchmark: BestPerBenchmark | None
    weights: Floats
    point_score: Floats
    point_cost_usd: Floats
    folds: Labels

    def __len__(self) -> int:
        return len(self.outcomes)


def judge(
    router: Router,
    held_out: OutcomeTable,
    *,
    training: OutcomeTable | None = None,
    seed: int = 0,
) -> Judged:
    """Let every way choose on held-out prompts.

    Args:
        router: trained.
        held_out: outcomes of the router's models on prompts it was not trained on.
        training: outcomes it was trained on, to choose the best model of each benchmark by;
            without, that is chosen on the other folds of the held-out prompts.
        seed: of the folds.

    Raises:
        DataError: too few prompts, or a model of the router has no outcomes.
    """
    outcomes = usable(router, held_out)
    estimate = router.estimate(outcomes.prompts)
    costs = Costs(outcomes.realised_cost_usd)
    single = router.models.index(router.training.info["cross_validation"]["best_single"])
    folds = fold_labels(
        outcomes.benchmarks or [""] * len(outcomes),
        near_duplicate_groups(outcomes.prompts),
        folds=FOLDS,
        seed=seed,
    )
    draft = Judged(
        outcomes=outcomes,
        estimate=estimate,
        costs=costs,
        costs_known=costs.all_models_known,
        best_single=single,
        ways=(),
        chosen=choose_at(estimate, outcomes, 0.0),
        balanced=choose_at(estimate, outcomes, balanced_cost_weight(router)),
        per_benchmark=best_per_benchmark(
            outcomes, training, folds, otherwise=single, least=LEAST_PROMPTS
        ),
        weights=cost_weights(estimate.cost_usd),
        point_score=np.empty(0),
        point_cost_usd=np.empty(0),
        folds=folds,
    )
    points = [choose_at(estimate, outcomes, weight) for weight in draft.weights.tolist()]
    outcome = [_outcome(draft, column) for column in points]
    return replace(
        draft,
        ways=_ways(draft, balanced_cost_weight(router)),
        point_score=np.stack([score for score, _ in outcome], axis=1),
        point_cost_usd=np.stack([usd for _, usd in outcome], axis=1),
    )


def estimate_rows(estimate: Estimate, rows: Labels) -> Estimate:
    """The estimates of these prompts only."""
    return replace(
        estimate,
        task_probs=estimate.task_probs[rows],
        none=estimate.none[rows],
        quality=estimate.quality[rows],
        quality_std=estimate.quality_std[rows],
        cost_usd=estimate.cost_usd[rows],
        tokens=estimate.tokens[rows],
    )


def balanced_cost_weight(router: Router) -> float:
    """The cost weight that training chose."""
    return float(router.training.info["balanced_cost_weight"])


def usable(router: Router, held_out: OutcomeTable) -> OutcomeTable:
    """The outcomes of the router's models, without prompts that have none.

    Raises:
        DataError: too few prompts, a model of the router has no outcomes, or a number is out of
            its range.
    """
    _check_range("score", held_out.score, 1.0)
    _check_range("cost_usd", held_out.cost_usd, np.finfo(np.float64).max)
    absent = [name for name in router.models if name not in held_out.models]
    if absent:
        raise DataError(
            f"the outcomes have no model {absent[0]!r} of the router; they have "
            f"{', '.join(held_out.models)}: collect outcomes of {absent[0]!r} on these prompts, or "
            "judge a router without it"
        )
    held_out = _with_prices(held_out.select_models(router.models), router)
    held_out = held_out.rows(np.flatnonzero((~np.isnan(held_out.score)).any(axis=1)))
    unseen = np.flatnonzero(np.isnan(held_out.score).all(axis=0))
    if len(unseen):
        raise DataError(
            f"the held-out prompts have no outcome of {held_out.models[unseen[0]]!r}; add some, or "
            "train without that model"
        )
    if len(held_out) < LEAST_PROMPTS:
        raise DataError(
            f"{len(held_out)} held-out {'prompt is' if len(held_out) == 1 else 'prompts are'} too "
            f"few to judge by; give at least {LEAST_PROMPTS}"
        )
    return held_out


def _check_range(name: str, values: Floats, top: float) -> None:
    bad = np.argwhere(~np.isnan(values) & ~((values >= 0) & (values <= top)))
    if len(bad):
        allowed = "between 0 and 1" if top == 1 else "zero or more, and finite"
        raise DataError(
            f"{name} of prompt {bad[0, 0] + 1} is {values[tuple(bad[0])]}; it must be {allowed}, "
            "or NaN where it is unknown"
        )


def choose_at(estimate: Estimate, outcomes: OutcomeTable, weight: float) -> Labels:
    """Column that the router chooses at a cost weight, of the models with an outcome, [prompt]."""
    return best_at(estimate.quality, estimate.cost_usd, ~np.isnan(outcomes.score), weight)


def _with_prices(outcomes: OutcomeTable, router: Router) -> OutcomeTable:
    """The outcomes with the router's entry of every model that they have no prices for."""
    entries = tuple(
        own if own.priced else known for own, known in zip(outcomes.pool, router.pool, strict=True)
    )
    return replace(outcomes, pool=ModelPool(entries))


def _outcome(judged: Judged, column: Labels) -> tuple[Floats, Floats]:
    """Score, NaN where that model has none, and cost of one column per prompt."""
    score = judged.outcomes.score[np.arange(len(column)), column]
    return score, judged.costs.of_choice(column)


def always(judged: Judged, column: int) -> tuple[Floats, Floats]:
    """Score and cost of always asking one model."""
    return _outcome(judged, np.full(len(judged), column))


def _ways(judged: Judged, balanced: float) -> tuple[Way, ...]:
    models, best = judged.outcomes.models, judged.best_single
    ways = [_always("best single", f"best single ({models[best]})", judged, best)]
    if judged.costs_known:
        cheapest = int(judged.costs.filled.mean(axis=0).argmin())
        ways.append(_always("cheapest", f"cheapest ({models[cheapest]})", judged, cheapest))
    ways.append(_random(judged))
    best_of_each = judged.per_benchmark
    if best_of_each is not None:
        name = "best per benchmark (labels known)"
        way = _way("per benchmark", name, judged, best_of_each.column)
        ways += [] if np.isnan(way.score).all() else [way]
    return (
        *ways,
        _way("router", "router, best quality", judged, judged.chosen, 0.0),
        _way(
            "balanced",
            f"router, balanced (cost weight {balanced:.3g})",
            judged,
            judged.balanced,
            balanced,
        ),
        _way("oracle", "oracle", judged, oracle_choice(judged.outcomes)),
    )


def _way(
    kind: str, name: str, judged: Judged, column: Labels, cost_weight: float | None = None
) -> Way:
    return Way(kind, name, column, *_outcome(judged, column), cost_weight)


def _always(kind: str, name: str, judged: Judged, model: int) -> Way:
    return _way(kind, name, judged, np.full(len(judged), model))


def _random(judged: Judged) -> Way:
    score = judged.outcomes.score
    cost = judged.costs.of_any(~np.isnan(score))
    return Way("random", "random model", None, random_outcome(score), cost)

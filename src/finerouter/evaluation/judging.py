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
from finerouter.frontier import cheapest_argmax, cost_weights
from finerouter.gaps import column_means
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
        score, cost_usd: [prompt], outcomes of its choices.
        cost_weight: of the router's ways.
    """

    kind: str
    name: str
    score: Floats
    cost_usd: Floats
    cost_weight: float | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """Held-out prompts with what every way of choosing chose.

    Attributes:
        outcomes: of the router's models, every prompt with at least one score.
        estimate: the router's, of the same prompts.
        cost_usd: realised cost [prompt, model]; a gap of a model holds its mean, see `costs_known`.
        costs_known: whether every model has at least one known cost; without, costs mean nothing.
        best_single: column.
        ways: the best single model first.
        chosen, balanced: column that the router chooses at cost weight 0 and at the balanced one.
        per_benchmark: column of the best model of each prompt's benchmark; None without benchmarks.
        weights: cost weights of the curve's points, [point].
        point_score, point_cost_usd: outcomes of the router's choices there, [prompt, point].
        folds: [prompt], for picking a dial on other prompts than it is judged by.
    """

    outcomes: OutcomeTable
    estimate: Estimate
    cost_usd: Floats
    costs_known: bool
    best_single: int
    ways: tuple[Way, ...]
    chosen: Labels
    balanced: Labels
    per_benchmark: Labels | None
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
    cost, known = _filled_costs(outcomes)
    folds = fold_labels(
        outcomes.benchmarks or [""] * len(outcomes),
        near_duplicate_groups(outcomes.prompts),
        folds=FOLDS,
        seed=seed,
    )
    draft = Judged(
        outcomes=outcomes,
        estimate=estimate,
        cost_usd=cost,
        costs_known=known,
        best_single=router.models.index(router.training.info["cross_validation"]["best_single"]),
        ways=(),
        chosen=choose_at(estimate, outcomes, 0.0),
        balanced=choose_at(estimate, outcomes, balanced_cost_weight(router)),
        per_benchmark=_per_benchmark(outcomes, training, folds),
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
            f"{len(held_out)} held-out prompts are too few to judge by; give at least "
            f"{LEAST_PROMPTS}"
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
    cost = np.nan_to_num(estimate.cost_usd)
    observed = ~np.isnan(outcomes.score)
    utility = np.where(observed, estimate.quality - weight * cost, -np.inf)
    return cheapest_argmax(utility, cost)


def _with_prices(outcomes: OutcomeTable, router: Router) -> OutcomeTable:
    """The outcomes with the router's entry of every model that they have no prices for."""
    entries = tuple(
        own if own.priced else known for own, known in zip(outcomes.pool, router.pool, strict=True)
    )
    return replace(outcomes, pool=ModelPool(entries))


def _filled_costs(outcomes: OutcomeTable) -> tuple[Floats, bool]:
    """Realised costs with a model's mean in its gaps, and whether every model has one."""
    realised = outcomes.realised_cost_usd
    means = column_means(realised)
    filled = np.where(np.isnan(realised), means, realised)
    return np.nan_to_num(filled), not bool(np.isnan(means).any())


def _per_benchmark(
    outcomes: OutcomeTable, training: OutcomeTable | None, folds: Labels
) -> Labels | None:
    if outcomes.benchmarks is None:
        return None
    names = np.array(outcomes.benchmarks)
    if training is not None and training.benchmarks is not None:
        known = training.select_models(outcomes.models)
        return _best_of(np.array(known.benchmarks), known.score, names)
    chosen = np.zeros(len(outcomes), dtype=np.int64)
    for fold in np.unique(folds):
        out = folds == fold
        chosen[out] = _best_of(names[~out], outcomes.score[~out], names[out])
    return chosen


def _best_of(known: NDArray[np.str_], score: Floats, names: NDArray[np.str_]) -> Labels:
    """Best model by mean score of each prompt's benchmark; overall where that one is new."""
    best = np.full(len(names), int(np.nanargmax(column_means(score))))
    for name in np.unique(names):
        means = column_means(score[known == name])
        if not np.isnan(means).all():
            best[names == name] = int(np.nanargmax(means))
    return best


def _outcome(judged: Judged, column: Labels) -> tuple[Floats, Floats]:
    """Score and cost of one column per prompt.

    Where that model was not asked, its mean stands in: no prompt may favour anybody.
    """
    rows = np.arange(len(column))
    score = judged.outcomes.score[rows, column]
    means = column_means(judged.outcomes.score)[column]
    return np.where(np.isnan(score), means, score), judged.cost_usd[rows, column]


def always(judged: Judged, column: int) -> tuple[Floats, Floats]:
    """Score and cost of always asking one model."""
    return _outcome(judged, np.full(len(judged), column))


def _ways(judged: Judged, balanced: float) -> tuple[Way, ...]:
    models, best = judged.outcomes.models, judged.best_single
    ways = [Way("best single", f"best single ({models[best]})", *always(judged, best))]
    if judged.costs_known:
        cheapest = int(judged.cost_usd.mean(axis=0).argmin())
        ways.append(Way("cheapest", f"cheapest ({models[cheapest]})", *always(judged, cheapest)))
    ways.append(Way("random", "random model", *_random(judged)))
    if judged.per_benchmark is not None:
        outcome = _outcome(judged, judged.per_benchmark)
        ways.append(Way("per benchmark", "best per benchmark (labels known)", *outcome))
    return (
        *ways,
        Way("router", "router, best quality", *_outcome(judged, judged.chosen), 0.0),
        Way(
            "balanced",
            f"router, balanced (cost weight {balanced:.3g})",
            *_outcome(judged, judged.balanced),
            balanced,
        ),
        Way("oracle", "oracle", *_outcome(judged, oracle_choice(judged.outcomes))),
    )


def _random(judged: Judged) -> tuple[Floats, Floats]:
    asked = np.where(np.isnan(judged.outcomes.score), np.nan, judged.cost_usd)
    return random_outcome(judged.outcomes.score), random_outcome(asked)

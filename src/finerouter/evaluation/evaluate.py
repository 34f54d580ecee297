"""Judge a router on outcomes it has not seen, against choices that need no router.

Takes a router and held-out outcomes; gives an `EvaluationResult` with paired intervals. The best
single model is the one of the router's training data, and the dial of the "balanced" line was
chosen there too: nothing is picked by looking at the held-out part, except the two figures that
are defined on the whole curve and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.evaluation.baselines import oracle_choice, random_outcome
from finerouter.evaluation.intervals import Interval, resampled_means
from finerouter.frontier import cheapest_argmax, cost_weights, mean_quality_over
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.quality.calibration import brier_score, expected_calibration_error
from finerouter.router import Router

Floats = NDArray[np.float64]
_LEAST_PROMPTS = 20


@dataclass(frozen=True)
class Line:
    """How one way of choosing did.

    Attributes:
        name: of the way of choosing.
        quality: mean score.
        cost_per_1k_usd: mean cost of a thousand prompts; NaN when costs are unknown.
        against_best_single: difference of the mean score, paired.
    """

    name: str
    quality: Interval
    cost_per_1k_usd: float
    against_best_single: Interval


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """What an evaluation found.

    Attributes:
        prompts: held-out prompts judged.
        best_single: the model with the best mean on training data.
        lines: ways of choosing: best single, cheapest, random, router, oracle.
        best_quality_gain: best quality on the router's curve over the best single's.
        cost_saved: share of the best single's cost saved at its own quality, on the curve;
            None when costs are unknown or the quality is never reached.
        mean_quality_gain: mean height of the router's hull between the cheapest model's cost and
            the best single's, over the best single's quality; None when costs are unknown.
        curve: cost weight, cost per thousand prompts and quality of each point.
        brier, calibration_error: per model.
        abstained: share of prompts that belong to no known task.
        shares: share of prompts each model gets at cost weight 0.
    """

    prompts: int
    best_single: str
    lines: tuple[Line, ...]
    best_quality_gain: Interval
    cost_saved: Interval | None
    mean_quality_gain: Interval | None
    curve: tuple[tuple[float, float, float], ...]
    brier: Mapping[str, float]
    calibration_error: Mapping[str, float]
    abstained: float
    shares: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; NaN becomes null."""
        return _without_nan(asdict(self))


@dataclass(frozen=True, eq=False)
class _Judged:
    """Per-prompt outcomes of every way of choosing: columns of score and of cost."""

    names: tuple[str, ...]
    score: Floats
    cost: Floats
    weights: Floats

    @property
    def curve(self) -> slice:
        """The columns that are points of the router's curve."""
        return slice(len(self.names), None)


def evaluate(
    router: Router, held_out: OutcomeTable, *, resamples: int = 1000, seed: int = 0
) -> EvaluationResult:
    """Evaluate a router.

    Args:
        router: trained.
        held_out: outcomes of the router's models on prompts it was not trained on.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        DataError: too few prompts, or a model of the router has no outcomes.
    """
    held_out = _usable(router, held_out)
    estimate = router.estimate(held_out.prompts)
    best = router.models.index(router.training.info["cross_validation"]["best_single"])
    judged = _judge(router, estimate.quality, estimate.cost_usd, held_out, best)
    spread = list(
        resampled_means(np.hstack([judged.score, judged.cost]), resamples=resamples, seed=seed)
    )
    means = np.stack([np.hstack([judged.score, judged.cost]).mean(axis=0), *spread])
    score, cost = np.split(means, 2, axis=1)
    known = not np.isnan(held_out.realised_cost_usd).all()
    return EvaluationResult(
        prompts=len(held_out),
        best_single=router.models[best],
        lines=_lines(judged, score, cost if known else np.full_like(cost, np.nan)),
        best_quality_gain=_interval(score[:, judged.curve].max(axis=1) - score[:, 0]),
        cost_saved=_cost_saved(judged, score, cost) if known else None,
        mean_quality_gain=_mean_gain(judged, score, cost, held_out) if known else None,
        curve=tuple(
            zip(
                judged.weights.tolist(),
                (1000 * cost[0, judged.curve]).tolist(),
                score[0, judged.curve].tolist(),
                strict=True,
            )
        ),
        brier=_by_model(router, brier_score(estimate.quality, held_out.score)),
        calibration_error=_by_model(
            router, expected_calibration_error(estimate.quality, held_out.score)
        ),
        abstained=float((estimate.none > estimate.task_probs.max(axis=1)).mean()),
        shares=_by_model(
            router,
            np.bincount(
                cheapest_argmax(estimate.quality, estimate.cost_usd), minlength=len(router.models)
            )
            / len(held_out),
        ),
    )


def _usable(router: Router, held_out: OutcomeTable) -> OutcomeTable:
    held_out = _with_prices(held_out.select_models(router.models), router)
    held_out = held_out.rows(np.flatnonzero((~np.isnan(held_out.score)).any(axis=1)))
    unseen = np.flatnonzero(np.isnan(held_out.score).all(axis=0))
    if len(unseen):
        raise DataError(
            f"the held-out prompts have no outcome of {held_out.models[unseen[0]]!r}; add some, or "
            "train without that model"
        )
    if len(held_out) < _LEAST_PROMPTS:
        raise DataError(
            f"{len(held_out)} held-out prompts are too few to judge by; give at least "
            f"{_LEAST_PROMPTS}"
        )
    return held_out


def _with_prices(outcomes: OutcomeTable, router: Router) -> OutcomeTable:
    """The outcomes with the router's entry of every model that they have no prices for."""
    entries = tuple(
        own if own.priced else known for own, known in zip(outcomes.pool, router.pool, strict=True)
    )
    return replace(outcomes, pool=ModelPool(entries))


def _judge(
    router: Router, quality: Floats, cost: Floats, outcomes: OutcomeTable, best: int
) -> _Judged:
    observed = ~np.isnan(outcomes.score)
    realised = np.nan_to_num(outcomes.realised_cost_usd)
    cost = np.nan_to_num(cost)
    mean_cost = column_means(outcomes.realised_cost_usd)
    cheapest = best if np.isnan(mean_cost).all() else int(np.nanargmin(mean_cost))
    balanced = float(router.training.info["balanced_cost_weight"])
    weights = cost_weights(cost)

    def at(utility: Floats) -> tuple[Floats, Floats]:
        column = cheapest_argmax(np.where(observed, utility, -np.inf), cost)
        rows = np.arange(len(column))
        return outcomes.score[rows, column], realised[rows, column]

    def always(column: int) -> tuple[Floats, Floats]:
        # Where that model was not asked, its mean stands in: no prompt may favour anybody.
        mean = column_means(outcomes.score)[column]
        return np.where(observed[:, column], outcomes.score[:, column], mean), realised[:, column]

    oracle, rows = oracle_choice(outcomes), np.arange(len(outcomes))
    ways = {
        f"best single ({router.models[best]})": always(best),
        f"cheapest ({router.models[cheapest]})": always(cheapest),
        "random model": (random_outcome(outcomes.score), random_outcome(realised)),
        "router, best quality": at(quality),
        f"router, balanced (cost weight {balanced:.3g})": at(quality - balanced * cost),
        "oracle": (outcomes.score[rows, oracle], realised[rows, oracle]),
    }
    points = [at(quality - weight * cost) for weight in weights]
    columns = [*ways.values(), *points]
    return _Judged(
        names=tuple(ways),
        score=np.stack([score for score, _ in columns], axis=1),
        cost=np.stack([usd for _, usd in columns], axis=1),
        weights=weights,
    )


def _lines(judged: _Judged, score: Floats, cost: Floats) -> tuple[Line, ...]:
    return tuple(
        Line(
            name=name,
            quality=_interval(score[:, at]),
            cost_per_1k_usd=float(1000 * cost[0, at]),
            against_best_single=_interval(score[:, at] - score[:, 0]),
        )
        for at, name in enumerate(judged.names)
    )


def _cost_saved(judged: _Judged, score: Floats, cost: Floats) -> Interval | None:
    reached = score[:, judged.curve] >= score[:, :1] - 1e-12
    cheapest = np.where(reached, cost[:, judged.curve], np.inf).min(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        saved = np.where(np.isfinite(cheapest), 1 - cheapest / cost[:, 0], np.nan)
    return None if np.isnan(saved[0]) else _interval(saved)


def _mean_gain(
    judged: _Judged, score: Floats, cost: Floats, outcomes: OutcomeTable
) -> Interval | None:
    low = float(np.nanmin(column_means(outcomes.realised_cost_usd)))
    gains = [
        mean_quality_over(usd[judged.curve], quality[judged.curve], low, float(usd[0])) - quality[0]
        for quality, usd in zip(score, cost, strict=True)
    ]
    return _interval(np.array(gains)) if cost[0, 0] > low else None


def _interval(statistic: Floats) -> Interval:
    """The first value is that of all prompts, the rest are resamples."""
    return Interval.of(float(statistic[0]), statistic[1:])


def _by_model(router: Router, values: Floats) -> dict[str, float]:
    return dict(zip(router.models, values.tolist(), strict=True))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value

"""From estimates to a decision: filters, then a trade of quality against cost.

Takes an `Estimate` and a `Policy`; gives `Decision`s. Pure, deterministic, and total: whenever a
model passes the filters, one is chosen. Knows nothing of how estimates were made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import NoEligibleModel, PolicyError
from finerouter.frontier import DEAREST, TIE, cheapest_argmax
from finerouter.pool import ModelPool

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Estimate:
    """What is known of prompts before a model is chosen.

    Attributes:
        models: names, the columns of the arrays [prompt, model].
        tasks: names, the columns of `task_probs`.
        task_probs: [prompt, task]; a row adds up to 1 - none.
        none: [prompt], probability that the prompt belongs to no known task.
        quality: [prompt, model], expected score in [0, 1].
        quality_std: [prompt, model], standard deviation of that expectation.
        cost_usd: [prompt, model], expected cost of the call; NaN where it cannot be known.
        tokens: [prompt, model], expected tokens of prompt and answer together.
    """

    models: list[str]
    tasks: list[str]
    task_probs: Floats
    none: Floats
    quality: Floats
    quality_std: Floats
    cost_usd: Floats
    tokens: Floats

    def __len__(self) -> int:
        return len(self.quality)

    def row(self, row: int) -> Estimate:
        """The estimate of one of the prompts."""
        if len(self) == 1 and row == 0:
            return self
        part = slice(row, row + 1)
        return Estimate(
            models=self.models,
            tasks=self.tasks,
            task_probs=self.task_probs[part],
            none=self.none[part],
            quality=self.quality[part],
            quality_std=self.quality_std[part],
            cost_usd=self.cost_usd[part],
            tokens=self.tokens[part],
        )

    def task_of(self, row: int) -> tuple[str | None, float]:
        """The most probable task of a prompt and its probability; None if "none" is likelier."""
        at = int(self.task_probs[row].argmax())
        probability = float(self.task_probs[row, at])
        if self.none[row] > probability:
            return None, float(self.none[row])
        return self.tasks[at], probability


@dataclass(frozen=True)
class Policy:
    """How quality is weighed against cost, and which models may be chosen.

    Attributes:
        cost_weight: quality, on its scale of 0 to 1, given up per USD; 0 takes the best.
        min_quality: take the cheapest model whose quality is at least this share of the best
            one's, for example 0.95.
        max_cost_usd: budget of the call; if no model keeps it, the cheapest is taken.
        risk_aversion: standard deviations taken off every quality.
        allow: models to choose from, None for all; deny: models never chosen.
        needs: capabilities that a model must have.
    """

    cost_weight: float = 0.0
    min_quality: float | None = None
    max_cost_usd: float | None = None
    risk_aversion: float = 0.0
    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check_number("cost_weight", self.cost_weight, 0.0, math.inf)
        _check_number("risk_aversion", self.risk_aversion, 0.0, math.inf)
        if self.min_quality is not None:
            _check_number("min_quality", self.min_quality, 0.0, 1.0)
            if self.cost_weight:
                raise PolicyError(
                    "cost_weight and min_quality contradict each other; give only one of them"
                )
        if self.max_cost_usd is not None:
            _check_number("max_cost_usd", self.max_cost_usd, 0.0, math.inf)
        for name in ("allow", "deny", "needs"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _as_names(name, value))

    @property
    def needs_costs(self) -> bool:
        """Whether the choice depends on expected costs."""
        return bool(self.cost_weight) or not (
            self.min_quality is None and self.max_cost_usd is None
        )


@dataclass(frozen=True)
class Flip:
    """A value of one dial of the policy at which another model would be chosen.

    Attributes:
        dial: field of the policy.
        value: where the choice changes.
        model: the model chosen beyond it.
        upward: whether it is chosen above the value, else below.
    """

    dial: str
    value: float
    model: str
    upward: bool


@dataclass(frozen=True)
class Decision:
    """The chosen model and why.

    Attributes:
        model: its name.
        task: the prompt's task, None when it belongs to none; probability of that.
        task_probability: probability of the task, or of none.
        quality, quality_std, cost_usd: the chosen model's estimates; cost may be NaN.
        within_budget: False when no model kept `max_cost_usd` and the cheapest was taken.
        filtered: why each model that was ruled out was.
        flips: where the choice would change, nearest first in each direction.
        policy: what it was decided by.
    """

    model: str
    task: str | None
    task_probability: float
    quality: float
    quality_std: float
    cost_usd: float
    within_budget: bool
    filtered: Mapping[str, str] = field(default_factory=dict)
    flips: tuple[Flip, ...] = ()
    policy: Policy = field(default_factory=Policy)

    @property
    def reason(self) -> str:
        """One sentence for people."""
        policy = self.policy
        if not self.within_budget:
            return f"no model keeps the budget of {policy.max_cost_usd:g} USD; this is the cheapest"
        if policy.min_quality is not None:
            rule = f"the cheapest with at least {policy.min_quality:.0%} of the best quality"
        elif policy.cost_weight:
            rule = f"the best quality less {policy.cost_weight:g} per USD of cost"
        else:
            rule = "the best estimated quality"
        if policy.max_cost_usd is not None:
            rule += f" within {policy.max_cost_usd:g} USD"
        kind = f"task {self.task!r}" if self.task is not None else "no known task"
        return f"{rule}, for {kind} ({self.task_probability:.0%})"


def choose(estimate: Estimate, policy: Policy, pool: ModelPool) -> NDArray[np.int64]:
    """Column of the model chosen for every prompt, [prompt].

    Raises:
        NoEligibleModel: filters leave a prompt without a model.
        PolicyError: the policy needs the costs of models whose cost is unknown.
    """
    eligible = eligible_models(estimate, policy, pool)
    _check_eligible(estimate, policy, pool, eligible)
    return _choose(estimate, policy, eligible)[0]


def decide(estimate: Estimate, policy: Policy, pool: ModelPool, row: int = 0) -> Decision:
    """Decide for one prompt of an estimate.

    Raises:
        NoEligibleModel: the filters leave no model; says which filter took which.
        PolicyError: the policy needs the costs of models whose cost is unknown.
    """
    one = estimate.row(row)
    eligible = eligible_models(one, policy, pool)
    _check_eligible(one, policy, pool, eligible)
    chosen, within = _choose(one, policy, eligible)
    at = int(chosen[0])
    task, probability = one.task_of(0)
    return Decision(
        model=one.models[at],
        task=task,
        task_probability=probability,
        quality=float(one.quality[0, at]),
        quality_std=float(one.quality_std[0, at]),
        cost_usd=float(one.cost_usd[0, at]),
        within_budget=bool(within[0]),
        filtered={} if eligible.all() else filter_reasons(one, policy, pool),
        flips=_flips(one, policy, eligible[0], at),
        policy=policy,
    )


def ranked(estimate: Estimate, policy: Policy, pool: ModelPool, most: int) -> list[int]:
    """Columns of the models chosen for a single prompt if each before them could not be had.

    Args:
        estimate: of one prompt.
        policy: how to choose.
        pool: its models.
        most: so many at most; the first is the one that `decide` gives.

    Raises:
        NoEligibleModel, PolicyError: as in `decide`.
    """
    eligible = eligible_models(estimate, policy, pool)
    _check_eligible(estimate, policy, pool, eligible)
    if policy.max_cost_usd is None and policy.min_quality is None:
        return _by_utility(estimate, policy, eligible, most)
    order: list[int] = []
    while len(order) < most and eligible.any():
        at = int(_choose(estimate, policy, eligible)[0][0])
        order.append(at)
        eligible = eligible.copy()
        eligible[0, at] = False
    return order


def _by_utility(estimate: Estimate, policy: Policy, eligible: Flags, most: int) -> list[int]:
    """`ranked` where a model's utility does not depend on which others are left.

    In plain numbers: for the few models of a pool that is several times faster than arrays.
    """
    utility = _utility(estimate, policy)[0].tolist()
    cost = [DEAREST if math.isnan(usd) else usd for usd in estimate.cost_usd[0].tolist()]
    left = sorted(np.flatnonzero(eligible[0]).tolist(), key=utility.__getitem__, reverse=True)
    order: list[int] = []
    while left and len(order) < most:
        least = utility[left[0]] - TIE
        if len(left) == 1 or utility[left[1]] < least:
            order.append(left.pop(0))
            continue
        order.append(min((cost[at], at) for at in left if utility[at] >= least)[1])
        left.remove(order[-1])
    return order


def eligible_models(estimate: Estimate, policy: Policy, pool: ModelPool) -> Flags:
    """Which models pass the filters, [prompt, model]."""
    fits = ~(estimate.tokens > pool.context_windows)
    if policy.allow is None and not policy.deny and not policy.needs:
        return fits
    return fits & np.array([_ruled_out(model, policy, pool) is None for model in pool.names])


def fitting_models(estimate: Estimate, policy: Policy, pool: ModelPool) -> Flags:
    """Which models are all that the policy asks for, [prompt, model]; the chosen one is among them.

    They pass the filters, keep `max_cost_usd` (the cheapest stands in where none does) and have at
    least the share `min_quality` of the best quality of these.
    """
    return _fitting(estimate, policy, eligible_models(estimate, policy, pool))[0]


def filter_reasons(estimate: Estimate, policy: Policy, pool: ModelPool) -> dict[str, str]:
    """Why each model that a filter rules out for the first prompt is ruled out."""
    reasons = {}
    for at, model in enumerate(pool):
        reason = _ruled_out(model.model, policy, pool)
        if (
            reason is None
            and model.context_window
            and estimate.tokens[0, at] > model.context_window
        ):
            reason = (
                f"about {estimate.tokens[0, at]:,.0f} tokens exceed its context window of "
                f"{model.context_window:,}"
            )
        if reason is not None:
            reasons[model.model] = reason
    return reasons


def _ruled_out(name: str, policy: Policy, pool: ModelPool) -> str | None:
    if policy.allow is not None and name not in policy.allow:
        return "not among the allowed models"
    if name in policy.deny:
        return "denied"
    lacking = sorted(policy.needs - pool[name].capabilities) if policy.needs else []
    return f"lacks {', '.join(lacking)}" if lacking else None


def _check_eligible(estimate: Estimate, policy: Policy, pool: ModelPool, eligible: Flags) -> None:
    for name in sorted((policy.allow or frozenset()) | policy.deny):
        pool[name]  # an unknown name is a typing mistake, and would silently allow too much
    if not eligible.all() and len(empty := np.flatnonzero(~eligible.any(axis=1))):
        reasons = filter_reasons(estimate.row(int(empty[0])), policy, pool)
        listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise NoEligibleModel(f"no model is left to choose from ({listed}); relax the filters")
    if policy.needs_costs and (missing := np.isnan(estimate.cost_usd)).any():
        unknown = (eligible & missing).any(axis=0)
        if unknown.any():
            name = estimate.models[int(unknown.argmax())]
            raise PolicyError(
                f"the expected cost of {name!r} is unknown; add input_usd_per_mtok and "
                "output_usd_per_mtok to its entry in the pool, or decide by quality alone"
            )


def _choose(estimate: Estimate, policy: Policy, eligible: Flags) -> tuple[NDArray[np.int64], Flags]:
    fitting, within = _fitting(estimate, policy, eligible)
    if policy.min_quality is not None:
        fitting = _cheapest_of(fitting, estimate.cost_usd)
    utility = _utility(estimate, policy)
    return cheapest_argmax(np.where(fitting, utility, -np.inf), estimate.cost_usd), within


def _fitting(estimate: Estimate, policy: Policy, eligible: Flags) -> tuple[Flags, Flags]:
    """The eligible models within budget and floor, and whether any kept the budget, [prompt]."""
    cost = estimate.cost_usd
    within: Flags = np.ones(len(estimate), dtype=bool)
    if policy.max_cost_usd is not None:
        affordable = eligible & (cost <= policy.max_cost_usd)
        within = np.asarray(affordable.any(axis=1))
        eligible = np.where(within[:, None], affordable, _cheapest_of(eligible, cost))
    if policy.min_quality is not None:
        quality = cautious_quality(estimate, policy)
        best = np.where(eligible, quality, -np.inf).max(axis=1, keepdims=True)
        eligible = eligible & (quality >= policy.min_quality * best)
    return eligible, within


def _utility(estimate: Estimate, policy: Policy) -> Floats:
    """Cautious quality less the cost at its weight, [prompt, model]."""
    quality = cautious_quality(estimate, policy)
    return quality - policy.cost_weight * estimate.cost_usd if policy.cost_weight else quality


def _cheapest_of(eligible: Flags, cost: Floats) -> Flags:
    """The cheapest of each prompt's eligible models; several where they cost the same."""
    least = np.where(eligible, cost, np.inf).min(axis=1, keepdims=True)
    return np.asarray(eligible & (cost <= least))


def cautious_quality(estimate: Estimate, policy: Policy) -> Floats:
    """Quality less `risk_aversion` standard deviations, not below zero, [prompt, model]."""
    if not policy.risk_aversion:
        return estimate.quality
    return np.maximum(estimate.quality - policy.risk_aversion * estimate.quality_std, 0.0)


def _flips(estimate: Estimate, policy: Policy, eligible: Flags, at: int) -> tuple[Flip, ...]:
    """Flips of the dial in use: the cost weight, or the quality floor where one is set."""
    cost = estimate.cost_usd[0]
    if np.isnan(cost[eligible]).any():
        return ()
    if policy.max_cost_usd is not None:
        eligible = eligible & (cost <= policy.max_cost_usd)
        if not eligible.any():
            return ()  # beyond the budget no other dial decides
    quality = cautious_quality(estimate, policy)[0]
    if policy.min_quality is not None:
        return _floor_flips(estimate.models, quality, cost, eligible, at)
    return _weight_flips(estimate.models, quality, cost, eligible, at, policy.cost_weight)


def _weight_flips(
    models: Sequence[str], quality: Floats, cost: Floats, eligible: Flags, at: int, weight: float
) -> tuple[Flip, ...]:
    """Where the line quality - weight * cost of another model crosses the chosen one's.

    Where several cross at one point, the flattest line wins above it and the steepest below.
    """
    above, below = [], []
    for other in np.flatnonzero(eligible).tolist():
        saved = float(cost[at] - cost[other])
        crossing = float(quality[at] - quality[other]) / saved if saved else math.nan
        if saved > 0 and crossing >= weight:
            above.append((crossing, float(cost[other]), models[other]))
        if saved < 0 and 0 < crossing <= weight:
            below.append((-crossing, -float(cost[other]), models[other]))
    flips = []
    if above:
        crossing, name = _first_crossing(above)
        flips.append(Flip("cost_weight", crossing, name, upward=True))
    if below:
        crossing, name = _first_crossing(below)
        flips.append(Flip("cost_weight", -crossing, name, upward=False))
    return tuple(flips)


def _first_crossing(crossings: list[tuple[float, float, str]]) -> tuple[float, str]:
    """The smallest crossing; among those that rounding alone sets apart, the smallest cost."""
    first = min(crossings)[0]
    near = [item for item in crossings if math.isclose(item[0], first, rel_tol=1e-9)]
    return first, min(near, key=lambda item: item[1])[2]


def _floor_flips(
    models: Sequence[str], quality: Floats, cost: Floats, eligible: Flags, at: int
) -> tuple[Flip, ...]:
    """Above its own share of the best the chosen model falls out; below a cheaper one comes in."""
    best = float(quality[eligible].max())
    if best <= 0:
        return ()
    share = quality / best
    flips = []
    better = np.flatnonzero(eligible & (share > share[at]))
    if len(better):
        following = better[np.lexsort((-share[better], cost[better]))[0]]
        flips.append(Flip("min_quality", float(share[at]), models[following], upward=True))
    cheaper = np.flatnonzero(eligible & (cost < cost[at]))
    if len(cheaper):
        nearest = cheaper[np.lexsort((cost[cheaper], -share[cheaper]))[0]]
        flips.append(Flip("min_quality", float(share[nearest]), models[nearest], upward=False))
    return tuple(flips)


def _check_number(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high or (math.isinf(value) and name != "max_cost_usd"):
        bounds = f"between {low:g} and {high:g}" if math.isfinite(high) else "zero or more"
        raise PolicyError(f"{name} must be {bounds}, not {value}")


def _as_names(name: str, value: object) -> frozenset[str]:
    if isinstance(value, str):
        raise PolicyError(f"{name} must be a collection of names, not the single text {value!r}")
    if not isinstance(value, Iterable):
        raise PolicyError(f"{name} must be a collection of names, not {value!r}")
    return frozenset(value)

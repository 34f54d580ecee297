"""From an estimate to the models to ask, best first.

Takes the router's estimate for the text, what the request needs, the conversation so far and what
rules models out; gives a `Choice`. Pure but for the chance of exploration, which is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, Context
from functools import cached_property

import numpy as np
from msgspec import Struct

from finerouter.errors import NoEligibleModel
from finerouter.gateway.needs import Needs
from finerouter.gateway.record import ModelEstimate
from finerouter.policy import (
    Estimate,
    Policy,
    eligible_models,
    filter_reasons,
    fitting_models,
    ranked,
)
from finerouter.pool import ModelPool

_BYTES_PER_TOKEN = 4.0
# Rounded up, an expected cost can be given back as the limit that it keeps.
_TOLD_USD = Context(prec=4, rounding=ROUND_CEILING)


class Kept(Struct, frozen=True):
    """The model that a conversation is on.

    Attributes:
        model: its name.
        cached_tokens: of the conversation, which its provider has in its prompt cache.
        margin: quality that another model has to be better by.
        endpoint: that answered last, "" where nobody knows.
    """

    model: str
    cached_tokens: float
    margin: float
    endpoint: str = ""


class Chance(Struct, frozen=True):
    """Exploration: `share` of requests go to a random fitting model; `draw` in [0, 1) decides."""

    share: float
    draw: float


class Choice(Struct, frozen=True, dict=True):
    """What was decided.

    Attributes:
        order: models to ask, the first choice first.
        propensity: probability of the first choice.
        explored: whether chance chose it.
        task, task_probability: of the text.
        cost_usd: expected of the first choice, None where unknown.
        estimate: that was chosen from.
        reasons: why models are ruled out, by name.
    """

    order: tuple[str, ...]
    propensity: float
    explored: bool
    task: str | None
    task_probability: float
    cost_usd: float | None
    estimate: Estimate
    reasons: Mapping[str, str]

    @cached_property
    def estimates(self) -> tuple[ModelEstimate, ...]:
        """Of all models, in the order of the pool, with the reason why one is ruled out."""
        return tuple(
            ModelEstimate(
                model=name,
                quality=quality,
                quality_std=std,
                cost_usd=_known(cost),
                filtered=self.reasons.get(name),
            )
            for name, quality, std, cost in zip(
                self.estimate.models,
                self.estimate.quality[0].tolist(),
                self.estimate.quality_std[0].tolist(),
                self.estimate.cost_usd[0].tolist(),
                strict=True,
            )
        )


def choose(
    estimate: Estimate,
    policy: Policy,
    pool: ModelPool,
    *,
    ruled_out: Mapping[str, str],
    limit_usd: float | None = None,
    kept: Kept | None = None,
    chance: Chance | None = None,
    most: int = 4,
    hidden: frozenset[str] = frozenset(),
) -> Choice:
    """Choose models for one request.

    Args:
        estimate: of one text, already in the request's size (`sized`).
        policy: with the request's own filters.
        pool: the router's.
        ruled_out: models that cannot be had, with the reason in words.
        limit_usd: most that any model named may be expected to cost, its prompt cache not counted;
            None for no limit. Unlike the policy's budget it does not give way.
        kept: the model the conversation is on, None for a new one.
        chance: exploration, None for none.
        most: models to name at most.
        hidden: models that an error does not name: they are not for the caller's eyes.

    Raises:
        NoEligibleModel, PolicyError: see `finerouter.policy.decide`.
    """
    reasons = {**_reasons(estimate, policy, pool), **ruled_out}
    dear = _dear(estimate, limit_usd, reasons) if limit_usd is not None else {}
    if dear:
        ruled_out = {**ruled_out, **dear}
        reasons |= dear
    if reasons.keys() >= set(estimate.models):
        raise NoEligibleModel(_none_left(reasons, hidden) + _advice(estimate, dear))
    # The pool may have models that the router knows nothing of; those are no one's choice here.
    out = ruled_out.keys() & set(estimate.models)
    policy = replace(policy, deny=policy.deny | out) if out else policy
    favoured = _favoured(estimate, kept, pool)
    order = ranked(favoured, policy, pool, most)
    order, propensity, explored = _explored(order, favoured, policy, pool, chance)
    task, probability = estimate.task_of(0)
    return Choice(
        order=tuple(estimate.models[at] for at in order),
        propensity=propensity,
        explored=explored,
        task=task,
        task_probability=probability if task is not None else 0.0,
        cost_usd=_known(float(estimate.cost_usd[0, order[0]])),
        estimate=estimate,
        reasons=reasons,
    )


def sized(estimate: Estimate, needs: Needs, text_bytes: int, pool: ModelPool) -> Estimate:
    """The estimate with the tokens and the cost of all that is sent, not of the text alone."""
    beside = needs.input_tokens - text_bytes / _BYTES_PER_TOKEN
    if beside <= 0:
        return estimate
    price_in, _ = pool.usd_per_mtok
    dearer = beside * price_in / 1e6
    return replace(
        estimate,
        tokens=estimate.tokens + beside,
        # Without a price the recorded cost of a call stands, which is better than nothing.
        cost_usd=estimate.cost_usd + np.nan_to_num(dearer)[None, :],
    )


def _favoured(estimate: Estimate, kept: Kept | None, pool: ModelPool) -> Estimate:
    """The conversation's model ahead by the margin, and cheaper by what its cache saves."""
    if kept is None or kept.model not in estimate.models:
        return estimate
    at = estimate.models.index(kept.model)
    quality, cost = estimate.quality.copy(), estimate.cost_usd.copy()
    quality[0, at] += kept.margin
    cost[0, at] = max(0.0, cost[0, at] - _cache_saving_usd(kept, pool))
    return replace(estimate, quality=quality, cost_usd=cost)


def _cache_saving_usd(kept: Kept, pool: ModelPool) -> float:
    model = pool[kept.model]
    if model.input_usd_per_mtok is None or model.cached_input_usd_per_mtok is None:
        return 0.0
    difference = model.input_usd_per_mtok - model.cached_input_usd_per_mtok
    return max(0.0, difference) * kept.cached_tokens / 1e6


def _explored(
    order: list[int], estimate: Estimate, policy: Policy, pool: ModelPool, chance: Chance | None
) -> tuple[list[int], float, bool]:
    """The order with a random fitting model first, now and then; the probability of its first."""
    if chance is None or not chance.share:
        return order, 1.0, False
    fitting = np.flatnonzero(fitting_models(estimate, policy, pool)[0]).tolist()
    if len(fitting) == 1:
        return order, 1.0, False
    each = chance.share / len(fitting)
    if chance.draw >= chance.share:
        return order, 1.0 - chance.share + each, False
    drawn = fitting[min(int(chance.draw / each), len(fitting) - 1)]
    if drawn == order[0]:
        return order, 1.0 - chance.share + each, False
    rest = [at for at in order if at != drawn]
    return [drawn, *rest][: len(order)], each, True


def _dear(estimate: Estimate, limit_usd: float, out: Mapping[str, str]) -> dict[str, str]:
    """The models beyond a limit that are not out for another reason, with this one."""
    return {
        name: f"expected to cost {_told(cost)} USD, more than max_cost_usd ({limit_usd:g})"
        for name, cost in zip(estimate.models, estimate.cost_usd[0].tolist(), strict=True)
        if cost > limit_usd and name not in out
    }


def _none_left(reasons: Mapping[str, str], hidden: frozenset[str]) -> str:
    told = "; ".join(f"{name}: {why}" for name, why in reasons.items() if name not in hidden)
    return f"no model is left to choose from ({told or 'none is allowed'}); ask for less"


def _advice(estimate: Estimate, dear: Mapping[str, str]) -> str:
    """What a request has to allow to be answered, where its limit alone is in the way."""
    if not dear:
        return ""
    costs = zip(estimate.models, estimate.cost_usd[0].tolist(), strict=True)
    least = min(cost for name, cost in costs if name in dear)
    return f", or give max_cost_usd at least {_told(least)}, which the cheapest is expected to cost"


def _told(usd: float) -> str:
    return f"{_TOLD_USD.create_decimal(repr(usd)):f}"


def _reasons(estimate: Estimate, policy: Policy, pool: ModelPool) -> dict[str, str]:
    if eligible_models(estimate, policy, pool).all():
        return {}
    return filter_reasons(estimate, policy, pool)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None

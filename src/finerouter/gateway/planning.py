"""From a request to the models to ask: what is wanted, what fits, what the conversation is on.

Takes a request with its caller; gives a `Plan`. Calls the router and the memory of conversations,
and no endpoint.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

import msgspec
from msgspec import Struct, field

from finerouter.errors import NoEligibleModel, PoolError
from finerouter.gateway.access import Caller
from finerouter.gateway.choosing import Chance, Choice, Kept, choose, sized
from finerouter.gateway.conversation import Conversation
from finerouter.gateway.conversations import Conversations, prefixes
from finerouter.gateway.estimating import Estimator
from finerouter.gateway.estimating_apart import EstimatorApart
from finerouter.gateway.naming import shown
from finerouter.gateway.needs import Needs, needs
from finerouter.gateway.overrides import Overrides
from finerouter.gateway.request import Request
from finerouter.gateway.settings import AUTO
from finerouter.gateway.setup import CHEAPEST, Setup
from finerouter.gateway.task_text import task_text
from finerouter.gateway.ways import PoolWays, Ways, tie, tied, ways_of
from finerouter.policy import Estimate, Policy
from finerouter.prompt import prompt_id, text_bytes

# Routed where nobody says anything, such as a bare picture: no task is known by it.
_NOTHING_SAID = "?"


class Usable(Protocol):
    """What planning asks of the endpoints."""

    @property
    def untroubled(self) -> bool:
        """Whether all that have an endpoint can be asked."""

    def usable(self, model: str) -> bool:
        """Whether some endpoint of the model may be asked now."""


class Wish(Struct, frozen=True):
    """Who asks for what.

    Attributes:
        request, caller, overrides: as they came.
        tier_down: whether the cheapest model is to be taken, for a budget nears its end.
    """

    request: Request
    caller: Caller
    overrides: Overrides = field(default_factory=Overrides)
    tier_down: bool = False

    def with_tier_down(self, tier_down: bool) -> Wish:
        """The same, taking the cheapest model or not."""
        if tier_down == self.tier_down:
            return self
        return msgspec.structs.replace(self, tier_down=tier_down)


class Plan(Struct, frozen=True):
    """What to do about one request.

    Attributes:
        order: models to ask, the first choice first.
        ways: for each of them, how it can be asked this.
        prefer: for a model the endpoint to ask first, the one that has the conversation cached.
        policy: name of the policy, "" where a model was asked for by name.
        rule: that policy with all that the caller and the request add.
        choice: the decision, None where a model was asked for by name.
        session: key of the conversation after this request, "" for what belongs to none.
        sticky: whether the first choice is the model the conversation is on.
        tier_down: whether a budget decided.
        text: that was routed, "" for none.
        routing_ms: how long it took.
    """

    order: tuple[str, ...]
    ways: Mapping[str, Ways]
    session: str
    prefer: Mapping[str, str] = field(default_factory=dict)
    policy: str = ""
    rule: Policy = field(default_factory=Policy)
    choice: Choice | None = None
    sticky: bool = False
    tier_down: bool = False
    text: str = ""
    routing_ms: float = 0.0

    @property
    def prompt_id(self) -> str:
        """Hash of the routed text, "" for none."""
        return prompt_id(self.text) if self.text else ""


class Planner:
    """Makes plans with one setup."""

    def __init__(
        self,
        setup: Setup,
        conversations: Conversations,
        fleet: Usable,
        draw: Callable[[], float] = random.random,
        crowded: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prepare.

        Args:
            setup: router, pool and policies.
            conversations: which model each is on.
            fleet: which models can be asked now.
            draw: a number in [0, 1), for exploration.
            crowded: whether other requests are under way.
        """
        self.setup = setup
        self._estimator = _estimator(setup, crowded)
        self._ways = PoolWays(setup.models.values())
        self._conversations = conversations
        self._fleet = fleet
        self._draw = draw

    @property
    def unread(self) -> int:
        """Prompts routed without reading, because the router's encoder was away."""
        return self._estimator.unread

    async def plan(self, wish: Wish) -> Plan:
        """Decide.

        Raises:
            PoolError: there is no such model or policy.
            NoEligibleModel, PolicyError: nothing fits; says why.
        """
        model = wish.request.model
        if model == AUTO or model.startswith(f"{AUTO}:"):
            return await self._routed(wish, model.partition(":")[2])
        return await self._named(wish, model)

    async def _named(self, wish: Wish, name: str) -> Plan:
        model = self.setup.models.get(name)
        if model is None or not wish.caller.may_use(name):
            raise PoolError(
                f"there is no model {shown(name)} for this key; GET /v1/models lists those there "
                f"are, and {AUTO!r} chooses one"
            )
        ways = ways_of(wish.request, [model])
        if reason := ways[name].reason:
            raise NoEligibleModel(f"{name} cannot be asked this: {reason}")
        if wish.request.api == "embeddings":
            return Plan(order=(name,), ways=ways, session="")
        key, earlier = _keys(wish)
        # Where there is no choice of endpoints, nobody needs to be asked.
        found = await self._conversations.find(earlier) if len(ways[name].can) > 1 else None
        if found is not None and tie(wish.request) and found.endpoint in ways[name].can:
            ways = {name: ways[name].only(found.endpoint)}
        return Plan(order=(name,), ways=ways, session=key, prefer=_prefer(found))

    async def _routed(self, wish: Wish, policy_name: str) -> Plan:
        started = time.perf_counter()
        if wish.request.api == "embeddings":
            raise NoEligibleModel("embeddings of two models do not compare; name the model")
        name, policy = self._policy(wish, policy_name)
        text = task_text(wish.request.turns, self.setup.settings.text)
        key, earlier = _keys(wish)
        found = await self._conversations.find(earlier)
        kept = self._kept(found)
        wanted = needs(wish.request)
        estimate = await self._estimate(text, wanted)
        ways = self._ways.of(wish.request)
        if field_name := tie(wish.request):
            ways = tied(ways, self._place(wish, found, field_name))
        reasons = {model: found.reason for model, found in ways.items() if found.reason}
        if wanted.capabilities:
            policy = replace(policy, needs=policy.needs | wanted.capabilities)
        choice = self._choose(wish, estimate, policy, kept, {**self.setup.unreachable, **reasons})
        return Plan(
            order=choice.order,
            ways=ways,
            session=key,
            prefer=_prefer(found),
            policy=name,
            rule=policy,
            choice=choice,
            sticky=kept is not None and choice.order[0] == kept.model,
            tier_down=wish.tier_down,
            text=text,
            routing_ms=(time.perf_counter() - started) * 1e3,
        )

    async def _estimate(self, text: str, wanted: Needs) -> Estimate:
        """The router's estimate, in the size of the whole request."""
        estimate = await self._estimator.estimate(text or _NOTHING_SAID)
        return sized(estimate, wanted, text_bytes(text), self.setup.router.pool)

    def _policy(self, wish: Wish, asked: str) -> tuple[str, Policy]:
        """The policy by name, with the caller's and the request's own limits."""
        default = wish.caller.policy or self.setup.settings.default_policy
        name = asked or wish.overrides.policy or default
        if name not in self.setup.policies:
            raise PoolError(
                f"there is no policy {shown(name)}; there are {', '.join(self.setup.policies)}"
            )
        policy = wish.overrides.applied(self.setup.policies[name])
        if wish.tier_down:
            policy = replace(CHEAPEST, allow=policy.allow, deny=policy.deny)
        allow = self._allowed(wish, policy)
        return name, policy if allow == policy.allow else replace(policy, allow=allow)

    def _allowed(self, wish: Wish, policy: Policy) -> frozenset[str] | None:
        """Models that the policy, the key and the request all allow; None for all."""
        wanted = wish.overrides.models
        unknown = sorted(set(wanted or ()) - set(self.setup.models))
        if unknown:
            raise PoolError(f"there is no model {shown(unknown[0])}; GET /v1/models lists them")
        given = [names for names in (policy.allow, wanted, wish.caller.allow) if names is not None]
        if not given and not wish.caller.deny:
            return None
        allowed = frozenset(self.setup.router.models).intersection(*given)
        return allowed - frozenset(wish.caller.deny)

    def _place(self, wish: Wish, found: Conversation | None, tied_by: str) -> tuple[str, str]:
        """Model and endpoint where alone a tied request is understood."""
        if found is None or wish.overrides.session is None:
            raise NoEligibleModel(
                f"`{tied_by}` is known only to the endpoint that gave it, and the gateway does not "
                "know which: name the model, or name the session (x-finerouter-session) in every "
                "request of the conversation, from the first on"
            )
        return found.model, found.endpoint

    def _kept(self, found: Conversation | None) -> Kept | None:
        """The model that the conversation is on, if it can still be asked."""
        if found is None or not self._fleet.usable(found.model):
            return None
        margin = self.setup.settings.sticky.margin
        return Kept(found.model, found.cached_tokens, margin, found.endpoint)

    def _choose(
        self,
        wish: Wish,
        estimate: Estimate,
        policy: Policy,
        kept: Kept | None,
        ruled_out: Mapping[str, str],
    ) -> Choice:
        pool, share = self.setup.router.pool, self.setup.settings.explore
        # A conversation is not torn apart, and money not spent, for the sake of learning.
        explores = share and kept is None and not wish.tier_down
        chance = Chance(share, self._draw()) if explores else None
        down = self._down(ruled_out)
        chosen = partial(
            choose,
            estimate,
            policy,
            pool,
            limit_usd=wish.overrides.max_cost_usd,
            kept=kept,
            hidden=self.hidden_from(wish.caller),
        )
        try:
            return chosen(ruled_out={**ruled_out, **down}, chance=chance)
        except NoEligibleModel:
            if not down:
                raise
            # All that could answer are in trouble: better to try one than to refuse.
            return chosen(ruled_out=ruled_out)

    def hidden_from(self, caller: Caller) -> frozenset[str]:
        """Models of the router that a caller's key does not open, and so is not told of."""
        if caller.allow is None and not caller.deny:
            return frozenset()
        return frozenset(name for name in self.setup.router.models if not caller.may_use(name))

    def _down(self, ruled_out: Mapping[str, str]) -> dict[str, str]:
        if self._fleet.untroubled:
            return {}
        return {
            name: "its endpoints are in trouble and left alone for now"
            for name in self.setup.router.models
            if name not in ruled_out and not self._fleet.usable(name)
        }


def _estimator(setup: Setup, crowded: Callable[[], bool]) -> Estimator | EstimatorApart:
    """On the event loop what takes microseconds, apart from it what does not or may not."""
    if setup.router.encoder.spec.kind == "static":
        return Estimator(setup.router, crowded)
    return EstimatorApart(setup.router, setup.settings.timeouts.encode_s)


def _keys(wish: Wish) -> tuple[str, list[str]]:
    return prefixes(wish.caller.name, wish.overrides.session, wish.request.turns)


def _prefer(found: Conversation | None) -> dict[str, str]:
    return {found.model: found.endpoint} if found is not None else {}

"""The state of one endpoint: its client, its slots, and what became of its calls.

Gives leases: leave to call, which ends with what came of it. There is a breaker for the address
and one for each model there: on an endpoint that serves many, a model that is missing or
overloaded shall not take the others along.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from finerouter.asking import Endpoint
from finerouter.gateway.fleet.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from finerouter.gateway.fleet.slots import Slots
from finerouter.gateway.fleet.trouble import Trouble
from finerouter.gateway.settings import GatewaySettings
from finerouter.upstream import Timeouts, Upstream
from finerouter.upstream.client import Connections
from finerouter.upstream.limits import Clock

_logger = logging.getLogger(__name__)

MAX_CONCURRENT = 256
# Uvicorn and Node, which stand in front of most local models, drop a connection that was idle for
# 5 s; the proxies of hosted ones keep it for a minute, and a new one costs a TLS handshake.
_KEEP_PLAIN_S, _KEEP_TLS_S = 4.0, 30.0


@dataclass(frozen=True)
class ModelStanding:
    """How one model of an endpoint does; as in `EndpointStanding`."""

    model: str
    state: str
    failures: int
    until_s: float


@dataclass(frozen=True)
class EndpointStanding:
    """How an endpoint does.

    Attributes:
        name: in the pool.
        state: "closed" (in use), "open" (left alone) or "half_open" (one call tries it). Open also
            where every one of its models is.
        failures: in a row.
        until_s: seconds until it may be asked again, 0 for now.
        under_way: calls.
        last_error: the latest trouble, "" for none so far; with addresses, without keys.
        key_missing: why no key goes out though the pool names one, "" where all is well.
        models: by the names that the endpoint knows.
    """

    name: str
    state: str
    failures: int
    until_s: float
    under_way: int
    last_error: str
    key_missing: str
    models: tuple[ModelStanding, ...]


class EndpointState:
    """One endpoint of a fleet; for one event loop."""

    def __init__(self, endpoint: Endpoint, settings: GatewaySettings, clock: Clock) -> None:
        self.endpoint = endpoint
        self.settings = settings
        self.last_error = ""
        self.slots = Slots(
            endpoint.max_concurrent or MAX_CONCURRENT, endpoint.requests_per_minute, clock
        )
        self.breaker = Breaker(settings.breaker, clock)
        self.models: dict[str, Breaker] = {}
        self.upstream = _upstream(endpoint, settings)
        self._clock = clock
        self._retired = self._closed = False
        self._closing: asyncio.Task[None] | None = None

    def serves(self, models: Sequence[str]) -> None:
        """Keep a breaker for each of these models, and for no others."""
        kept = self.models
        self.models = {
            m: kept.get(m) or Breaker(self.settings.breaker, self._clock) for m in models
        }

    def usable(self, model: str) -> bool:
        """Whether a call may go out now, if there is a slot."""
        breaker = self.models.get(model)
        if self._closed or breaker is None:
            return False
        return self.breaker.usable and breaker.usable

    @property
    def untroubled(self) -> bool:
        """Whether it and its models never were in trouble."""
        breakers = (self.breaker, *self.models.values())
        return not self._closed and all(b.untroubled for b in breakers)

    def remaining_s(self, model: str) -> float:
        """Seconds for which it is left alone."""
        breaker = self.models.get(model)
        return max(self.breaker.remaining_s, breaker.remaining_s if breaker else 0.0)

    async def enter(self, model: str, wait_s: float) -> Lease | None:
        """Leave to call, None where there is none in time."""
        if not await self.slots.enter(wait_s):
            return None
        # While waiting, things may have changed.
        if self.usable(model):
            return Lease(self, self.models[model], model)
        self.leave()
        return None

    def leave(self) -> None:
        """Give a slot back; the last one out closes the connections of a retired endpoint."""
        self.slots.leave()
        if self._retired and self.slots.taken == 0:
            self._closing = asyncio.get_running_loop().create_task(self.upstream.close())

    def retire(self) -> None:
        """Close the connections when the calls that are under way have ended."""
        self._retired = True
        if self.slots.taken == 0:
            self._closing = asyncio.get_running_loop().create_task(self.upstream.close())

    async def close(self) -> None:
        """Close the connections now, for good."""
        self._closed = True
        if self._closing:
            await self._closing
        await self.upstream.close()

    @property
    def curable(self) -> bool:
        """Whether a look at it may end a cool-down early."""
        return self.breaker.curable or any(b.curable for b in self.models.values())

    def seems_well(self) -> None:
        """A look at it found it up."""
        for breaker in (self.breaker, *self.models.values()):
            breaker.seems_well()

    def standing(self) -> EndpointStanding:
        """How it does now."""
        models = tuple(
            ModelStanding(name, b.state, b.failures, b.remaining_s)
            for name, b in self.models.items()
        )
        worst = self.breaker
        if worst.state == CLOSED and self.models:
            # As the best of its models.
            worst = min(self.models.values(), key=lambda b: _BAD[b.state])
        return EndpointStanding(
            self.endpoint.name,
            worst.state,
            max(self.breaker.failures, worst.failures),
            worst.remaining_s,
            self.slots.taken,
            self.last_error,
            self.upstream.key.missing,
            models,
        )


_BAD = {CLOSED: 0, HALF_OPEN: 1, OPEN: 2}


class Lease:
    """Leave for one call; ended once, by `succeeded`, `failed` or `abandon`."""

    def __init__(self, endpoint: EndpointState, breaker: Breaker, model: str) -> None:
        self._endpoint = endpoint
        self._model = model
        self._breakers = (endpoint.breaker, breaker)
        self._permits = tuple(b.enter() for b in self._breakers)
        self._ended = False

    def answered(self) -> None:
        """The answer has begun."""
        for breaker, permit in zip(self._breakers, self._permits, strict=True):
            breaker.answered(permit)

    def succeeded(self) -> None:
        """The answer has come to its end."""
        if self._end():
            for breaker, permit in zip(self._breakers, self._permits, strict=True):
                breaker.succeeded(permit)

    def failed(self, trouble: Trouble) -> None:
        """The call came to nothing, or its answer broke off."""
        if not trouble.blames_endpoint:
            # It said what was wrong with the request: it is up.
            self.succeeded()
        elif self._end():
            self._blame(trouble)

    def abandon(self) -> None:
        """Whoever asked gave up; does nothing after the end."""
        if self._end():
            for breaker, permit in zip(self._breakers, self._permits, strict=True):
                breaker.abandoned(permit)

    def _end(self) -> bool:
        if self._ended:
            return False
        self._ended = True
        self._endpoint.leave()
        return True

    def _blame(self, trouble: Trouble) -> None:
        address, model = self._breakers
        blamed, other = (address, model) if trouble.whole else (model, address)
        mine, others = self._permits if trouble.whole else self._permits[::-1]
        was_open = blamed.state == OPEN
        blamed.failed(mine, retry_after_s=trouble.retry_after_s, firm=trouble.firm)
        if trouble.status and not trouble.whole:
            other.succeeded(others)
        else:
            other.abandoned(others)
        self._tell(trouble, blamed, blamed.state == OPEN and not was_open)

    def _tell(self, trouble: Trouble, blamed: Breaker, opened: bool) -> None:
        words = trouble.detail or trouble.reason
        self._endpoint.last_error = words
        if opened:
            level = logging.WARNING if trouble.may_pass else logging.ERROR
            what = "" if trouble.whole else f", model {self._model!r}"
            name = self._endpoint.endpoint.name
            _logger.log(
                level, "endpoint %r%s: left alone for %.3g s: %s",
                name, what, blamed.remaining_s, words,
            )  # fmt: skip


def _upstream(endpoint: Endpoint, settings: GatewaySettings) -> Upstream:
    tls = endpoint.base_url.startswith("https:")
    times = settings.timeouts
    return Upstream(
        endpoint,
        timeouts=Timeouts(times.connect_s, times.first_byte_s, times.between_chunks_s),
        connections=Connections(keep_s=_KEEP_TLS_S if tls else _KEEP_PLAIN_S, renew=True),
    )

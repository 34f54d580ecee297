"""Calls endpoints until one answers.

Takes models in the order in which they are wanted, with a way to prepare a request for each of
their endpoints; gives the first answer that begins, or `NotReached`. Nothing is tried again once an
answer has begun. Knows nothing of what is asked, of APIs, or of how the models were chosen.

The walk: a model's endpoints, the least loaded first; then, if it has only one, that one once more
after a short wait; then the next model. Where no further model may be asked, the last one's
endpoints are asked again, with growing waits. What the request itself is to blame for ends the
walk, except that a model with a longer context may take what is too long for another.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec import Struct

from finerouter.asking import Asking
from finerouter.errors import EndpointError, FinerouterError
from finerouter.gateway.fleet import Fleet, Prepared
from finerouter.gateway.fleet.answer import Begun, answer
from finerouter.gateway.fleet.endpoint import Lease
from finerouter.gateway.fleet.fleet import Way
from finerouter.gateway.fleet.trouble import BUSY, Kind, Trouble, of_break
from finerouter.gateway.record import Attempt
from finerouter.gateway.settings import Retries
from finerouter.upstream import Stream
from finerouter.upstream.client import TookTooLong

__all__ = ["NotReached", "Prepared", "Reached", "Step", "dispatch"]

# A model's endpoints are asked anew so often, with waits that double: some three seconds in all.
_MOST_WAITS = 4
# The end of a connection's chunks usually comes with the last event, or right after it.
_FINISH_S = 1.0

OnAttempt = Callable[[Attempt], None]


class Step(Struct, frozen=True):
    """One model to try.

    Attributes:
        model: its name in the pool.
        prepare: the request as an endpoint wants it; called once per endpoint.
        prefer: name of the endpoint to ask first, such as the one that has the conversation cached.
        without: names of endpoints that cannot be asked this.
    """

    model: str
    prepare: Callable[[Asking], Prepared]
    prefer: str = ""
    without: frozenset[str] = frozenset()


class NotReached(FinerouterError):
    """No endpoint answered.

    Attributes:
        attempts: every call, in order.
        status: what to tell the client.
        retry_after_s: when asking again may help, None where that is unknown.
        body: what the endpoint said, without its key, where the request is to blame; else b"".
    """

    def __init__(
        self,
        message: str,
        *,
        attempts: tuple[Attempt, ...],
        status: int,
        retry_after_s: float | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.status = status
        self.retry_after_s = retry_after_s
        self.body = body


@dataclass
class Reached:
    """An answer that has begun; `close` is owed, at the end too.

    Attributes:
        step_index, model: which step it was.
        asking: how, and at which endpoint.
        status, headers: of HTTP; names of headers in lower case.
        first: the body's beginning, or all of it where it is not streamed.
        attempts: every call, in order.
    """

    step_index: int
    model: str
    asking: Asking
    status: int
    headers: Mapping[str, str]
    first: bytes
    attempts: tuple[Attempt, ...]
    _lease: Lease = field(repr=False)
    _stream: Stream | None = field(repr=False)

    async def next(self) -> bytes:
        """The next piece of what follows, b"" at the end; then the next call has the connection.

        Raises:
            EndpointError: it broke off; in words fit for clients.
        """
        if self._stream is None:
            return b""
        try:
            chunk = await self._stream.next()
        except EndpointError as error:
            self._lease.failed(of_break(error))
            self._cut()
            raise EndpointError(_broken(error)) from error
        except asyncio.CancelledError:
            self._cut()
            raise
        if not chunk:
            self._lease.succeeded()
            self._cut()
        return chunk

    async def rest(self) -> AsyncIterator[bytes]:
        """All that follows; raises as `next`."""
        while chunk := await self.next():
            yield chunk

    async def finish(self) -> None:
        """The answer has said its last: the endpoint did well, however its connection ends.

        What little may follow is read for a moment, so that the next call can have the connection.
        """
        self._lease.succeeded()
        with suppress(EndpointError, TimeoutError):
            if self._stream is None or self._stream.complete:
                await self._to_end()
                return
            async with asyncio.timeout(_FINISH_S):
                await self._to_end()

    async def close(self) -> None:
        """Cut the connection, if the answer is not at its end, and give the slot back."""
        self._cut()

    async def _to_end(self) -> None:
        while await self.next():
            pass

    def _cut(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None and stream.complete:
            # Left at its last event: the endpoint has done its part.
            self._lease.succeeded()
        elif stream is not None:
            stream.close()
        self._lease.abandon()

    async def __aenter__(self) -> Reached:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def dispatch(
    steps: Sequence[Step], fleet: Fleet, retries: Retries, *, on_attempt: OnAttempt | None = None
) -> Reached:
    """Call endpoints until one answers; cancelling it closes the connection at once.

    Args:
        steps: models, the most wanted first.
        fleet: their endpoints.
        retries: how often, and how long to wait.
        on_attempt: told of every call when it is over or its answer begins.

    Raises:
        NotReached: none did.
    """
    return await _Walk(steps, fleet, retries, on_attempt).run()


class _Walk:
    """One request's way from endpoint to endpoint."""

    def __init__(
        self,
        steps: Sequence[Step],
        fleet: Fleet,
        retries: Retries,
        on_attempt: OnAttempt | None,
    ) -> None:
        self._steps = steps
        self._fleet = fleet
        self._retries = retries
        self._on_attempt = on_attempt
        self._attempts: list[Attempt] = []
        self._troubles: list[Trouble] = []
        self._calls = 0
        self._spent = False

    async def run(self) -> Reached:
        self._fleet.budget.earn()
        for index, step in enumerate(self._steps):
            reached = await self._step(index, step)
            if reached is not None:
                return reached
            if self._troubles and self._troubles[-1].kind is Kind.REFUSED:
                break
        raise self._not_reached()

    async def _step(self, index: int, step: Step) -> Reached | None:
        prepared: dict[str, Prepared] = {}
        waits = 0
        while True:
            outcome = await self._round(index, step, prepared)
            if isinstance(outcome, Reached):
                return outcome
            wait_s = self._wait_s(index, waits) if outcome else None
            if wait_s is None:
                return None
            await asyncio.sleep(wait_s)
            waits += 1

    async def _round(self, index: int, step: Step, prepared: dict[str, Prepared]) -> Reached | bool:
        """Every endpoint of a model once; without an answer, whether another round may help."""
        asked = set(step.without)
        hope = False
        while not self._spent and (way := self._fleet.choice(step.model, asked, step.prefer)):
            name = way.asking.endpoint.name
            asked.add(name)
            if name not in prepared:
                prepared[name] = step.prepare(way.asking)
            outcome = await self._ask(index, way, prepared[name])
            if isinstance(outcome, Reached):
                return outcome
            self._troubles.append(outcome)
            if outcome.kind in (Kind.REFUSED, Kind.TOO_LONG):
                return False
            # Slow ones are not asked again: the client has waited long enough.
            hope = hope or (outcome.may_pass and not outcome.slow)
            self._spent = self._is_spent(outcome)
        return not self._spent and (hope or len(asked) == len(step.without))

    def _is_spent(self, trouble: Trouble) -> bool:
        if self._calls >= self._retries.max_attempts:
            return True
        # The first repeat is free: when an endpoint dies, all that it had under way move elsewhere.
        return self._calls > 1 and trouble.may_pass and not self._fleet.budget.spend()

    async def _ask(self, index: int, way: Way, prepared: Prepared) -> Reached | Trouble:
        limits = self._fleet.settings.limits
        started = self._fleet.clock()
        lease = await way.state.enter(way.asking.upstream_model, limits.max_wait_s)
        if lease is None:
            self._note(index, way, started, BUSY)
            return BUSY
        self._calls += 1
        try:
            begun = await answer(way.state.upstream, prepared, limits.max_answer_bytes)
        except BaseException:
            lease.abandon()
            self._note(index, way, started, _CANCELLED)
            raise
        if isinstance(begun, Trouble):
            lease.failed(begun)
            self._note(index, way, started, begun)
            return begun
        self._note(index, way, started, None, begun.status)
        return self._reached(index, way, begun, lease)

    def _reached(self, index: int, way: Way, begun: Begun, lease: Lease) -> Reached:
        lease.answered()
        if begun.stream is None:
            lease.succeeded()
        return Reached(
            step_index=index,
            model=self._steps[index].model,
            asking=way.asking,
            status=begun.status,
            headers=begun.headers,
            first=begun.first,
            attempts=tuple(self._attempts),
            _lease=lease,
            _stream=begun.stream,
        )

    def _wait_s(self, index: int, waits: int) -> float | None:
        """Seconds until a model's endpoints are asked again, None for leaving it."""
        ways = self._ways(self._steps[index])
        others = any(self._fleet.usable(step.model) for step in self._steps[index + 1 :])
        # With another model at hand, the first is worth one more call, and no waiting in line.
        if not ways or (others and (len(ways) > 1 or waits > 0 or not ways[0].usable)):
            return None
        pause_s = min(way.remaining_s for way in ways)
        if waits >= _MOST_WAITS or pause_s > self._retries.longest_wait_s:
            return None
        own_s = self._retries.first_wait_s * 2.0**waits * random.uniform(0.5, 1.0)
        # On top of a pause, not below it: those who wait for its end must not come together.
        return pause_s + min(own_s, self._retries.longest_wait_s)

    def _ways(self, step: Step) -> tuple[Way, ...]:
        ways = self._fleet.ways(step.model)
        return tuple(way for way in ways if way.asking.endpoint.name not in step.without)

    def _note(
        self, index: int, way: Way, started: float, trouble: Trouble | None, status: int = 0
    ) -> None:
        attempt = Attempt(
            model=self._steps[index].model,
            endpoint=way.asking.endpoint.name,
            status=trouble.status if trouble else status,
            reason=trouble.reason if trouble else "",
            latency_ms=(self._fleet.clock() - started) * 1e3,
            sent=trouble.sent if trouble else True,
        )
        self._attempts.append(attempt)
        if self._on_attempt:
            self._on_attempt(attempt)

    def _not_reached(self) -> NotReached:
        told = _telling(self._troubles)
        return NotReached(
            self._words(),
            attempts=tuple(self._attempts),
            status=_status(told),
            retry_after_s=self._retry_after_s(told),
            body=told.body if told else b"",
        )

    def _words(self) -> str:
        if self._attempts:
            tried = "; ".join(f"{a.model} at {a.endpoint}: {a.reason}" for a in self._attempts)
            return f"no endpoint answered ({tried})"
        models = ", ".join(dict.fromkeys(step.model for step in self._steps)) or "no model"
        return f"no endpoint of {models} may be asked now: all have failed lately; try again later"

    def _retry_after_s(self, told: Trouble | None) -> float | None:
        if told and not told.blames_endpoint and told.kind is not Kind.BUSY:
            return None
        waits = [way.remaining_s for step in self._steps for way in self._ways(step)]
        return max(1.0, min(waits)) if waits else None


_CANCELLED = Trouble(Kind.BUSY, "cancelled")


def _telling(troubles: Sequence[Trouble]) -> Trouble | None:
    """The trouble that the client should hear of: one that may pass, before one that will not."""
    if troubles and troubles[-1].kind is Kind.REFUSED:
        return troubles[-1]
    latest_first = troubles[::-1]
    passing = (t for t in latest_first if t.may_pass or t.kind is Kind.BUSY)
    return next(passing, latest_first[0] if latest_first else None)


def _status(told: Trouble | None) -> int:
    if told is None or told.kind is Kind.BUSY:
        return 503
    if told.kind in (Kind.REFUSED, Kind.TOO_LONG) or told.status == 429:
        return told.status
    if told.slow:
        return 504
    return 503 if told.status in (503, 529) else 502


def _broken(error: EndpointError) -> str:
    if isinstance(error, TookTooLong):
        return "the answer stopped: the model's endpoint sent nothing more in time"
    return "the answer broke off: the model's endpoint closed the connection"

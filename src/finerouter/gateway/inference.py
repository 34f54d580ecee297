"""One request for an answer, from its first byte to its record.

Takes an exchange; answers it. The order of things is here, and none of the things themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType

from finerouter.asking import Asking
from finerouter.gateway.access import Caller
from finerouter.gateway.asgi import ClientGone, Exchange
from finerouter.gateway.dispatching import Prepared, Reached, Step, dispatch
from finerouter.gateway.money.metering import expected_usd
from finerouter.gateway.needs import sent_bytes
from finerouter.gateway.overrides import overrides
from finerouter.gateway.parts import Parts
from finerouter.gateway.planning import Plan, Wish
from finerouter.gateway.preparing import prepared
from finerouter.gateway.record import CANCELLED, ERROR
from finerouter.gateway.refusals import Refusal, refusal
from finerouter.gateway.request import Request, parse
from finerouter.gateway.telling import Telling, break_off
from finerouter.gateway.tracking import Track

# What the APIs call the most tokens of an answer.
_MOST_TOKENS = ("max_tokens", "max_completion_tokens", "max_output_tokens")


async def infer(parts: Parts, api: str, exchange: Exchange) -> None:
    """Serve one request with these parts; never raises."""
    track = Track(api, trace=parts.observer.begin(exchange.headers, api))
    try:
        with parts.admission:
            await _served(parts, track, exchange)
    except ClientGone:
        when = "" if track.requested else " before its request was in"
        track.failed(CANCELLED, 499, f"the client went away{when}")
    except asyncio.CancelledError:
        track.failed(CANCELLED, 499, "the client went away")
        raise
    except Exception as error:
        await _refused(parts, track, exchange, refusal(error))
    finally:
        parts.observe(track)


async def _served(parts: Parts, track: Track, exchange: Exchange) -> None:
    caller = parts.access.caller(exchange.headers, "infer")
    track.key = caller.name
    limits = parts.setup.settings.limits
    body = await exchange.body(limits.max_body_bytes, limits.body_timeout_s)
    request = parse(track.api, body)
    track.requested, track.streamed = request.model, request.stream
    with _WhileWanted(exchange):
        await _answered(parts, track, exchange, caller, request)


async def _answered(
    parts: Parts, track: Track, exchange: Exchange, caller: Caller, request: Request
) -> None:
    wish = Wish(request, caller, overrides(exchange.headers, request.own))
    with parts.budgets.reserved(caller) as reservation:
        plan = await parts.planner.plan(wish.with_tier_down(reservation.tier_down))
        track.plan = plan
        reservation.expects(_expected_usd(parts, plan, request))
        telling = Telling(parts, track, exchange, request, plan, reservation)
        steps = [_step(track, exchange, request, plan, name, telling) for name in plan.order]
        reached = await _reach(parts, track, steps)
        try:
            await telling.tell(reached)
        finally:
            await reached.close()


def _expected_usd(parts: Parts, plan: Plan, request: Request) -> float | None:
    """What to hold for it: the router's word, or a guess for a model asked for by its name."""
    if plan.choice is not None:
        return plan.choice.cost_usd
    limits = [request.fields.get(name) for name in _MOST_TOKENS]
    most = min((item for item in limits if isinstance(item, int)), default=None)
    return expected_usd(
        parts.setup.models[plan.order[0]],
        request_bytes=sent_bytes(request),
        max_tokens=0 if request.api == "embeddings" else most,
    )


async def _reach(parts: Parts, track: Track, steps: Sequence[Step]) -> Reached:
    """Ask one model after another until one begins to answer."""
    retries = parts.setup.settings.retries
    reached = await dispatch(steps, parts.fleet, retries, on_attempt=track.attempted)
    track.model, track.endpoint = reached.model, reached.asking.endpoint.name
    track.first_byte_ms = track.elapsed_ms()
    return reached


def _step(
    track: Track, exchange: Exchange, request: Request, plan: Plan, name: str, telling: Telling
) -> Step:
    ways = plan.ways[name]

    def prepare(asking: Asking) -> Prepared:
        _once_sent(telling.get_ready, name, asking.endpoint.name)
        headers = {**exchange.headers, **track.trace.outgoing(name, asking)}
        return prepared(request, ways.can[asking.endpoint.name], headers)

    return Step(
        model=name,
        prepare=prepare,
        prefer=plan.prefer.get(name, ""),
        without=ways.unfit,
    )


def _once_sent(work: Callable[..., None], *given: str) -> None:
    """Have something done when what is about to be sent is on its way, and waited for."""
    loop = asyncio.get_running_loop()
    # The client library writes in the next turn of the loop.
    loop.call_soon(loop.call_soon, work, *given)


class _WhileWanted:
    """Cancels what is inside when the client goes away; raises ClientGone in that case."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._gone = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        if not self._exchange.watch(self._leave):
            raise ClientGone

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._exchange.unwatch(self._leave)
        if kind is asyncio.CancelledError and self._gone and self._task.uncancel() == 0:
            raise ClientGone from None

    def _leave(self) -> None:
        if not self._exchange.finished:
            self._gone = True
            self._task.cancel()


async def _refused(parts: Parts, track: Track, exchange: Exchange, refusal: Refusal) -> None:
    """Tell the client why there is no answer, in its API's form."""
    track.failed(ERROR, refusal.status, refusal.message)
    # Before the last byte: see `telling`.
    parts.observe(track)
    if exchange.started:
        if not exchange.finished:
            with suppress(Exception):
                await break_off(track.api, exchange)
        return
    # Also where nothing was decided: the line of the log has it.
    tells = parts.setup.settings.explain_headers
    known = {"x-finerouter-decision-id": track.decision_id} if tells else {}
    headers = {**refusal.headers, **known}
    await exchange.answer(refusal.status, refusal.body_for(track.api), headers)

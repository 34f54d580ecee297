"""One request for an answer, from its first byte to its record.

Takes an exchange; answers it. The order of things is here, and none of the things themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from finerouter.asking import Asking
from finerouter.errors import EndpointError
from finerouter.gateway.access import Caller
from finerouter.gateway.answering import AnswerStream, whole_answer
from finerouter.gateway.api_errors import error_body, error_event
from finerouter.gateway.asgi import ClientGone, Exchange
from finerouter.gateway.dispatching import NotReached, Prepared, Reached, Step, dispatch
from finerouter.gateway.explaining import explain_headers
from finerouter.gateway.money.metering import expected_usd, metered
from finerouter.gateway.overrides import overrides
from finerouter.gateway.parts import Parts
from finerouter.gateway.planning import Plan, Wish
from finerouter.gateway.preparing import prepared
from finerouter.gateway.record import BROKEN, CANCELLED, ERROR, OK
from finerouter.gateway.refusals import Refusal, refusal
from finerouter.gateway.request import Request, parse
from finerouter.gateway.tracking import Track
from finerouter.gateway.ways import Way
from finerouter.upstream.usage import Usage

_SSE = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
# What the APIs call the most tokens of an answer.
_MOST_TOKENS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_BROKE_OFF = "the model's answer broke off; ask again"


async def infer(parts: Parts, api: str, exchange: Exchange) -> None:
    """Serve one request with these parts; never raises."""
    track = Track(api, trace=parts.observer.begin(exchange.headers, api))
    try:
        with parts.admission.slot():
            await _served(parts, track, exchange)
    except ClientGone:
        track.failed(CANCELLED, 499, "the client went away before its request was in")
    except asyncio.CancelledError:
        track.failed(CANCELLED, 499, "the client went away")
        raise
    except Exception as error:
        await _refused(track, exchange, refusal(error))
    finally:
        track.latency_ms = track.elapsed_ms()
        parts.observe(track)


async def _served(parts: Parts, track: Track, exchange: Exchange) -> None:
    caller = parts.access.caller(exchange.headers, "infer")
    track.key = caller.name
    limits = parts.setup.settings.limits
    body = await exchange.body(limits.max_body_bytes, limits.body_timeout_s)
    request = parse(track.api, body)
    track.requested, track.streamed = request.model, request.stream
    async with _while_wanted(exchange):
        await _answered(parts, track, exchange, caller, request)


async def _answered(
    parts: Parts, track: Track, exchange: Exchange, caller: Caller, request: Request
) -> None:
    wish = Wish(request, caller, overrides(exchange.headers, request.own))
    with parts.budgets.reserved(caller) as reservation:
        plan = await parts.planner.plan(wish.with_tier_down(reservation.tier_down))
        track.plan = plan
        reservation.expects(_expected_usd(parts, plan, request))
        reached = await _reach(parts, track, exchange, request, plan)
        try:
            await _told(parts, track, exchange, request, plan, reached)
        finally:
            await reached.close()
            reservation.settle(track.cost_usd(parts.setup))
    _remember(parts, track, plan)


def _expected_usd(parts: Parts, plan: Plan, request: Request) -> float | None:
    """What to hold for it: the router's word, or a guess for a model asked for by its name."""
    if plan.choice is not None:
        return plan.choice.cost_usd
    limits = [request.fields.get(name) for name in _MOST_TOKENS]
    most = min((item for item in limits if isinstance(item, int)), default=None)
    return expected_usd(
        parts.setup.models[plan.order[0]],
        request_bytes=len(request.body),
        max_tokens=0 if request.api == "embeddings" else most,
    )


async def _reach(
    parts: Parts, track: Track, exchange: Exchange, request: Request, plan: Plan
) -> Reached:
    """Ask one model after another until one begins to answer."""
    steps = [_step(track, exchange, request, plan, name) for name in plan.order]
    retries = parts.setup.settings.retries
    try:
        reached = await dispatch(steps, parts.fleet, retries, on_attempt=track.trace.attempted)
    except NotReached as error:
        track.attempts = error.attempts
        raise
    track.attempts = reached.attempts
    track.model, track.endpoint = reached.model, reached.asking.endpoint.name
    track.first_byte_ms = track.elapsed_ms()
    return reached


def _step(track: Track, exchange: Exchange, request: Request, plan: Plan, name: str) -> Step:
    ways = plan.ways[name]

    def prepare(asking: Asking) -> Prepared:
        headers = {**exchange.headers, **track.trace.outgoing(name, asking)}
        return prepared(request, ways.can[asking.endpoint.name], headers)

    return Step(
        model=name,
        prepare=prepare,
        prefer=plan.prefer,
        without=ways.unfit,
    )


def _way(plan: Plan, reached: Reached) -> Way:
    return plan.ways[reached.model].can[reached.asking.endpoint.name]


async def _told(
    parts: Parts, track: Track, exchange: Exchange, request: Request, plan: Plan, reached: Reached
) -> None:
    """Pass the answer on, and meter what of it came."""
    way = _way(plan, reached)
    if request.stream:
        await _streamed(parts, track, exchange, request, way, reached)
    else:
        await _whole(parts, track, exchange, request, way, reached)


async def _whole(
    parts: Parts, track: Track, exchange: Exchange, request: Request, way: Way, reached: Reached
) -> None:
    body, usage = whole_answer(request, way, reached.first, model=reached.model)
    track.status = reached.status
    _meter(track, request, usage, len(body))
    await exchange.answer(reached.status, body, _headers(parts, track))


async def _streamed(
    parts: Parts, track: Track, exchange: Exchange, request: Request, way: Way, reached: Reached
) -> None:
    answer = AnswerStream(request, way, reached.model)
    track.status = reached.status
    await exchange.start(reached.status, {**_SSE, **_headers(parts, track)})
    try:
        await _relayed(track, answer, exchange, reached)
    except EndpointError as error:
        await _broke_off(track, exchange, str(error))
    except asyncio.CancelledError:
        # Either nobody listens any more, or the gateway stops: then this is its last word.
        await _broke_off(track, exchange, "the gateway is shutting down", outcome=CANCELLED)
        raise
    finally:
        _meter(track, request, answer.usage, answer.answer_bytes)


async def _relayed(
    track: Track, answer: AnswerStream, exchange: Exchange, reached: Reached
) -> None:
    """Raises EndpointError where the upstream's stream does not come to its proper end."""
    if first := answer.feed(reached.first):
        await exchange.write(first)
    async for chunk in reached.rest:
        if data := answer.feed(chunk):
            await exchange.write(data)
    await exchange.write(answer.end(), last=True)
    if answer.trouble:
        track.failed(BROKEN, track.status, answer.trouble)


async def _broke_off(
    track: Track, exchange: Exchange, reason: str, *, outcome: str = BROKEN
) -> None:
    """End a stream that has begun, in words that the client's library understands."""
    track.failed(outcome, track.status, reason)
    await exchange.write(error_event(track.api, _BROKE_OFF, "api_error"), last=True)


def _meter(track: Track, request: Request, usage: Usage | None, answer_bytes: int) -> None:
    track.tokens = metered(usage, request_bytes=len(request.body), answer_bytes=answer_bytes)


def _headers(parts: Parts, track: Track) -> dict[str, str]:
    if not parts.setup.settings.explain_headers:
        return {}
    return explain_headers(track, track.cost_usd(parts.setup))


def _remember(parts: Parts, track: Track, plan: Plan) -> None:
    """Keep the conversation on the model that has just served it well."""
    if track.outcome == OK and track.tokens is not None and plan.session:
        tokens = track.tokens.input + track.tokens.output
        parts.conversations.remember(plan.session, track.model, track.endpoint, tokens)


@asynccontextmanager
async def _while_wanted(exchange: Exchange) -> AsyncIterator[None]:
    """Cancel what is inside when the client goes away.

    Raises:
        ClientGone: in that case.
    """
    task = asyncio.current_task()
    assert task is not None
    gone = False

    def leave(watch: asyncio.Task[None]) -> None:
        nonlocal gone
        if not watch.cancelled() and not exchange.finished:
            gone = True
            task.cancel()

    watch = asyncio.ensure_future(exchange.gone())
    watch.add_done_callback(leave)
    try:
        yield
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        watch.remove_done_callback(leave)
        watch.cancel()


async def _refused(track: Track, exchange: Exchange, refusal: Refusal) -> None:
    """Tell the client why there is no answer, in its API's form."""
    track.failed(ERROR, refusal.status, refusal.message)
    if exchange.started:
        with suppress(Exception):
            await _broke_off(track, exchange, refusal.message)
        return
    known = {"x-finerouter-decision-id": track.decision_id} if track.plan else {}
    headers = {**refusal.headers, **known}
    body = refusal.body or error_body(track.api, refusal.status, refusal.message, refusal.kind)
    await exchange.answer(refusal.status, body, headers)

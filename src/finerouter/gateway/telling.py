"""Passes an answer that has begun on to the client, and closes the request's books.

Takes what was reached and the request that it belongs to. The books are closed before the last byte
goes out: whoever has an answer whole has its row in the journal's spool, though the process be
killed in that very moment. Knows nothing of how the answer was come by.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from finerouter.errors import EndpointError
from finerouter.gateway.answering import AnswerStream, WholeAnswer
from finerouter.gateway.api_errors import error_event
from finerouter.gateway.asgi import Exchange
from finerouter.gateway.dispatching import Reached
from finerouter.gateway.explaining import explain_headers
from finerouter.gateway.money.budgets import Reservation
from finerouter.gateway.money.metering import metered
from finerouter.gateway.needs import sent_bytes
from finerouter.gateway.parts import Parts
from finerouter.gateway.planning import Plan
from finerouter.gateway.record import BROKEN, CANCELLED, OK
from finerouter.gateway.request import Request
from finerouter.gateway.tracking import Track
from finerouter.gateway.ways import Way
from finerouter.upstream.keys import Key
from finerouter.upstream.usage import Usage

_SSE = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_BROKE_OFF = "the model's answer broke off; ask again"
# Never the error's own words, which may quote the prompt.
_FAILED = "the endpoint sent an error in its stream"
_Ready = tuple[AnswerStream, dict[str, str]]


class Telling:
    """One answer on its way to the client."""

    def __init__(
        self,
        parts: Parts,
        track: Track,
        exchange: Exchange,
        request: Request,
        plan: Plan,
        reservation: Reservation,
    ) -> None:
        self._parts = parts
        self._track = track
        self._exchange = exchange
        self._request = request
        self._plan = plan
        self._reservation = reservation
        self._ready: dict[tuple[str, str], _Ready] = {}

    def get_ready(self, model: str, endpoint: str) -> None:
        """Do ahead what an answer from there will need, while the endpoint works on it."""
        # What cannot be done fails again where the client can be told.
        with suppress(Exception):
            self._track.describe(self._parts.setup)
            if self._request.stream:
                self._ready[model, endpoint] = self._readied(model, endpoint)

    async def tell(self, reached: Reached) -> None:
        """Pass it on to its end."""
        self._track.status = reached.status
        if self._request.stream:
            await self._streamed(reached)
        else:
            await self._whole(reached)

    async def _whole(self, reached: Reached) -> None:
        way = self._way(reached.model, reached.asking.endpoint.name)
        answer = WholeAnswer(self._request, way, reached.first)
        # It is billed, whether or not it can be told to the client.
        self._meter(answer.usage, len(reached.first))
        body = answer.told(reached.model)
        self._close_books()
        headers = self._explained(reached.model, self._track.cost_usd(self._parts.setup))
        await self._exchange.answer(reached.status, body, headers)

    async def _streamed(self, reached: Reached) -> None:
        place = reached.model, reached.asking.endpoint.name
        answer, headers = self._ready.get(place) or self._readied(*place)
        await self._exchange.start(reached.status, headers)
        try:
            await self._relayed(reached, answer)
        except EndpointError as error:
            await self._broke_off(answer, BROKEN, str(error))
        except asyncio.CancelledError:
            # Either nobody listens any more, or the gateway stops: then this is its last word.
            await self._broke_off(answer, CANCELLED, self._why_cancelled())
            raise
        except Exception:
            self._close_stream(answer, BROKEN, "it could not be read")
            raise

    def _readied(self, model: str, endpoint: str) -> _Ready:
        """A stream that has said nothing yet, and its headers."""
        way = self._way(model, endpoint)
        key = Key(way.asking.endpoint.key_env, way.asking.endpoint.key_file)
        answer = AnswerStream(self._request, way, model, key.hidden)
        return answer, {**_SSE, **self._explained(model, None)}

    def _why_cancelled(self) -> str:
        stops = self._parts.admission.draining
        return "the gateway is shutting down" if stops else "the client went away"

    async def _relayed(self, reached: Reached, answer: AnswerStream) -> None:
        """Raises EndpointError where the upstream's stream does not come to its proper end."""
        said = answer.feed(reached.first)
        while not answer.finished:
            if said:
                await self._exchange.write(said)
            chunk = await reached.next()
            if not chunk:
                said = b""
                break
            said = answer.feed(chunk)
        said += answer.end()
        outcome, error = (BROKEN, _FAILED) if answer.failed else (OK, "")
        self._close_stream(answer, outcome, error)
        await self._exchange.write(said, last=True)
        await reached.finish()

    async def _broke_off(self, answer: AnswerStream, outcome: str, reason: str) -> None:
        """End a stream that has begun, in words that the client's library understands."""
        self._close_stream(answer, outcome, reason)
        if not self._exchange.finished:
            await break_off(self._track.api, self._exchange)

    def _close_stream(self, answer: AnswerStream, outcome: str, error: str) -> None:
        if not self._track.ended:
            usage, complete = answer.usage, answer.complete
            # Most endpoints report what it came to, and then nobody needs to count.
            size = 0 if usage is not None and complete else answer.said_bytes()
            self._meter(usage, size, complete=complete)
            self._close_books(outcome, error)

    def _meter(self, usage: Usage | None, answer_bytes: int, *, complete: bool = True) -> None:
        """Count its tokens and charge for them; of charges only the first counts."""
        size = sent_bytes(self._request) if usage is None else 0
        self._track.tokens = metered(
            usage, request_bytes=size, answer_bytes=answer_bytes, complete=complete
        )
        self._reservation.settle(self._track.cost_usd(self._parts.setup))

    def _close_books(self, outcome: str = OK, error: str = "") -> None:
        """Remember and write down; only the first time counts."""
        if outcome != OK:
            self._track.failed(outcome, self._track.status, error)
        self._remember()
        self._parts.observe(self._track)

    def _remember(self) -> None:
        """Keep the conversation on the model that has just served it well."""
        track, session = self._track, self._plan.session
        if track.outcome == OK and track.tokens is not None and session:
            tokens = track.tokens.input + track.tokens.output
            self._parts.conversations.remember(session, track.model, track.endpoint, tokens)

    def _explained(self, model: str, cost_usd: float | None) -> dict[str, str]:
        if not self._parts.setup.settings.explain_headers:
            return {}
        return explain_headers(self._track.decision_id, self._plan.choice, model, cost_usd)

    def _way(self, model: str, endpoint: str) -> Way:
        return self._plan.ways[model].can[endpoint]


async def break_off(api: str, exchange: Exchange) -> None:
    """The last word of a stream that cannot go on."""
    await exchange.write(error_event(api, _BROKE_OFF, "api_error"), last=True)

"""Passes an answer that has begun on to the client, and closes the request's books.

Takes what was reached and the request that it belongs to. The books are closed before the last byte
goes out: whoever has an answer whole has its row in the journal's spool, though the process be
killed in that very moment. Knows nothing of how the answer was come by.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Telling:
    """One answer on its way to the client."""

    parts: Parts
    track: Track
    exchange: Exchange
    request: Request
    plan: Plan
    reached: Reached
    reservation: Reservation

    async def tell(self) -> None:
        """Pass it on to its end."""
        self.track.status = self.reached.status
        if self.request.stream:
            await self._streamed()
        else:
            await self._whole()

    async def _whole(self) -> None:
        first = self.reached.first
        answer = WholeAnswer(self.request, self._way, first)
        # It is billed, whether or not it can be told to the client.
        self._meter(answer.usage, len(first))
        body = answer.told(self.reached.model)
        self._close_books()
        await self.exchange.answer(self.reached.status, body, self._headers())

    async def _streamed(self) -> None:
        endpoint = self.reached.asking.endpoint
        hide = Key(endpoint.key_env, endpoint.key_file).hidden
        answer = AnswerStream(self.request, self._way, self.reached.model, hide)
        await self.exchange.start(self.reached.status, {**_SSE, **self._headers()})
        try:
            await self._relayed(answer)
        except EndpointError as error:
            await self._broke_off(answer, BROKEN, str(error))
        except asyncio.CancelledError:
            # Either nobody listens any more, or the gateway stops: then this is its last word.
            await self._broke_off(answer, CANCELLED, self._why_cancelled())
            raise
        except Exception:
            self._close_stream(answer, BROKEN, "it could not be read")
            raise

    def _why_cancelled(self) -> str:
        stops = self.parts.admission.draining
        return "the gateway is shutting down" if stops else "the client went away"

    async def _relayed(self, answer: AnswerStream) -> None:
        """Raises EndpointError where the upstream's stream does not come to its proper end."""
        said = answer.feed(self.reached.first)
        while not answer.finished:
            if said:
                await self.exchange.write(said)
            chunk = await self.reached.next()
            if not chunk:
                said = b""
                break
            said = answer.feed(chunk)
        said += answer.end()
        outcome, error = (BROKEN, _FAILED) if answer.failed else (OK, "")
        self._close_stream(answer, outcome, error)
        await self.exchange.write(said, last=True)
        await self.reached.finish()

    async def _broke_off(self, answer: AnswerStream, outcome: str, reason: str) -> None:
        """End a stream that has begun, in words that the client's library understands."""
        self._close_stream(answer, outcome, reason)
        if not self.exchange.finished:
            await break_off(self.track.api, self.exchange)

    def _close_stream(self, answer: AnswerStream, outcome: str, error: str) -> None:
        if not self.track.ended:
            usage, complete = answer.usage, answer.complete
            # Most endpoints report what it came to, and then nobody needs to count.
            size = 0 if usage is not None and complete else answer.said_bytes()
            self._meter(usage, size, complete=complete)
            self._close_books(outcome, error)

    def _meter(self, usage: Usage | None, answer_bytes: int, *, complete: bool = True) -> None:
        """Count its tokens and charge for them; of charges only the first counts."""
        size = sent_bytes(self.request) if usage is None else 0
        self.track.tokens = metered(
            usage, request_bytes=size, answer_bytes=answer_bytes, complete=complete
        )
        self.reservation.settle(self.track.cost_usd(self.parts.setup))

    def _close_books(self, outcome: str = OK, error: str = "") -> None:
        """Remember and write down; only the first time counts."""
        if outcome != OK:
            self.track.failed(outcome, self.track.status, error)
        self._remember()
        self.parts.observe(self.track)

    def _remember(self) -> None:
        """Keep the conversation on the model that has just served it well."""
        track, session = self.track, self.plan.session
        if track.outcome == OK and track.tokens is not None and session:
            tokens = track.tokens.input + track.tokens.output
            self.parts.conversations.remember(session, track.model, track.endpoint, tokens)

    def _headers(self) -> dict[str, str]:
        if not self.parts.setup.settings.explain_headers:
            return {}
        return explain_headers(self.track, self.track.cost_usd(self.parts.setup))

    @property
    def _way(self) -> Way:
        return self.plan.ways[self.reached.model].can[self.reached.asking.endpoint.name]


async def break_off(api: str, exchange: Exchange) -> None:
    """The last word of a stream that cannot go on."""
    await exchange.write(error_event(api, _BROKE_OFF, "api_error"), last=True)

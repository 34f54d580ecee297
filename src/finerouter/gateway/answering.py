"""An upstream's answer to the client's, piece by piece or whole.

Takes what was reached; gives bytes for the client and the usage that was reported. Knows nothing of
HTTP on the client's side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from finerouter.errors import EndpointError
from finerouter.gateway.request import Request
from finerouter.gateway.said_bytes import SaidBytes
from finerouter.gateway.sse import Event, EventReader
from finerouter.gateway.translating import translation
from finerouter.gateway.usage_reader import MARK, UsageReader, usage_of
from finerouter.gateway.ways import Way
from finerouter.upstream.usage import Usage

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class AnswerStream:
    """A stream of one answer: feeds on the upstream's chunks, gives the client's.

    Args:
        request, way, model: what was asked, how, and of whom.
        hide: takes the endpoint's key out of a text: some repeat it in their errors.
    """

    def __init__(self, request: Request, way: Way, model: str, hide: Callable[[str], str]) -> None:
        self._hide = hide
        self._reader = EventReader()
        self._usage = UsageReader(way.api)
        self._spoken = translation(request.api, way.api).stream(model=model, asked=request.fields)
        self._said_so_far = SaidBytes()

    def feed(self, chunk: bytes) -> bytes:
        """Bytes for the client.

        Raises:
            EndpointError: this is no stream of events of this API.
        """
        passing = 0 if self._reader.holds_back else self._spoken.passing(chunk)
        if not passing:
            return self._said(self._reader.feed(chunk), len(chunk))
        words, more = chunk[:passing], chunk[passing:]
        self._said_so_far.feed(words, passing)
        return words + self._said(self._reader.feed(more), len(more)) if more else words

    def end(self) -> bytes:
        """What is owed when the upstream's connection has ended.

        Raises:
            EndpointError: the answer broke off before its last word.
        """
        last = self._said(self._reader.rest(), 0)
        if not self._spoken.whole:
            raise EndpointError("the answer broke off: the model's endpoint closed the connection")
        return last + self._spoken.end()

    @property
    def finished(self) -> bool:
        """Whether the upstream has said its very last, or that it has failed."""
        return self._spoken.finished or self.failed

    @property
    def failed(self) -> bool:
        """Whether the upstream sent an error in its stream, which the client has got.

        What it says may quote the prompt: it is for this client only, and for no record.
        """
        return bool(self._spoken.trouble)

    @property
    def usage(self) -> Usage | None:
        """As reported so far."""
        return self._usage.usage

    @property
    def complete(self) -> bool:
        """Whether the answer is all there, and so the usage that was reported its last."""
        return self._spoken.whole and not self.failed

    def said_bytes(self) -> int:
        """Bytes of what the model said: words, thoughts and arguments of calls."""
        return self._said_so_far.count()

    def _said(self, events: list[Event], size: int) -> bytes:
        self._said_so_far.feed(events, size)
        for event in events:
            if MARK in event.data:
                self._usage.feed(event)
        said = b"".join(map(self._spoken.feed, events))
        return self._without_key(said) if self.failed else said

    def _without_key(self, said: bytes) -> bytes:
        text = said.decode("utf-8", "surrogateescape")
        return self._hide(text).encode("utf-8", "surrogateescape")


class WholeAnswer:
    """An answer that came whole: its usage can be known though it cannot be told to the client."""

    def __init__(self, request: Request, way: Way, body: bytes) -> None:
        self._request = request
        self._way = way
        self._body = body
        self._answer = _decoded(body)

    @property
    def usage(self) -> Usage | None:
        """As reported."""
        return usage_of(self._answer, self._way.api) if self._answer is not None else None

    def told(self, model: str) -> bytes:
        """The answer in the client's API; unchanged where the endpoint speaks it.

        Raises:
            EndpointError: there is no answer in it.
        """
        source, target = self._request.api, self._way.api
        if source == target:
            # What the reader does not take (half a surrogate pair, say) the client may.
            return self._body
        if self._answer is None:
            raise EndpointError("the model's endpoint sent something else than an answer")
        translated = translation(source, target)
        return _encode(translated.answer(self._answer, model=model, asked=self._request.fields))


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None

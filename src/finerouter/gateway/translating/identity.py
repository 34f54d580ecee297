"""The translation where client and endpoint speak the same API: bytes pass as they are.

Three things are not passed on: thoughts that this gateway made out of another API's and that no
endpoint would take back, the numbers of tokens that the client did not ask for, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from finerouter.gateway.sse import Event, encode
from finerouter.gateway.translating.protocol import NOTHING, Json, StreamTranslation

_DONE = b"[DONE]"
# A quotation mark inside a text is escaped, so this never matches what a model wrote.
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"')
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_ENDS = {
    "messages": ("message_stop",),
    "responses": ("response.completed", "response.incomplete", "response.failed"),
}


class Identity:
    """Passes on what it is given."""

    def __init__(self, api: str) -> None:
        self._api = api

    def request(self, fields: Mapping[str, Any]) -> Json:
        """A copy, one level deep."""
        return dict(fields)

    def answer(
        self, answer: Mapping[str, Any], *, model: str, asked: Mapping[str, Any] = NOTHING
    ) -> Json:
        """As it is: the endpoint's own name of the model is what it bills."""
        del model, asked
        return dict(answer)

    def stream(self, *, model: str, asked: Mapping[str, Any] = NOTHING) -> StreamTranslation:
        """As it is, without the tokens that only the gateway wanted to know."""
        del model
        if self._api == "chat":
            return _ChatStream(asked)
        return _NamedStream(_ENDS[self._api])


class _ChatStream:
    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.finished = False
        self.whole = False
        self.trouble = ""
        options = asked.get("stream_options")
        self._wants_usage = isinstance(options, Mapping) and bool(options.get("include_usage"))

    def feed(self, event: Event) -> bytes:
        data = event.data
        if data == _DONE:
            self.finished = self.whole = True
        elif not self._wants_usage and b'"usage"' in data and _NO_CHOICES.search(data):
            return b""
        elif not self.whole and _FINISH.search(data):
            self.whole = True
        elif data.startswith(b'{"error"'):
            self.trouble = data.decode("utf-8", "replace")
        return encode(event)

    def end(self) -> bytes:
        """Some servers end without saying so, and some clients wait for it."""
        if self.finished or not self.whole:
            return b""
        self.finished = True
        return encode(Event(data=_DONE))


class _NamedStream:
    """Of the APIs whose events have names."""

    def __init__(self, ends: tuple[str, ...]) -> None:
        self.finished = False
        self.whole = False
        self.trouble = ""
        self._ends = ends

    def feed(self, event: Event) -> bytes:
        if event.event in self._ends:
            self.finished = self.whole = True
        if event.event in ("error", "response.failed"):
            self.trouble = event.data.decode("utf-8", "replace")
        return encode(event)

    def end(self) -> bytes:
        return b""

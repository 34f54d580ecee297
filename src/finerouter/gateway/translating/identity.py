"""The translation where client and endpoint speak the same API: bytes pass as they are.

Two things are not passed on: thoughts in the history that this gateway made out of another API's,
which no endpoint takes back, and the tokens of a chat stream that only the gateway asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from finerouter.gateway.sse import Event, encode, is_plain
from finerouter.gateway.translating.neutral import OUR_REASONING, OUR_SIGNATURE
from finerouter.gateway.translating.protocol import NOTHING, Json, StreamTranslation

_DONE = b"[DONE]"
# Events of a chat that are more than words: tokens, an error, the end.
_MORE = re.compile(rb'"usage"\s*:\s*(?!null|\s)|"error"|data: \[DONE\]')
# A quotation mark inside a text is escaped, so this never matches what a model wrote.
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"')
_FAILED = re.compile(rb'"finish_reason"\s*:\s*"error"')
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
_MARKS = re.compile(
    rb'"signature"\s*:\s*"%b"|"id"\s*:\s*"%b' % (OUR_SIGNATURE.encode(), OUR_REASONING.encode())
)
_TYPE = re.compile(
    rb'"type"\s*:\s*"(error|message_stop|response\.(?:completed|incomplete|failed))"'
)
_ENDS = {
    "messages": ("message_stop",),
    "responses": ("response.completed", "response.incomplete", "response.failed"),
}


class Identity:
    """Passes on what it is given."""

    def __init__(self, api: str) -> None:
        self._api = api

    def request(self, fields: Mapping[str, Any]) -> Json:
        """The same fields, without thoughts that no endpoint takes back."""
        body = dict(fields)
        strip = _STRIP.get(self._api)
        return strip(body) if strip else body

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


def holds_our_thoughts(body: bytes) -> bool:
    """Whether a body may hold thoughts that no endpoint takes back: it must not pass as it came."""
    return _MARKS.search(body) is not None


def _typed(data: bytes) -> str:
    """The name of an event that comes without one, "" where it is none of interest."""
    found = _TYPE.search(data)
    return found[1].decode() if found else ""


def _without_our_thinking(body: Json) -> Json:
    turns = body.get("messages")
    if isinstance(turns, list) and any(map(_holds_ours, turns)):
        cleaned = (_cleaned(turn) if _holds_ours(turn) else turn for turn in turns)
        body["messages"] = [turn for turn in cleaned if turn is not None]
    return body


def _holds_ours(turn: Any) -> bool:
    content = turn.get("content") if isinstance(turn, dict) else None
    return isinstance(content, list) and any(map(_is_ours, content))


def _is_ours(block: Any) -> bool:
    return isinstance(block, dict) and block.get("signature") == OUR_SIGNATURE


def _cleaned(turn: Json) -> Json | None:
    """None where nothing is left: the API refuses empty turns, and joins their neighbours."""
    content = [block for block in turn["content"] if not _is_ours(block)]
    return {**turn, "content": content} if content else None


def _without_our_reasoning(body: Json) -> Json:
    items = body.get("input")
    if isinstance(items, list):
        body["input"] = [item for item in items if not _is_our_reasoning(item)]
    return body


def _is_our_reasoning(item: Any) -> bool:
    return isinstance(item, dict) and str(item.get("id", "")).startswith(OUR_REASONING)


_STRIP = {"messages": _without_our_thinking, "responses": _without_our_reasoning}


class _Chunk(msgspec.Struct):
    """The part of a chat's event that tells an error from an answer."""

    error: Any = None


_chunk = msgspec.json.Decoder(_Chunk)


def _fails(data: bytes) -> bool:
    """Whether a chat's event says that the model gave up; some say it beside choices."""
    try:
        error = _chunk.decode(data).error
    except (msgspec.DecodeError, RecursionError):
        return data.startswith(b'{"error"')
    return bool(error) or _FAILED.search(data) is not None


class _ChatStream:
    def __init__(self, asked: Mapping[str, Any]) -> None:
        self.finished = False
        self.whole = False
        self.trouble = ""
        options = asked.get("stream_options")
        self._wants_usage = isinstance(options, Mapping) and bool(options.get("include_usage"))

    def passing(self, chunk: bytes) -> int:
        more = _MORE.search(chunk)
        words = chunk[: chunk.rfind(b"\n\n", 0, more.start()) + 2] if more else chunk
        if not is_plain(words):
            return 0
        if not self.whole and _FINISH.search(words):
            self.whole = True
        return len(words)

    def feed(self, event: Event) -> bytes:
        data = event.data
        if data == _DONE:
            self.finished = self.whole = True
        elif not self._wants_usage and b'"usage"' in data and _NO_CHOICES.search(data):
            return b""
        elif b'"error"' in data and _fails(data):
            self.trouble, self.whole = data.decode("utf-8", "replace"), True
        elif not self.whole and _FINISH.search(data):
            self.whole = True
        return encode(event)

    def end(self) -> bytes:
        """Some servers end without saying so, and some clients wait for it."""
        if self.finished or self.trouble or not self.whole:
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

    def passing(self, chunk: bytes) -> int:
        del chunk
        return 0

    def feed(self, event: Event) -> bytes:
        name = event.event or _typed(event.data)
        if name in self._ends:
            self.finished = self.whole = True
        if name in ("error", "response.failed"):
            self.trouble, self.whole = event.data.decode("utf-8", "replace"), True
        return encode(event)

    def end(self) -> bytes:
        return b""

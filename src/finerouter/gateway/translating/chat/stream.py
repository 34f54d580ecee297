"""A chat stream read into pieces, and written from blocks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from finerouter.gateway.api_errors import error_event
from finerouter.gateway.sse import Event, encode
from finerouter.gateway.translating.chat.answer import reason, text_of, thought
from finerouter.gateway.translating.neutral import new_id
from finerouter.gateway.translating.pieces import (
    CALL,
    REFUSAL,
    TEXT,
    THOUGHT,
    Argued,
    Called,
    Piece,
    Said,
    decoded,
    failure,
)
from finerouter.gateway.translating.protocol import Json
from finerouter.gateway.translating.usage_forms import chat_usage
from finerouter.upstream.usage import Usage, openai_usage

DONE = b"[DONE]"
_FIELDS = {TEXT: "content", REFUSAL: "refusal", THOUGHT: "reasoning_content"}


class ChatReader:
    """Reads the chunks of a chat endpoint."""

    def __init__(self) -> None:
        self.finished = False
        self.reason = ""
        self._usage: Any = None
        self._calls: dict[Any, tuple[str, str]] = {}  # an index's latest call: its key, its id
        self._count = 0

    @property
    def usage(self) -> Usage | None:
        """Tokens as far as they are known."""
        return openai_usage(self._usage)

    def feed(self, event: Event) -> list[Piece]:
        """What an event says."""
        if event.data == DONE:
            self.finished = True
            self.reason = self.reason or reason(None, bool(self._calls))
            return []
        chunk = decoded(event)
        if chunk.get("error"):
            return [failure(chunk["error"])]
        self._usage = chunk.get("usage") or self._usage
        choices = chunk.get("choices") or ()
        return self._choice(choices[0]) if choices else []

    def _choice(self, choice: Mapping[str, Any]) -> list[Piece]:
        delta = choice.get("delta") or {}
        pieces: list[Piece] = [
            Said(kind, text)
            for kind, text in (
                (THOUGHT, thought(delta)),
                (TEXT, text_of(delta.get("content"))),
                (REFUSAL, delta.get("refusal")),
            )
            if text
        ]
        for call in delta.get("tool_calls") or ():
            pieces += self._call(call)
        if choice.get("finish_reason") == "error":
            pieces.append(failure("the model's endpoint gave up"))
        elif choice.get("finish_reason"):
            self.reason = reason(choice["finish_reason"], bool(self._calls))
        return pieces

    def _call(self, call: Mapping[str, Any]) -> list[Piece]:
        index, function = call.get("index", 0), call.get("function") or {}
        key, known = self._calls.get(index, ("", ""))
        pieces: list[Piece] = []
        # Some servers give every call the index 0: another id is another call.
        if not key or call.get("id") not in (None, "", known):
            self._count += 1
            key, given = str(self._count), call.get("id") or new_id("call_")
            self._calls[index] = (key, given)
            pieces.append(Called(key, given, function.get("name") or ""))
        if function.get("arguments"):
            pieces.append(Argued(key, function["arguments"]))
        return pieces


class ChatWriter:
    """Writes chunks as a chat client reads them."""

    def __init__(self, model: str, asked: Mapping[str, Any]) -> None:
        options = asked.get("stream_options")
        self._wants_usage = isinstance(options, Mapping) and bool(options.get("include_usage"))
        self._frame: Json = {
            "id": new_id("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._kind = ""
        self._calls = 0

    def begin(self, usage: Usage | None) -> bytes:
        """The stream begins."""
        del usage
        return self._delta({"role": "assistant", "content": ""})

    def open(self, kind: str, call_id: str, name: str) -> bytes:
        """A block begins."""
        self._kind = kind
        if kind != CALL:
            return b""
        self._calls += 1
        function = {"name": name, "arguments": ""}
        return self._call({"id": call_id, "type": "function", "function": function})

    def grow(self, text: str) -> bytes:
        """More of the open block."""
        if self._kind == CALL:
            return self._call({"function": {"arguments": text}})
        return self._delta({_FIELDS[self._kind]: text})

    def close(self) -> bytes:
        """The open block is whole."""
        return b""

    def end(self, reason: str, usage: Usage | None) -> bytes:
        """The answer is whole."""
        last = self._delta({}, reason)
        if self._wants_usage and usage:
            last += self._chunk({"choices": [], "usage": chat_usage(usage)})
        return last + encode(Event(data=DONE))

    def fail(self, message: str, kind: str) -> bytes:
        """The answer breaks off."""
        return error_event("chat", message, kind)

    def _call(self, call: Json) -> bytes:
        return self._delta({"tool_calls": [{"index": self._calls - 1, **call}]})

    def _delta(self, delta: Json, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._chunk({"choices": [choice]})

    def _chunk(self, fields: Json) -> bytes:
        return encode(Event(data=msgspec.json.encode({**self._frame, **fields})))

"""A messages stream read into pieces, and written from blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from finerouter.gateway.api_errors import error_event
from finerouter.gateway.sse import Event, encode
from finerouter.gateway.translating.messages.answer import reason, stop_reason, thinks
from finerouter.gateway.translating.neutral import OUR_SIGNATURE, new_id
from finerouter.gateway.translating.pieces import (
    CALL,
    REFUSAL,
    TEXT,
    THOUGHT,
    Argued,
    Called,
    Piece,
    Said,
    Settled,
    decoded,
    failure,
)
from finerouter.gateway.translating.protocol import Json
from finerouter.gateway.translating.usage_forms import messages_usage
from finerouter.upstream.usage import Usage, anthropic_usage

_STARTS: Mapping[str, Json] = {
    TEXT: {"type": "text", "text": ""},
    THOUGHT: {"type": "thinking", "thinking": "", "signature": ""},
}


class MessagesReader:
    """Reads the events of a messages endpoint."""

    def __init__(self) -> None:
        self.finished = False
        self.reason = ""
        self._usage: Json = {}
        self._calls: set[int] = set()

    @property
    def usage(self) -> Usage | None:
        """Tokens as far as they are known."""
        return anthropic_usage(self._usage)

    def feed(self, event: Event) -> list[Piece]:
        """What an event says."""
        data = decoded(event)
        kind = data.get("type", "")
        if kind == "error":
            return [failure(data.get("error"))]
        read: Callable[[Mapping[str, Any]], list[Piece]] | None = {
            "message_start": self._start,
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
            "message_stop": self._stop,
        }.get(kind)
        return read(data) if read else []

    def _start(self, data: Mapping[str, Any]) -> list[Piece]:
        self._add(data["message"].get("usage"))
        return []

    def _block_start(self, data: Mapping[str, Any]) -> list[Piece]:
        block, index = data["content_block"], data["index"]
        if block["type"] == "text":
            return [Said(TEXT, block["text"])] if block.get("text") else []
        if block["type"] != "tool_use":
            return []
        self._calls.add(index)
        pieces: list[Piece] = [Called(str(index), block["id"], block["name"])]
        # Usually empty, and told by deltas; some servers give it whole.
        if block.get("input"):
            pieces.append(Argued(str(index), msgspec.json.encode(block["input"]).decode()))
        return pieces

    def _block_delta(self, data: Mapping[str, Any]) -> list[Piece]:
        delta = data["delta"]
        kind = delta["type"]
        if kind == "text_delta":
            return [Said(TEXT, delta["text"])] if delta["text"] else []
        if kind == "thinking_delta":
            return [Said(THOUGHT, delta["thinking"])] if delta["thinking"] else []
        if kind == "input_json_delta" and data["index"] in self._calls:
            return [Argued(str(data["index"]), delta["partial_json"])]
        return []

    def _block_stop(self, data: Mapping[str, Any]) -> list[Piece]:
        return [Settled(str(data["index"]))] if data["index"] in self._calls else []

    def _message_delta(self, data: Mapping[str, Any]) -> list[Piece]:
        self._add(data.get("usage"))
        if said := data["delta"].get("stop_reason"):
            self.reason = reason(said)
        return []

    def _stop(self, data: Mapping[str, Any]) -> list[Piece]:
        del data
        self.finished = True
        return []

    def _add(self, usage: Any) -> None:
        # The last event's numbers are cumulative, and may leave out what the first one said.
        self._usage |= {name: n for name, n in (usage or {}).items() if n is not None}


class MessagesWriter:
    """Writes events as a messages client reads them."""

    def __init__(self, model: str, asked: Mapping[str, Any]) -> None:
        self._thinks = thinks(asked)
        self._model = model
        self._kind = ""
        self._index = -1
        self._refused = False

    def begin(self, usage: Usage | None) -> bytes:
        """The stream begins."""
        message: Json = {
            "id": new_id("msg_"),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": messages_usage(usage),
        }
        return _event("message_start", message=message)

    def open(self, kind: str, call_id: str, name: str) -> bytes:
        """A block begins."""
        self._kind = kind
        if self._hidden():
            return b""
        self._index += 1
        self._refused |= kind == REFUSAL
        block = _STARTS.get(kind, _STARTS[TEXT])
        if kind == CALL:
            block = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
        return _event("content_block_start", index=self._index, content_block=block)

    def grow(self, text: str) -> bytes:
        """More of the open block."""
        if self._hidden():
            return b""
        if self._kind == CALL:
            return self._delta(type="input_json_delta", partial_json=text)
        if self._kind == THOUGHT:
            return self._delta(type="thinking_delta", thinking=text)
        return self._delta(type="text_delta", text=text)

    def close(self) -> bytes:
        """The open block is whole."""
        if self._hidden():
            return b""
        signed = b""
        if self._kind == THOUGHT:
            signed = self._delta(type="signature_delta", signature=OUR_SIGNATURE)
        return signed + _event("content_block_stop", index=self._index)

    def end(self, reason: str, usage: Usage | None) -> bytes:
        """The answer is whole."""
        said = stop_reason(reason, refused=self._refused)
        delta = {"stop_reason": said, "stop_sequence": None}
        last = _event("message_delta", delta=delta, usage=messages_usage(usage))
        return last + _event("message_stop")

    def fail(self, message: str, kind: str) -> bytes:
        """The answer breaks off."""
        return error_event("messages", message, kind)

    def _hidden(self) -> bool:
        """Whether the open block is of thoughts that the client did not ask to see."""
        return self._kind == THOUGHT and not self._thinks

    def _delta(self, **delta: Any) -> bytes:
        return _event("content_block_delta", index=self._index, delta=delta)


def _event(name: str, **fields: Any) -> bytes:
    return encode(Event(name, msgspec.json.encode({"type": name, **fields})))

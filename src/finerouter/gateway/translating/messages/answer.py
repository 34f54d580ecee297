"""A whole messages answer read into the neutral form, and written from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from finerouter.errors import EndpointError
from finerouter.gateway.translating.neutral import (
    CALLS,
    FILTER,
    LENGTH,
    OUR_SIGNATURE,
    STOP,
    Answer,
    Call,
    Refusal,
    Text,
    Thought,
    new_id,
)
from finerouter.gateway.translating.protocol import Json
from finerouter.gateway.translating.usage_forms import messages_usage
from finerouter.upstream.usage import anthropic_usage

_READ = {
    "max_tokens": LENGTH,
    "model_context_window_exceeded": LENGTH,
    "tool_use": CALLS,
    "refusal": FILTER,
}
_STOP_REASONS = {LENGTH: "max_tokens", CALLS: "tool_use", FILTER: "refusal", STOP: "end_turn"}


def reason(said: Any) -> str:
    """Why the answer ended."""
    return _READ.get(said, STOP) if isinstance(said, str) else STOP


def stop_reason(reason: str, *, refused: bool) -> str:
    """The same in this API's words; others end a refusal like any answer."""
    return "refusal" if refused and reason == STOP else _STOP_REASONS[reason]


def thinks(asked: Mapping[str, Any]) -> bool:
    """Whether the client wants to see thoughts: it may read the first block as the answer."""
    thinking = asked.get("thinking")
    return isinstance(thinking, Mapping) and thinking.get("type") not in (None, "disabled")


def read(answer: Mapping[str, Any]) -> Answer:
    """What a messages endpoint answered."""
    parts = tuple(part for block in answer["content"] if (part := _part(block)) is not None)
    return Answer(parts, reason(answer.get("stop_reason")), anthropic_usage(answer.get("usage")))


def _part(block: Mapping[str, Any]) -> Text | Thought | Call | None:
    kind = block["type"]
    if kind == "text":
        return Text(block["text"]) if block["text"] else None
    if kind == "thinking":
        return Thought(block["thinking"]) if block["thinking"] else None
    if kind == "tool_use":
        arguments = msgspec.json.encode(block.get("input") or {}).decode()
        return Call(block["id"], block["name"], arguments)
    return None


def write(answer: Answer, model: str, asked: Mapping[str, Any]) -> Json:
    """The answer as a message.

    Raises:
        EndpointError: the model called a tool with arguments that are no JSON object.
    """
    shown = [part for part in answer.parts if thinks(asked) or not isinstance(part, Thought)]
    refused = any(isinstance(part, Refusal) for part in answer.parts)
    return {
        "id": new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [_block(part) for part in shown],
        "stop_reason": stop_reason(answer.reason, refused=refused),
        "stop_sequence": None,
        "usage": messages_usage(answer.usage),
    }


def _block(part: Text | Thought | Refusal | Call) -> Json:
    if isinstance(part, Thought):
        return {"type": "thinking", "thinking": part.text, "signature": OUR_SIGNATURE}
    if isinstance(part, Call):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": _input(part)}
    return {"type": "text", "text": part.text}


def _input(call: Call) -> Json:
    try:
        value = msgspec.json.decode(call.arguments)
    except msgspec.DecodeError:
        value = None
    if not isinstance(value, dict):
        raise EndpointError(
            f"the model called {call.name!r} with arguments that are no JSON object, which the "
            "messages API cannot say; ask again, or another model"
        )
    return value

"""A whole responses answer read into the neutral form, and written from it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from finerouter.errors import EndpointError
from finerouter.gateway.translating.neutral import (
    CALLS,
    FILTER,
    LENGTH,
    OUR_REASONING,
    STOP,
    Answer,
    Call,
    Refusal,
    Text,
    Thought,
    new_id,
)
from finerouter.gateway.translating.protocol import Json
from finerouter.gateway.translating.usage_forms import responses_usage
from finerouter.upstream.usage import Usage
from finerouter.upstream.usage import responses_usage as read_usage

_INCOMPLETE = {LENGTH: "max_output_tokens", FILTER: "content_filter"}
# What an answer repeats of the request, with what it says where the request says nothing.
_REPEATED: Json = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
    "reasoning": {"effort": None, "summary": None},
    "text": {"format": {"type": "text"}},
}


def reason(answer: Mapping[str, Any], called: bool) -> str:
    """Why the answer ended."""
    if answer.get("status") == "incomplete":
        said = (answer.get("incomplete_details") or {}).get("reason")
        return FILTER if said == "content_filter" else LENGTH
    return CALLS if called else STOP


def read(answer: Mapping[str, Any]) -> Answer:
    """What a responses endpoint answered."""
    if answer.get("status") == "failed":
        said = (answer.get("error") or {}).get("message")
        raise EndpointError(f"the endpoint says that its model failed: {said}")
    parts = tuple(part for item in answer["output"] for part in _parts(item))
    called = any(isinstance(part, Call) for part in parts)
    return Answer(parts, reason(answer, called), read_usage(answer.get("usage")))


def _parts(item: Mapping[str, Any]) -> list[Text | Thought | Refusal | Call]:
    if item["type"] == "function_call":
        return [Call(item["call_id"], item["name"], item["arguments"] or "{}")]
    if item["type"] == "reasoning":
        held = item.get("summary") or item.get("content") or ()
        return [Thought("".join(part["text"] for part in held))] if held else []
    if item["type"] == "message":
        return [
            Refusal(part["refusal"]) if part["type"] == "refusal" else Text(part["text"])
            for part in item["content"]
        ]
    return []


def write(answer: Answer, model: str, asked: Mapping[str, Any]) -> Json:
    """The answer as a response."""
    output = [_item(part) for part in answer.parts]
    return finished(begun(model, asked), output, answer.reason, answer.usage)


def begun(model: str, asked: Mapping[str, Any]) -> Json:
    """A response of which nothing is there yet."""
    repeated = {
        name: default if asked.get(name) is None else asked[name]
        for name, default in _REPEATED.items()
    }
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": None,
        "store": False,
        "usage": None,
        **repeated,
    }


def finished(begun: Json, output: list[Json], reason: str, usage: Usage | None) -> Json:
    """The same response when all of it is there."""
    cut = _INCOMPLETE.get(reason)
    return {
        **begun,
        "status": "incomplete" if cut else "completed",
        "completed_at": None if cut else int(time.time()),
        "incomplete_details": {"reason": cut} if cut else None,
        "output": output,
        "usage": responses_usage(usage) if usage else None,
    }


def _item(part: Text | Thought | Refusal | Call) -> Json:
    if isinstance(part, Call):
        return call_item(new_id("fc_"), part, "completed")
    if isinstance(part, Thought):
        return thought_item(new_id(OUR_REASONING), part.text)
    return message_item(new_id("msg_"), [content_part(part)], "completed")


def call_item(item_id: str, call: Call, status: str) -> Json:
    """A call as an item of the output."""
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def thought_item(item_id: str, text: str | None) -> Json:
    """Thoughts as an item of the output; None while there are none yet."""
    summary = [] if text is None else [{"type": "summary_text", "text": text}]
    return {"id": item_id, "type": "reasoning", "summary": summary}


def message_item(item_id: str, content: list[Json], status: str) -> Json:
    """Words as an item of the output."""
    return {
        "id": item_id,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def content_part(part: Text | Refusal) -> Json:
    """Words as a part of such an item."""
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}

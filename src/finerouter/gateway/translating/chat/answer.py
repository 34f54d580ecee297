"""A whole chat answer read into the neutral form, and written from it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from finerouter.gateway.translating.neutral import (
    CALLS,
    FILTER,
    LENGTH,
    STOP,
    Answer,
    Call,
    Refusal,
    Text,
    Thought,
    new_id,
)
from finerouter.gateway.translating.protocol import Json
from finerouter.gateway.translating.usage_forms import chat_usage
from finerouter.upstream.usage import openai_usage

_REASONS = {"length": LENGTH, "content_filter": FILTER, "tool_calls": CALLS, "function_call": CALLS}
# Servers differ in what they call thoughts; the API itself has no place for them.
THOUGHTS = ("reasoning_content", "reasoning")


def reason(said: Any, called: bool) -> str:
    """Why the answer ended; some servers say "stop" after calls."""
    found = _REASONS.get(said, STOP) if isinstance(said, str) else STOP
    return CALLS if called and found == STOP else found


def thought(message: Mapping[str, Any]) -> str:
    """The thoughts in a message or a piece of one."""
    for name in THOUGHTS:
        if isinstance(message.get(name), str):
            return str(message[name])
    return ""


def read(answer: Mapping[str, Any]) -> Answer:
    """What a chat endpoint answered."""
    choice = answer["choices"][0]
    message = choice["message"]
    calls = tuple(_call(call) for call in message.get("tool_calls") or ())
    parts = (
        Thought(thought(message)),
        Text(text_of(message.get("content"))),
        Refusal(message.get("refusal") or ""),
    )
    return Answer(
        tuple(part for part in parts if part.text) + calls,
        reason(choice.get("finish_reason"), bool(calls)),
        openai_usage(answer.get("usage")),
    )


def text_of(content: Any) -> str:
    """Some servers answer in parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    return content or ""


def _call(record: Mapping[str, Any]) -> Call:
    function = record["function"]
    arguments = function.get("arguments") or "{}"
    return Call(record.get("id") or new_id("call_"), function["name"], arguments)


def write(answer: Answer, model: str, asked: Mapping[str, Any]) -> Json:
    """The answer as a chat completion."""
    del asked
    choice = {
        "index": 0,
        "message": _message(answer),
        "logprobs": None,
        "finish_reason": answer.reason,
    }
    written: Json = {
        "id": new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
    }
    return {**written, "usage": chat_usage(answer.usage)} if answer.usage else written


def _message(answer: Answer) -> Json:
    said = {
        kind: "".join(part.text for part in answer.parts if isinstance(part, kind))
        for kind in (Text, Refusal, Thought)
    }
    calls = [written_call(part) for part in answer.parts if isinstance(part, Call)]
    message: Json = {
        "role": "assistant",
        "content": said[Text] or (None if calls or said[Refusal] else ""),
        "refusal": said[Refusal] or None,
    }
    if said[Thought]:
        message["reasoning_content"] = said[Thought]
    return {**message, "tool_calls": calls} if calls else message


def written_call(call: Call) -> Json:
    """A call as chat has it."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}

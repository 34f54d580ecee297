"""One answer told by every API of endpoints, whole and streamed, in the shapes of their documents.

A thought, some words, and two calls at once: what there is to translate.
"""

from __future__ import annotations

import json
from typing import Any

from finerouter.gateway.sse import Event

THOUGHT = "Two cities: two calls."
WORDS = "Let me see: grüße 🙂."
CALLS = [
    ("call_paris", "get_weather", {"city": "Paris", "days": 2}),
    ("call_lima", "get_weather", {"city": "Lima"}),
]
INPUT, CACHED, OUTPUT, REASONING = 120, 100, 45, 20
Json = dict[str, Any]
FRAME: Json = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "upstream-name",
}


def arguments(number: int) -> str:
    return json.dumps(CALLS[number][2])


def chat_usage() -> Json:
    return {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": REASONING},
    }


def messages_usage() -> Json:
    return {
        "input_tokens": INPUT - CACHED,
        "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": 0,
        "output_tokens": OUTPUT,
        "output_tokens_details": {"thinking_tokens": REASONING},
    }


def responses_usage() -> Json:
    return {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": 0},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": REASONING},
        "total_tokens": INPUT + OUTPUT,
    }


def chat_call(number: int) -> Json:
    call_id, name, _ = CALLS[number]
    function = {"name": name, "arguments": arguments(number)}
    return {"id": call_id, "type": "function", "function": function}


def chat_answer() -> Json:
    message = {
        "role": "assistant",
        "content": WORDS,
        "reasoning_content": THOUGHT,
        "tool_calls": [chat_call(0), chat_call(1)],
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "upstream-name",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": chat_usage(),
    }


def messages_answer() -> Json:
    calls = [
        {"type": "tool_use", "id": call_id, "name": name, "input": given}
        for call_id, name, given in CALLS
    ]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "upstream-name",
        "content": [
            {"type": "thinking", "thinking": THOUGHT, "signature": "EqQBCg=="},
            {"type": "text", "text": WORDS},
            *calls,
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": messages_usage(),
    }


def responses_items() -> list[Json]:
    calls = [
        {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": call_id,
            "name": name,
            "arguments": arguments(number),
            "status": "completed",
        }
        for number, (call_id, name, _) in enumerate(CALLS)
    ]
    part = {"type": "output_text", "text": WORDS, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": THOUGHT}]},
        {**message, "content": [part]},
        *calls,
    ]


def responses_answer() -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "upstream-name",
        "output": responses_items(),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": responses_usage(),
    }


def completions_answer() -> Json:
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "upstream-name",
        "choices": [{"index": 0, "text": WORDS, "finish_reason": "stop"}],
        "usage": chat_usage(),
    }


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def data(body: Json) -> Event:
    return Event("", json.dumps(body, ensure_ascii=False).encode())


def named(kind: str, **fields: Any) -> Event:
    body = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return Event(kind, body.encode())


def chunk(delta: Json, finish: str | None = None) -> Event:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return data({**FRAME, "choices": [choice]})


def chat_stream() -> list[Event]:
    """The calls alternate, as the API allows."""
    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"reasoning_content": part}) for part in halves(THOUGHT)]
    events += [chunk({"content": part}) for part in halves(WORDS)]
    for number in (0, 1):
        call = chat_call(number)
        call["function"]["arguments"] = ""
        events.append(chunk({"tool_calls": [{"index": number, **call}]}))
    for step in (0, 1):
        for number in (0, 1):
            part = {"index": number, "function": {"arguments": halves(arguments(number))[step]}}
            events.append(chunk({"tool_calls": [part]}))
    events.append(chunk({}, "tool_calls"))
    events.append(data({**FRAME, "choices": [], "usage": chat_usage()}))
    return [*events, Event("", b"[DONE]")]


def block(index: int, start: Json, deltas: list[Json]) -> list[Event]:
    return [
        named("content_block_start", index=index, content_block=start),
        *(named("content_block_delta", index=index, delta=delta) for delta in deltas),
        named("content_block_stop", index=index),
    ]


def messages_stream() -> list[Event]:
    start = {**messages_answer(), "content": [], "stop_reason": None}
    start["usage"] = {**messages_usage(), "output_tokens": 1}
    events = [named("message_start", message=start), named("ping")]
    thoughts = [{"type": "thinking_delta", "thinking": part} for part in halves(THOUGHT)]
    signed = {"type": "signature_delta", "signature": "EqQBCg=="}
    empty = {"type": "thinking", "thinking": "", "signature": ""}
    events += block(0, empty, [*thoughts, signed])
    words = [{"type": "text_delta", "text": part} for part in halves(WORDS)]
    events += block(1, {"type": "text", "text": ""}, words)
    for number, (call_id, name, _) in enumerate(CALLS):
        use = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
        parts = ["", *halves(arguments(number))]
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in parts]
        events += block(2 + number, use, deltas)
    delta = {"stop_reason": "tool_use", "stop_sequence": None}
    events.append(named("message_delta", delta=delta, usage={"output_tokens": OUTPUT}))
    return [*events, named("message_stop")]


def responses_stream() -> list[Event]:
    answer = responses_answer()
    begun = {**answer, "status": "in_progress", "output": []}
    events = [named("response.created", response=begun)]
    deltas = ("reasoning_summary_text", "output_text", "function_call_arguments")
    for index, item in enumerate(responses_items()):
        begun_item = {**item, **({"arguments": ""} if "arguments" in item else {})}
        kind = {"reasoning": deltas[0], "message": deltas[1]}.get(item["type"], deltas[2])
        text = {deltas[0]: THOUGHT, deltas[1]: WORDS}.get(kind) or item["arguments"]
        events.append(named("response.output_item.added", output_index=index, item=begun_item))
        events += [
            named(f"response.{kind}.delta", output_index=index, item_id=item["id"], delta=part)
            for part in halves(text)
        ]
        events.append(named("response.output_item.done", output_index=index, item=item))
    return [*events, named("response.completed", response=answer)]


def completions_stream() -> list[Event]:
    def piece(text: str, finish: str | None = None) -> Event:
        choice = {"index": 0, "text": text, "finish_reason": finish}
        return data({"id": "cmpl-1", "object": "text_completion", "choices": [choice]})

    usage = data({"id": "cmpl-1", "choices": [], "usage": chat_usage()})
    return [*map(piece, halves(WORDS)), piece("", "stop"), usage, Event("", b"[DONE]")]


WHOLE = {
    "chat": chat_answer,
    "messages": messages_answer,
    "responses": responses_answer,
    "completions": completions_answer,
}
STREAMED = {
    "chat": chat_stream,
    "messages": messages_stream,
    "responses": responses_stream,
    "completions": completions_stream,
}

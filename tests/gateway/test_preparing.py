"""A request as one endpoint wants it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from finerouter.asking import Asking, Endpoint, Parameters
from finerouter.gateway.preparing import prepared
from finerouter.gateway.request import parse
from finerouter.gateway.ways import Way

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "finerouter"}
WORDS = {"type": "text", "text": "Hi."}


def sent(source: str, target: str, fields: dict[str, Any], **parameters: Any) -> Any:
    asking = Asking(Endpoint("e", "http://127.0.0.1:1/v1"), "small", Parameters(**parameters))
    request = parse(source, json.dumps({"model": "auto", **fields}).encode())
    return json.loads(prepared(request, Way(asking, target), {}).content)


def test_thoughts_of_ours_go_to_no_endpoint() -> None:
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [THOUGHT, WORDS]},
        {"role": "user", "content": "b"},
    ]
    body = sent("messages", "messages", {"messages": turns, "max_tokens": 5})
    assert body["messages"] == [turns[0], {**turns[1], "content": [WORDS]}, turns[2]]
    items = [{"type": "reasoning", "id": "rs_finerouter_1", "summary": []}, {"role": "user"}]
    assert sent("responses", "responses", {"input": items})["input"] == items[1:]


@pytest.mark.parametrize(
    ("known", "given", "goes_out"),
    [
        ("max_new_tokens", {"max_tokens": 5}, {"max_new_tokens": 5}),
        ("max_new_tokens", {"max_completion_tokens": 5}, {"max_new_tokens": 5}),
        (
            "max_new_tokens",
            {"max_tokens": 5, "max_completion_tokens": 9},
            {"max_new_tokens": 5},
        ),
        ("max_completion_tokens", {"max_tokens": 5}, {"max_completion_tokens": 5}),
        ("max_completion_tokens", {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        ("max_tokens", {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
    ],
)
def test_a_limit_goes_out_under_the_name_that_the_endpoint_was_said_to_know(
    known: str, given: dict[str, int], goes_out: dict[str, int]
) -> None:
    endpoint = Endpoint("e", "http://127.0.0.1:1/v1", max_tokens_name=known)
    fields = {"model": "auto", "messages": [{"role": "user", "content": "a"}]}
    request = parse("chat", json.dumps({**fields, **given}).encode())
    body = json.loads(prepared(request, Way(Asking(endpoint, "small"), "chat"), {}).content)
    assert body == {**fields, "model": "small", **goes_out}


@pytest.mark.parametrize("text", ["half \ud83d of it", "whole"])
def test_what_the_fast_writer_refuses_is_written(text: str) -> None:
    call = {"type": "tool_use", "id": "a", "name": "t", "input": {"text": text, "n": 10**30}}
    turns = [
        {"role": "user", "content": text},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]},
    ]
    body = sent("messages", "chat", {"messages": turns, "max_tokens": 5})
    assert body["messages"][0]["content"] == text
    [written] = body["messages"][1]["tool_calls"]
    assert json.loads(written["function"]["arguments"]) == call["input"]
    same = sent("messages", "messages", {"messages": turns, "max_tokens": 5}, system="S")
    assert same["messages"] == turns

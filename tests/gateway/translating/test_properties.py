"""What holds of any conversation, any body, any stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finerouter.asking import Parameters
from finerouter.errors import EndpointError
from finerouter.gateway.sse import Event, EventReader
from finerouter.gateway.translating import obstacles, translation
from finerouter.gateway.translating.protocol import CLIENT_APIS, ENDPOINT_APIS
from tests.gateway.translating import stories

Json = dict[str, Any]
PAIRS = [(a, b) for a in CLIENT_APIS for b in ENDPOINT_APIS]
OTHERS = [(a, b) for a, b in PAIRS if a != b]
FIELDS = (
    *("messages", "input", "system", "instructions", "tools", "tool_choice", "stop", "text", "n"),
    *("max_tokens", "temperature", "reasoning", "response_format", "output_config", "metadata"),
    *("include", "context_management"),
)
KINDS = (
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
    *("message_delta", "message_stop", "response.completed", "response.output_item.added"),
    *("response.output_text.delta", "error"),
)
words = st.text(min_size=1, max_size=12).filter(str.strip)
names = st.from_regex("[a-zA-Z0-9_-]{1,12}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
fields_of_calls = st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(-9, 9))


@st.composite
def conversations(draw: st.DrawFn) -> Json:
    """A chat body: system prompts, then questions, answers, calls and their results."""
    turns: list[Json] = [
        {"role": "system", "content": text} for text in draw(st.lists(words, max_size=1))
    ]
    turns.append({"role": "user", "content": draw(words)})
    for _ in range(draw(st.integers(0, 3))):
        calls = draw(st.lists(fields_of_calls, max_size=3))
        said = draw(words) if not calls else draw(st.none() | words)
        answer: Json = {"role": "assistant", "content": said}
        if calls:
            answer["tool_calls"] = [
                {
                    "id": f"call_{len(turns)}_{number}",
                    "type": "function",
                    "function": {"name": draw(names), "arguments": json.dumps(given)},
                }
                for number, given in enumerate(calls)
            ]
        turns.append(answer)
        turns += [
            {"role": "tool", "tool_call_id": call["id"], "content": draw(words)}
            for call in answer.get("tool_calls", ())
        ]
        turns.append({"role": "user", "content": draw(words)})
    return {"model": "auto", "messages": turns}


def said(body: Json) -> list[tuple[Any, ...]]:
    """Who said what, with calls and results, arguments as values."""
    return [
        (
            turn["role"],
            turn["content"],
            turn.get("tool_call_id"),
            [
                (c["id"], c["function"]["name"], json.loads(c["function"]["arguments"]))
                for c in turn.get("tool_calls", ())
            ],
        )
        for turn in body["messages"]
    ]


@pytest.mark.parametrize("by_way_of", ["messages", "responses"])
@given(body=conversations())
def test_there_and_back_keeps_all_that_was_said(by_way_of: str, body: Json) -> None:
    assert obstacles(body, "chat", by_way_of, Parameters()) == []
    there = translation("chat", by_way_of).request(body)
    assert obstacles(there, by_way_of, "chat", Parameters()) == []
    back = translation(by_way_of, "chat").request(there)
    assert said(back) == said(body)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@given(
    extra=st.dictionaries(
        st.sampled_from(FIELDS),
        values,
    ),
    content=values,
    part=st.dictionaries(st.sampled_from(["type", "text", "source", "image_url", "id"]), values),
)
@example(extra={"tools": [{"type": ["x"]}]}, content=[{"type": {}}], part={})
@example(extra={}, content=[{"type": "tool_use", "input": {"n": 1 << 70}}], part={})
def test_any_body_is_refused_or_translated(
    source: str, target: str, extra: Json, content: Any, part: Json
) -> None:
    turns = [{"role": "user", "content": content}, {"role": "user", "content": [part]}]
    body = {"messages": turns, "input": turns, **extra}
    found = obstacles(body, source, target, Parameters())
    assert all(isinstance(note, str) and note for note in found)
    if not found:
        json.dumps(translation(source, target).request(body))


@pytest.mark.parametrize(("source", "target"), PAIRS)
@given(
    bodies=st.lists(
        values
        | st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(KINDS),
                "choices": values,
                "delta": values,
                "index": values,
                "error": values,
            },
        ),
        max_size=4,
    )
)
def test_any_stream_is_translated_or_refused(source: str, target: str, bodies: list[Any]) -> None:
    stream = translation(source, target).stream(model="m")
    try:
        for body in bodies:
            stream.feed(Event("", json.dumps(body).encode()))
    except EndpointError:
        return
    assert stream.finished or not stream.end() or stream.whole


@pytest.mark.parametrize(("source", "target"), OTHERS)
@given(answer=st.dictionaries(st.sampled_from(["choices", "content", "output", "usage"]), values))
def test_any_answer_is_translated_or_refused(source: str, target: str, answer: Json) -> None:
    try:
        json.dumps(translation(source, target).answer(answer, model="m"))
    except EndpointError:
        return


@st.composite
def spoilt(draw: st.DrawFn, story: Any) -> Any:
    """A story with one value somewhere in it replaced by another."""
    if draw(st.integers(0, 5)) == 0 or not isinstance(story, dict | list) or not story:
        return draw(values)
    if isinstance(story, list):
        at = draw(st.integers(0, len(story) - 1))
        return [*story[:at], draw(spoilt(story[at])), *story[at + 1 :]]
    name = draw(st.sampled_from(sorted(story)))
    return {**story, name: draw(spoilt(story[name]))}


@pytest.mark.parametrize(("source", "target"), OTHERS)
@given(data=st.data())
def test_a_spoilt_answer_is_translated_or_refused(source: str, target: str, data: Any) -> None:
    answer = data.draw(spoilt(stories.WHOLE[target]()))
    if isinstance(answer, dict):
        try:
            json.dumps(translation(source, target).answer(answer, model="m"))
        except EndpointError:
            return


@pytest.mark.parametrize(("source", "target"), OTHERS)
@given(data=st.data())
def test_a_spoilt_stream_is_translated_or_refused(source: str, target: str, data: Any) -> None:
    events = stories.STREAMED[target]()
    at = data.draw(st.integers(0, len(events) - 2))
    try:
        body = data.draw(spoilt(json.loads(events[at].data)))
        events[at] = Event(events[at].event, json.dumps(body).encode())
    except json.JSONDecodeError:
        return
    stream = translation(source, target).stream(model="m")
    try:
        for event in events:
            stream.feed(event)
        stream.end()
    except EndpointError:
        return


CALLS = {f"c{number}": {"n": number, "t": "x" * number} for number in range(4)}


@st.composite
def alternating(draw: st.DrawFn) -> list[Event]:
    """Chunks of a chat stream in which calls begin and go on in any order."""
    left = {index: json.dumps(given) for index, given in enumerate(CALLS.values())}
    begun: set[int] = set()
    events = []
    while left:
        index = draw(st.sampled_from(sorted(left)))
        size = draw(st.integers(1, 9))
        call: Json = {"index": index, "function": {"arguments": left[index][:size]}}
        if index not in begun:
            call |= {"id": f"c{index}", "type": "function"}
            call["function"]["name"] = f"tool{index}"
            begun.add(index)
        left[index] = left[index][size:]
        if not left[index]:
            del left[index]
        events.append(stories.chunk({"tool_calls": [call]}))
    return [*events, stories.chunk({}, "tool_calls"), Event("", b"[DONE]")]


@given(alternating())
def test_calls_told_alternately_are_blocks_one_after_the_other(events: list[Event]) -> None:
    stream = translation("messages", "chat").stream(model="m")
    raw = b"".join(map(stream.feed, events))
    found: dict[str, str] = {}
    current, open_index = "", None
    for event in EventReader().feed(raw):
        body = json.loads(event.data)
        if event.event == "content_block_start":
            assert open_index is None
            open_index, current = body["index"], body["content_block"]["id"]
            found[current] = ""
        elif event.event == "content_block_delta":
            assert body["index"] == open_index
            found[current] += body["delta"]["partial_json"]
        elif event.event == "content_block_stop":
            assert body["index"] == open_index
            open_index = None
    assert {call_id: json.loads(text) for call_id, text in found.items()} == CALLS

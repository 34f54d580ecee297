"""Streams: how they end, break, and what servers do that the documents do not say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from finerouter.errors import EndpointError
from finerouter.gateway.sse import Event, EventReader, encode
from finerouter.gateway.translating import translation
from finerouter.gateway.translating.chat.stream import ChatReader
from finerouter.gateway.translating.protocol import CLIENT_APIS, ENDPOINT_APIS
from finerouter.gateway.translating.responses.events import ResponsesWriter
from finerouter.gateway.translating.translated import TranslatedStream
from tests.gateway.translating import stories

PAIRS = [(a, b) for a in CLIENT_APIS for b in ENDPOINT_APIS]
EVENTS = {
    "chat": TypeAdapter(ChatCompletionChunk),
    "messages": TypeAdapter(RawMessageStreamEvent),
    "responses": TypeAdapter(ResponseStreamEvent),
}
DONE = b"data: [DONE]\n\n"


def bodies(raw: bytes) -> list[Any]:
    events = EventReader().feed(raw)
    return [json.loads(event.data) for event in events if event.data != b"[DONE]"]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_event_is_one_that_the_client_library_knows(source: str, target: str) -> None:
    if source == target:
        return
    stream = translation(source, target).stream(model="m")
    raw = b"".join(map(stream.feed, stories.STREAMED[target]())) + stream.end()
    for body in bodies(raw):
        EVENTS[source].validate_python(body)
    assert stream.finished
    assert stream.whole
    assert stream.end() == b""


@pytest.mark.parametrize("api", CLIENT_APIS)
def test_the_same_api_passes_as_it_is(api: str) -> None:
    stream = translation(api, api).stream(
        model="m", asked={"stream_options": {"include_usage": True}}
    )
    events = stories.STREAMED[api]()
    for number, event in enumerate(events):
        assert not stream.finished, number
        assert stream.feed(event) == encode(event)
    assert stream.finished
    assert stream.end() == b""
    assert translation(api, api).answer({"x": 1}, model="m") == {"x": 1}


@pytest.mark.parametrize("source", CLIENT_APIS)
def test_a_chat_server_that_does_not_say_that_it_is_done(source: str) -> None:
    stream = translation(source, "chat").stream(model="m")
    for event in stories.chat_stream()[:-1]:
        stream.feed(event)
    assert not stream.finished
    assert stream.whole
    last = stream.end()
    expected = {"chat": "[DONE]", "messages": "message_stop", "responses": "response.completed"}
    assert expected[source].encode() in last
    assert stream.end() == b""


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_stream_that_is_cut_is_not_whole_and_is_owed_nothing(source: str, target: str) -> None:
    stream = translation(source, target).stream(model="m")
    for event in stories.STREAMED[target]()[:2]:
        stream.feed(event)
    assert not stream.whole
    assert stream.end() == b""


@pytest.mark.parametrize("source", CLIENT_APIS)
@pytest.mark.parametrize(
    ("target", "event"),
    [
        ("chat", stories.data({"error": {"message": "out of memory", "type": "server_error"}})),
        ("completions", stories.data({"error": "out of memory"})),
        ("messages", stories.named("error", error={"message": "out of memory"})),
        ("responses", stories.named("error", message="out of memory", code="server_error")),
        ("responses", stories.named(
            "response.failed", response={"error": {"message": "out of memory"}})),
    ],
)  # fmt: skip
def test_an_error_in_the_stream_reaches_the_client(source: str, target: str, event: Event) -> None:
    stream = translation(source, target).stream(model="m")
    raw = stream.feed(stories.STREAMED[target]()[0]) + stream.feed(event)
    assert b"out of memory" in raw
    assert "out of memory" in stream.trouble
    assert stream.whole  # nothing more is owed
    assert b"message_stop" not in raw + stream.end()
    if source != target:
        assert stream.feed(stories.STREAMED[target]()[-1]) == b""


def test_calls_that_all_have_the_index_zero_are_several() -> None:
    messages = translation("messages", "chat").stream(model="m")
    calls = [{**stories.chat_call(number), "index": 0} for number in (0, 1)]
    raw = messages.feed(stories.chunk({"tool_calls": calls}, "stop"))
    raw += messages.feed(Event("", b"[DONE]"))
    starts = [body["content_block"] for body in bodies(raw) if "content_block" in body]
    assert [start["id"] for start in starts] == [call[0] for call in stories.CALLS]
    # Said "stop", but it called.
    assert bodies(raw)[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_call_without_arguments_has_an_empty_object() -> None:
    stream = translation("chat", "messages").stream(model="m")
    use = {"type": "tool_use", "id": "a", "name": "now", "input": {}}
    events = [stories.messages_stream()[0], *stories.block(0, use, [])]
    raw = b"".join(map(stream.feed, events))
    last = bodies(raw)[-1]["choices"][0]["delta"]["tool_calls"][0]
    assert last == {"index": 0, "function": {"arguments": "{}"}}


def test_words_come_as_soon_as_they_are_there() -> None:
    stream = translation("messages", "chat").stream(model="m")
    assert b"message_start" in stream.feed(stories.chunk({"role": "assistant"}))
    assert b"text_delta" in stream.feed(stories.chunk({"content": "Hel"}))
    assert b'"lo"' in stream.feed(stories.chunk({"content": "lo"}))


@pytest.mark.parametrize(
    "data", [b"<html>", b"5", b'{"choices": 5}', b'{"choices": [{"delta": 1}]}']
)
def test_what_is_no_event_is_an_endpoints_error(data: bytes) -> None:
    with pytest.raises(EndpointError, match="stream"):
        translation("messages", "chat").stream(model="m").feed(Event("", data))


def test_what_is_no_answer_is_an_endpoints_error() -> None:
    for target in ENDPOINT_APIS[1:]:
        with pytest.raises(EndpointError, match="holds no answer"):
            translation("chat", target).answer({}, model="m")
    failed = {"status": "failed", "error": {"message": "too hot"}}
    with pytest.raises(EndpointError, match="too hot"):
        translation("chat", "responses").answer(failed, model="m")


def test_arguments_that_are_no_object_cannot_be_said_in_messages() -> None:
    answer = stories.chat_answer()
    answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = "[1"
    with pytest.raises(EndpointError, match="no JSON object"):
        translation("messages", "chat").answer(answer, model="m")


def test_a_response_repeats_what_was_asked() -> None:
    asked = {"instructions": "Be kind.", "temperature": 0.5, "tools": [{"type": "function"}]}
    answer = translation("responses", "chat").answer(stories.chat_answer(), model="m", asked=asked)
    assert {name: answer[name] for name in asked} == asked
    assert answer["store"] is False


def test_an_answer_without_end_is_refused() -> None:
    stream = TranslatedStream(ChatReader(), ResponsesWriter("m", {}), "chat", most_chars=100)
    for _ in range(10):
        stream.feed(stories.chunk({"content": "x" * 10}))
    with pytest.raises(EndpointError, match="longer than 100 characters"):
        stream.feed(stories.chunk({"content": "x"}))

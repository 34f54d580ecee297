"""Tokens from whole answers and from streams, of every API."""

from __future__ import annotations

import pytest

from finerouter.gateway.sse import Event
from finerouter.gateway.usage_reader import UsageReader, usage_of
from finerouter.upstream.usage import Usage
from tests.gateway.translating import stories

EXPECTED = Usage(
    input_tokens=stories.INPUT,
    output_tokens=stories.OUTPUT,
    cached_input_tokens=stories.CACHED,
    reasoning_tokens=stories.REASONING,
)


@pytest.mark.parametrize("api", stories.WHOLE)
def test_whole_and_streamed_say_the_same(api: str) -> None:
    assert usage_of(stories.WHOLE[api](), api) == EXPECTED
    reader = UsageReader(api)
    for event in stories.STREAMED[api]():
        reader.feed(event)
    assert reader.usage == EXPECTED


@pytest.mark.parametrize("api", stories.WHOLE)
def test_nothing_said_is_nothing_known(api: str) -> None:
    reader = UsageReader(api)
    for data in (b"", b"[DONE]", b'{"usage', b'{"usage": 5}', b'{"usage": null}', b'["usage"]'):
        reader.feed(Event("", data))
    assert reader.usage is None
    assert usage_of({"usage": []}, api) is None


def test_a_messages_stream_that_breaks_off_has_its_input_counted() -> None:
    reader = UsageReader("messages")
    for event in stories.messages_stream()[:4]:
        reader.feed(event)
    assert reader.usage is not None
    assert (reader.usage.input_tokens, reader.usage.output_tokens) == (stories.INPUT, 1)


def test_embeddings_have_no_output() -> None:
    answer = {"usage": {"prompt_tokens": 7, "total_tokens": 7}}
    assert usage_of(answer, "embeddings") == Usage(input_tokens=7, output_tokens=0)


def test_words_about_usage_are_no_usage() -> None:
    reader = UsageReader("chat")
    reader.feed(stories.chunk({"content": '{"usage": {"prompt_tokens": 1}}'}))
    assert reader.usage is None

"""However a stream is cut on its way, the client gets the same and the gateway learns the same."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.asking import Asking, Endpoint
from finerouter.gateway.answering import AnswerStream
from finerouter.gateway.request import parse
from finerouter.gateway.ways import Way


def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


WAY = Way(Asking(Endpoint("e", "http://localhost:1/v1"), "m"), "chat")
USAGE = {"prompt_tokens": 7, "completion_tokens": 9}
EVENTS = (
    *(chunk({"content": word}) for word in ("one ", 'a "usage": 5 of words', "[DONE]", "zwei\n")),
    chunk({"content": "nothing yet"}) | {"usage": None},
    {"choices": [], "usage": USAGE},
    {"error": {"message": "no more", "code": 500}},
    chunk({}, "stop"),
    chunk({}, "error"),
)
WRITTEN = (
    *(f"data: {json.dumps(event)}\n\n" for event in EVENTS),
    "data: [DONE]\n\n",
    ": still there\n\n",
    "data:{}\n\n",
    "event: odd\ndata: {}\n\n",
    "data: {\ndata: }\n\n",
    "data: {}\r\n\r\n",
    "\n",
)


def stream(*, asks_usage: bool) -> AnswerStream:
    fields: dict[str, Any] = {"model": "auto", "messages": [], "stream": True}
    if asks_usage:
        fields["stream_options"] = {"include_usage": True}
    return AnswerStream(parse("chat", json.dumps(fields).encode()), WAY, "m", str)


def told(chunks: list[bytes], *, asks_usage: bool) -> tuple[Any, ...]:
    answer = stream(asks_usage=asks_usage)
    said = b""
    for piece in chunks:
        # As `telling` does: what comes after the end is not read.
        if not answer.finished:
            said += answer.feed(piece)
    return said, answer.finished, answer.failed, answer.complete, answer.usage, answer.said_bytes()


@given(
    events=st.lists(st.sampled_from(WRITTEN), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 2_000), max_size=5),
    asks_usage=st.booleans(),
)
def test_cuts_change_nothing(events: list[str], cuts: list[int], *, asks_usage: bool) -> None:
    # What an end is followed by depends on what came with it.
    ends = [at for at, event in enumerate(events) if "[DONE]\n" in event or '"error"' in event]
    events = events[: ends[0] + 1] if ends else events
    whole = "".join(events).encode()
    places = sorted({0, *(cut % (len(whole) + 1) for cut in cuts), len(whole)})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    by_byte = [whole[at : at + 1] for at in range(len(whole))]
    assert told(pieces, asks_usage=asks_usage) == told(by_byte, asks_usage=asks_usage)
    assert told([whole], asks_usage=asks_usage) == told(by_byte, asks_usage=asks_usage)


@pytest.mark.parametrize("asks_usage", [True, False])
def test_words_pass_as_they_came_and_the_tokens_only_where_asked_for(*, asks_usage: bool) -> None:
    words = f"data: {json.dumps(EVENTS[0], indent=None)}  \n\n".encode()
    tokens = f"data: {json.dumps(EVENTS[5])}\n\n".encode()
    answer = stream(asks_usage=asks_usage)
    assert answer.feed(words + tokens) == words + (tokens if asks_usage else b"")
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (7, 9)
    assert answer.said_bytes() == len("one ")

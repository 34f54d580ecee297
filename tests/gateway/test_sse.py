"""Server-sent events: the same events however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.errors import EndpointError
from finerouter.gateway.sse import Event, EventReader, encode

STREAM = (
    ": a comment\r\n\r\n"
    "event: greeting\r\ndata: {\"text\":\"grüß dich 🙂\"}\r\n\r\n"
    "data:no space\rdata: second line\r\r"
    "id: 7\nretry: 10\ndata\ndata:  two spaces\n\n"
    "event: without data\n\n"
    "data: [DONE]\n\n"
).encode()  # fmt: skip
EVENTS = [
    Event("greeting", '{"text":"grüß dich 🙂"}'.encode()),
    Event("", b"no space\nsecond line"),
    Event("", b"\n two spaces"),
    Event("", b"[DONE]"),
]


def read(chunks: list[bytes], reader: EventReader | None = None) -> list[Event]:
    reader = reader or EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[a:b] for a, b in itertools.pairwise(ends)]


def test_whole_and_byte_by_byte() -> None:
    assert read([STREAM]) == EVENTS
    assert read([STREAM[n : n + 1] for n in range(len(STREAM))]) == EVENTS


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_gives_the_same_events(places: list[int]) -> None:
    assert read(cut(STREAM, places)) == EVENTS


@given(
    st.lists(
        st.builds(Event, st.from_regex("[a-z_.]{0,9}", fullmatch=True), st.binary(min_size=1))
    ),
    st.lists(st.integers(0, 10_000), max_size=8),
)
def test_what_is_encoded_is_read_again(events: list[Event], places: list[int]) -> None:
    stream = b"".join(map(encode, events))
    # Inside data, every end of a line becomes a line feed.
    lines = [e.data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") for e in events]
    expected = [Event(e.event, data) for e, data in zip(events, lines, strict=True)]
    assert read(cut(stream, places)) == expected


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_any_bytes_are_read_alike_however_they_are_cut(chunks: list[bytes]) -> None:
    assert read(chunks) == read([b"".join(chunks)])


PIECES = [
    b"data: {}\n\n", b"data: [DONE]\n\n", b"data: \n\n", b"data:{}\n\n", b"data: a\ndata: b\n\n",
    b"event: x\n", b"\n", b"\r", b"data: a\r\n\r\n", b": ping\n\n", b"\n\ndata: c\n\n",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES)).map(b"".join), max_size=6))
def test_chunks_of_whole_events_are_read_as_any_other(chunks: list[bytes]) -> None:
    stream = b"".join(chunks)
    assert read(chunks) == read([stream[n : n + 1] for n in range(len(stream))])


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert read([b"\xef\xbb", b"\xbfdata: x\n\n"]) == [Event("", b"x")]


def test_an_event_is_given_as_soon_as_its_empty_line_begins() -> None:
    reader = EventReader()
    assert reader.feed(b"data: x\r\n\r") == [Event("", b"x")]
    assert reader.feed(b"\ndata: y\n\n") == [Event("", b"y")]


def test_a_last_event_without_an_empty_line_is_had_by_asking_for_it() -> None:
    reader = EventReader()
    assert reader.feed(b"data: [DONE]") == []
    assert reader.rest() == [Event("", b"[DONE]")]


@pytest.mark.parametrize("piece", [b"x" * 100, b"data: x\n" * 20])
def test_an_endless_event_is_refused(piece: bytes) -> None:
    reader = EventReader(most_bytes=1_000)
    with pytest.raises(EndpointError, match="longer than 1000 bytes"):
        read([piece] * 20, reader)


def test_endless_comments_are_none() -> None:
    reader = EventReader(most_bytes=1_000)
    for _ in range(500):
        assert reader.feed(b": still ") == []
        assert reader.feed(b"here\n\n") == []

"""The HTTP client, against a server on the loopback interface."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from finerouter.asking import Endpoint
from finerouter.errors import ConfigError, EndpointError, UserError
from finerouter.upstream import Patience, Reply, Timeouts, Upstream
from finerouter.upstream.blocking import BlockingUpstream
from finerouter.upstream.client import Connections, encoded
from finerouter.upstream.limits import Limits
from tests import loopback
from tests.loopback import FAULTS, Fault, LoopbackUpstream

OK = loopback.Reply(body='{"fine": true}')
KEY = "sk-not-to-be-seen"
Canned = loopback.Reply


@dataclass
class FakeTime:
    """A clock that runs only while somebody sleeps."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


Use = Callable[..., Any]


@pytest.fixture
def use(server: LoopbackUpstream, time: FakeTime) -> Use:
    """Run something with a client of the server: `use(lambda upstream: upstream.post(...))`."""

    def run(work: Callable[[Upstream], Awaitable[Any]], **options: Any) -> Any:
        place = {"key_env": "TEST_ENDPOINT_KEY"} | options.pop("endpoint", {})
        endpoint = Endpoint("here", options.pop("url", server.url), **place)

        async def inside() -> Any:
            async with Upstream(endpoint, sleep=time.sleep, clock=time.clock, **options) as made:
                return await work(made)

        return asyncio.run(inside())

    return run


@pytest.fixture
def post(use: Use) -> Use:
    def call(path: str, body: dict[str, Any], **options: Any) -> Any:
        return use(lambda upstream: upstream.post(path, body), **options)

    return call


def test_json_goes_there_and_back(post, server) -> None:
    server.replies = [OK]
    assert post("/things", {"text": "é\ud800", "n": 1}) == {"fine": True}
    (request,) = server.requests
    assert request.path == "/v1/things"
    assert request.body == {"text": "é\ud800", "n": 1}
    assert request.headers["content-type"] == "application/json"


def test_bodies_are_forwarded_byte_by_byte(use, server) -> None:
    content = b'{"model":"m",  "future_field": [null, 1.50], "messages":[{"content": null}]}'
    server.replies = [OK]
    reply = use(lambda upstream: upstream.send("/chat/completions", content, {"x-mine": "1"}))
    assert reply.fine
    assert server.requests[0].raw == content
    assert server.requests[0].headers["x-mine"] == "1"


def test_key_is_read_at_each_call(use, server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(upstream: Upstream) -> None:
        await upstream.post("/x", {})
        for key in ("first", " second\n"):
            monkeypatch.setenv("TEST_ENDPOINT_KEY", key)
            await upstream.post("/x", {})

    server.replies = [OK, OK, OK]
    use(work)
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == [None, "Bearer first", "Bearer second"]


def test_key_from_a_file(post, server, tmp_path: Path) -> None:
    server.replies = [OK, OK]
    (tmp_path / "key").write_text("from-file\n")
    place = {"key_env": None, "key_file": str(tmp_path / "key")}
    post("/x", {}, endpoint=place)
    post("/x", {}, endpoint=place | {"api": "messages", "headers": {"anthropic-beta": "b"}})
    assert server.requests[0].headers["authorization"] == "Bearer from-file"
    headers = server.requests[1].headers
    assert headers["x-api-key"] == "from-file"
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["anthropic-beta"] == "b"
    assert "authorization" not in headers
    (tmp_path / "key").unlink()
    with pytest.raises(UserError, match=r"key file .*key: cannot be read"):
        post("/x", {}, endpoint=place)


@pytest.mark.parametrize("pasted", ["sk-FAKE0815", "sk-FAKE\0" + "815", "k/" + "aB3" * 6])
def test_a_key_pasted_for_its_file_is_not_shown(post, pasted: str) -> None:
    with pytest.raises(UserError, match=r"key file .*not shown.*: cannot be read") as refused:
        post("/x", {}, endpoint={"key_env": None, "key_file": pasted})
    assert pasted not in str(refused.value)


PASSING = [Canned(429), Canned(500), Canned(529), Canned(408), Canned(0), Canned(body="<html>")]


@pytest.mark.parametrize("reply", PASSING)
def test_passing_troubles_are_waited_out(post, server, time, reply: Canned) -> None:
    server.replies = [reply, reply, reply, OK]
    assert post("/x", {}) == {"fine": True}
    assert len(time.waits) == 3
    for wait, longest in zip(time.waits, (0.5, 1.0, 2.0), strict=True):
        assert longest / 2 <= wait <= longest


def test_retry_after_is_honoured(post, server, time) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    past = "Wed, 21 Oct 2015 07:28:00 -0000"
    server.replies = [
        *(Canned(429, headers={"Retry-After": value}) for value in ("7", soon, past, "soon")),
        OK,
    ]
    assert post("/x", {}) == {"fine": True}
    seven, nine, own_accord = (wait for wait in time.waits if wait > 0.01)
    assert seven == 7
    assert 5 < nine <= 9
    assert 2 <= own_accord <= 4  # not understood: as long as any fourth wait


def test_what_one_caller_was_told_holds_for_all(use, server, time) -> None:
    async def work(upstream: Upstream) -> None:
        await upstream.send("/x", b"{}")
        async with upstream.slot():
            pass

    server.replies = [Canned(429, headers={"Retry-After": "7"})]
    use(work)
    assert time.waits == [7]


def test_a_long_retry_after_is_told_instead(post, server, time) -> None:
    server.replies = [Canned(429, "come tomorrow", {"Retry-After": "86400"})]
    with pytest.raises(EndpointError, match="status 429: come tomorrow; wait") as caught:
        post("/x", {})
    assert caught.value.status == 429
    assert time.waits == []


def test_it_gives_up_after_its_retries(post, server, time) -> None:
    server.replies = [Canned(500, "broken")] * 9
    with pytest.raises(EndpointError, match="POST /x: status 500: broken; try again later"):
        post("/x", {})
    assert len(server.requests) == 5
    assert len(time.waits) == 4


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (400, "see its message"),
        (401, "set TEST_ENDPOINT_KEY to a valid key"),
        (403, "check its rights"),
        (404, "check the base URL"),
        (413, "send less"),
        (302, "see the endpoint's message"),
    ],
)
def test_lasting_troubles_are_told_at_once(post, server, time, status, step) -> None:
    server.replies = [Canned(status, "no", {"location": "http://127.0.0.1:1/"})]
    with pytest.raises(EndpointError, match=f"status {status}: no; .*{step}"):
        post("/x", {})
    assert time.waits == []


@pytest.mark.parametrize("body", ["", "<html>", "[1, 2]", "null", '{"cut": ', b'{"a": "\xc3"}'])
def test_garbage_is_told(post, server, body: str) -> None:
    server.replies = [Canned(body=body)] * 2
    with pytest.raises(EndpointError, match=r"not a JSON object.*check the base URL"):
        post("/x", {}, patience=Patience(max_retries=1))


SLOW = Fault.slow(30)
STALL = Fault.stall(30)


@pytest.mark.parametrize("fault", [*FAULTS.values(), SLOW, STALL], ids=lambda fault: fault.kind)
def test_every_fault_passes_with_the_next_attempt(post, server, fault: Fault) -> None:
    server.faults = [fault]
    answer = post(
        "/chat/completions",
        {"model": "m", "messages": [{"role": "user", "content": "hi é"}]},
        timeouts=Timeouts(first_byte_s=0.2, between_chunks_s=0.2),
        most_bytes=100_000,
    )
    assert answer["choices"][0]["message"]["content"] == "You said: hi é"
    assert len(server.requests) == 2


@pytest.mark.parametrize("api", ["chat/completions", "messages"])
def test_an_answer_is_streamed_as_it_comes(use, server, api: str) -> None:
    async def work(upstream: Upstream) -> tuple[int, bytes, int]:
        async with upstream.open(f"/{api}", encoded(body)) as stream:
            pieces = [piece async for piece in stream.chunks()]
        return stream.status, b"".join(pieces), len(pieces)

    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    server.answer = lambda _: "one two é"
    status, text, count = use(work)
    assert (status, count >= 1) == (200, True)
    for word in (b"one ", b"two ", b"\\u00e9"):
        assert word in text


@pytest.mark.parametrize("fault", [FAULTS["hang_up_midway"], STALL], ids=lambda fault: fault.kind)
def test_a_stream_that_breaks_off_says_so(use, server, fault: Fault) -> None:
    pieces: list[bytes] = []

    async def work(upstream: Upstream) -> None:
        async with upstream.open("/chat/completions", encoded(body)) as stream:
            pieces.extend([piece async for piece in stream.chunks()])

    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "a b c"}]}
    server.faults = [fault]
    with pytest.raises(EndpointError, match="broke off"):
        use(work, timeouts=Timeouts(between_chunks_s=0.2))
    assert len(server.requests) == 1  # what has begun is not begun again


@pytest.mark.parametrize("renew", [False, True])
def test_a_dead_kept_connection_is_renewed_only_where_that_is_wanted(use, server, renew) -> None:
    async def work(upstream: Upstream) -> list[int]:
        return [(await upstream.send("/x", b"{}")).status for _ in range(2)]

    server.replies = [OK, Canned(0), OK]
    statuses = use(work, connections=Connections(renew=renew))
    assert statuses == ([200, 200] if renew else [200, 0])
    assert len(server.requests) == (3 if renew else 2)


def test_a_new_connection_that_hangs_up_is_not_renewed(use, server) -> None:
    server.replies = [Canned(0), OK]
    reply = use(lambda upstream: upstream.send("/x", b"{}"), connections=Connections(renew=True))
    assert (reply.status, reply.sent) == (0, True)
    assert len(server.requests) == 1


def test_a_closed_client_may_be_used_again(use, server) -> None:
    async def work(upstream: Upstream) -> None:
        await upstream.post("/x", {})
        await upstream.close()
        await upstream.post("/x", {})

    server.replies = [OK, OK]
    use(work)
    assert len(server.requests) == 2


def test_cookies_are_not_kept(use, server) -> None:
    async def work(upstream: Upstream) -> None:
        for _ in range(2):
            await upstream.post("/x", {})

    server.replies = [Canned(body="{}", headers={"Set-Cookie": "who=you; Path=/"}), OK]
    use(work)
    assert "cookie" not in server.requests[1].headers


def test_nobody_there(use, time) -> None:
    with socket.socket() as held:  # bound but not listening: refuses connections
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        patience = Patience(max_retries=2)
        with pytest.raises(EndpointError, match=r"POST /x: no answer .*Connect.* is up"):
            use(lambda upstream: upstream.post("/x", {}), url=url, patience=patience)
        reply = use(lambda upstream: upstream.send("/x", b"{}"), url=url)
    assert len(time.waits) == 2
    assert not reply.sent  # so it cannot be billed


def test_a_hang_up_may_have_been_billed(use, server) -> None:
    server.faults = [FAULTS["hang_up"]]
    reply: Reply = use(lambda upstream: upstream.send("/chat/completions", b"{}"))
    assert (reply.status, reply.sent) == (0, True)


def test_no_more_calls_at_a_time_than_allowed(use, server) -> None:
    async def work(upstream: Upstream) -> None:
        await asyncio.gather(*(upstream.post("/embeddings", {"input": ["a"]}) for _ in range(12)))

    server.delay_s = 0.02
    use(work, endpoint={"max_concurrent": 3})
    assert server.most_under_way == 3


def test_calls_are_spaced_over_the_minute(time: FakeTime) -> None:
    async def work() -> list[float]:
        limits = Limits(8, 30, clock=time.clock, sleep=time.sleep)
        starts = []
        for _ in range(4):
            async with limits.slot():
                starts.append(time.now)
        return starts

    assert asyncio.run(work()) == [0, 2, 4, 6]


def test_the_key_is_never_shown(post, use, server, monkeypatch, caplog) -> None:
    monkeypatch.setenv("TEST_ENDPOINT_KEY", KEY)
    server.replies = [Canned(500, KEY), Canned(401, f"bad key {KEY}")]
    with caplog.at_level(logging.DEBUG), pytest.raises(EndpointError) as caught:
        post("/x", {})

    async def shown(upstream: Upstream) -> str:
        return f"{upstream!r} {upstream.endpoint!r} {upstream.key!r}"

    told = [use(shown), caplog.text, *traceback.format_exception(caught.value)]
    assert "bad key [key]" in str(caught.value)
    assert not any(KEY in text for text in told)


def test_a_key_that_cannot_be_sent_is_not_shown(post, server, monkeypatch) -> None:
    monkeypatch.setenv("TEST_ENDPOINT_KEY", f"{KEY}\nx")
    with pytest.raises(UserError, match="the key in TEST_ENDPOINT_KEY holds") as caught:
        post("/x", {})
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    ["", "host/v1", "ftp://host", "http://", f"http://me:{KEY}@host/v1", f"http://host/v1?k={KEY}"],
)
def test_urls_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ConfigError, match=r"(?i)base URL") as caught:
        Endpoint("x", url)
    assert KEY not in str(caught.value)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(UserError, match=r"pip install 'finerouter\[remote\]'"):
        Upstream(Endpoint("x", "http://127.0.0.1/v1"))


def test_code_that_is_not_asynchronous_can_call_too(server) -> None:
    client = BlockingUpstream(Endpoint("x", server.url))
    server.replies = [OK, OK]
    assert client.post("/x", {}) == {"fine": True}

    async def inside_a_running_loop() -> dict[str, Any]:
        return client.post("/x", {})

    assert asyncio.run(inside_a_running_loop()) == {"fine": True}
    client.close()

"""The HTTP client, against a server on the loopback interface."""

from __future__ import annotations

import logging
import socket
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from finerouter.endpoint import Endpoint
from finerouter.errors import ConfigError, EndpointError, UserError
from tests.encoders.loopback import LoopbackServer, Reply, serving

pytest.importorskip("httpx2", reason="remote endpoints need the extra [remote]")
OK = Reply(body='{"fine": true}')
KEY = "sk-not-to-be-seen"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def endpoint(server: LoopbackServer, waits: list[float]) -> Iterator[Endpoint]:
    made = Endpoint(server.url, api_key_env="TEST_ENDPOINT_KEY", sleep=waits.append)
    yield made
    made.close()


def test_json_goes_there_and_back(endpoint: Endpoint, server: LoopbackServer) -> None:
    server.replies = [OK]
    assert endpoint.post("/things", {"text": "é\ud800", "n": 1}) == {"fine": True}
    (request,) = server.requests
    assert request.path == "/v1/things"
    assert request.body == {"text": "é\ud800", "n": 1}
    assert request.headers["content-type"] == "application/json"


def test_key_is_read_at_each_call(endpoint, server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.replies = [OK, OK, OK]
    endpoint.post("/x", {})
    for key in ("first", " second\n"):
        monkeypatch.setenv("TEST_ENDPOINT_KEY", key)
        endpoint.post("/x", {})
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == [None, "Bearer first", "Bearer second"]


@pytest.mark.parametrize("reply", [Reply(429), Reply(500), Reply(503), Reply(408), Reply(0)])
def test_passing_troubles_are_waited_out(endpoint, server, waits, reply: Reply) -> None:
    server.replies = [reply, reply, reply, OK]
    assert endpoint.post("/x", {}) == {"fine": True}
    assert len(waits) == 3
    for wait, longest in zip(waits, (0.5, 1.0, 2.0), strict=True):
        assert longest / 2 <= wait <= longest


def test_retry_after_is_honoured(endpoint, server, waits) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    past = "Wed, 21 Oct 2015 07:28:00 -0000"
    server.replies = [
        *(Reply(429, headers={"Retry-After": value}) for value in ("7", soon, past, "soon")),
        OK,
    ]
    assert endpoint.post("/x", {}) == {"fine": True}
    assert waits[0] == 7
    assert 5 < waits[1] <= 9
    assert waits[2] == 0
    assert 2 <= waits[3] <= 4  # not understood: the fourth wait of its own accord


def test_a_long_retry_after_is_told_instead(endpoint, server, waits) -> None:
    server.replies = [Reply(429, "come tomorrow", {"Retry-After": "86400"})]
    with pytest.raises(EndpointError, match="status 429: come tomorrow; wait"):
        endpoint.post("/x", {})
    assert waits == []


def test_it_gives_up_after_its_retries(endpoint, server, waits) -> None:
    server.replies = [Reply(500, "broken")] * 9
    with pytest.raises(EndpointError, match="POST /x: status 500: broken; try again later"):
        endpoint.post("/x", {})
    assert len(server.requests) == 5
    assert len(waits) == 4


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
def test_lasting_troubles_are_told_at_once(endpoint, server, waits, status, step) -> None:
    server.replies = [Reply(status, "no")]
    with pytest.raises(EndpointError, match=f"status {status}: no; .*{step}"):
        endpoint.post("/x", {})
    assert waits == []


@pytest.mark.parametrize("body", ["", "<html>", "[1, 2]", "null", '{"cut": '])
def test_garbage_is_told(endpoint, server, body: str) -> None:
    server.replies = [Reply(body=body)]
    with pytest.raises(EndpointError, match=r"not a JSON object.*check the base URL"):
        endpoint.post("/x", {})


def test_nobody_there(waits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as held:  # bound but not listening: refuses connections
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        endpoint = Endpoint(url, max_retries=2, sleep=waits.append)
        with pytest.raises(EndpointError, match=r"POST /x: no answer .*ConnectError.* is up"):
            endpoint.post("/x", {})
        endpoint.close()
    assert len(waits) == 2


def test_the_key_is_never_shown(endpoint, server, monkeypatch, caplog) -> None:
    monkeypatch.setenv("TEST_ENDPOINT_KEY", KEY)
    server.replies = [Reply(500, KEY), Reply(401, f"bad key {KEY}")]
    with caplog.at_level(logging.DEBUG), pytest.raises(EndpointError) as caught:
        endpoint.post("/x", {})
    told = [repr(endpoint), caplog.text, *traceback.format_exception(caught.value)]
    assert "bad key [key]" in str(caught.value)
    assert not any(KEY in text for text in told)


def test_a_key_that_cannot_be_sent_is_not_shown(endpoint, server, monkeypatch) -> None:
    monkeypatch.setenv("TEST_ENDPOINT_KEY", f"{KEY}\nx")
    with pytest.raises(UserError, match="the key in TEST_ENDPOINT_KEY holds") as caught:
        endpoint.post("/x", {})
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    ["", "host/v1", "ftp://host", "http://", f"http://me:{KEY}@host/v1", f"http://host/v1?k={KEY}"],
)
def test_urls_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ConfigError, match=r"(?i)base URL") as caught:
        Endpoint(url)
    assert KEY not in str(caught.value)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(UserError, match=r"pip install 'finerouter\[remote\]'"):
        Endpoint("http://127.0.0.1/v1")

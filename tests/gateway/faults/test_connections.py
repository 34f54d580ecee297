"""Clients that draw their connections out, on a real socket."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from finerouter.gateway.access import new_key
from tests.gateway.running import Gateway, pool_toml, running
from tests.gateway.test_going_away import eventually
from tests.loopback import Fault, LoopbackUpstream

KEY = new_key("k")
CONFIG = (
    KEY.toml + "[limits]\nbody_timeout_s = 0.3\nwrite_timeout_s = 0.3\nmax_body_bytes = 10000\n"
)


@pytest.fixture
def impatient(tmp_path: Path, router_folder: Path, server: LoopbackUpstream) -> Iterator[Gateway]:
    with running(tmp_path, router_folder, pool_toml(server), CONFIG) as gateway:
        yield gateway


def request(prompt: str = "What is 1 plus 2?", key: str = KEY.key, **fields: object) -> bytes:
    messages = [{"role": "user", "content": prompt}]
    body = json.dumps({"model": "tiny", "messages": messages, **fields}).encode()
    return head(len(body), key) + body


def head(size: int, key: str = KEY.key) -> bytes:
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n" % (key.encode(), size)
    )


def connected(gateway: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=10)


def all_of(connection: socket.socket) -> bytes:
    """What comes until the gateway closes; the test fails where it never does."""
    received = b""
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except ConnectionError:
        pass
    return received


def still_serves(gateway: Gateway) -> bool:
    with connected(gateway) as connection:
        connection.sendall(request())
        return b"200 OK" in connection.recv(65_536)


def dripped(connection: socket.socket, piece: bytes) -> None:
    """Send and send, until the gateway has closed the connection."""
    until = time.monotonic() + 15
    try:
        while time.monotonic() < until:
            connection.sendall(piece)
            time.sleep(0.02)
    except ConnectionError:
        return
    raise AssertionError("the gateway still reads")


@pytest.mark.parametrize("begun", [b"", b"POST /v1/chat/completions HTTP/1.1\r\nhost: local"])
def test_a_request_has_a_time_to_come(impatient: Gateway, begun: bytes) -> None:
    with connected(impatient) as connection:
        connection.sendall(begun)
        assert all_of(connection) == b""
    assert still_serves(impatient)


def test_a_kept_connection_has_it_for_every_request(impatient: Gateway) -> None:
    with connected(impatient) as connection:
        connection.sendall(request())
        assert b"200 OK" in connection.recv(65_536)
        time.sleep(0.5)
        connection.sendall(b"POST /v1/chat")
        assert b"HTTP" not in all_of(connection)


def test_headers_are_not_read_without_end(impatient: Gateway) -> None:
    with connected(impatient) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        dripped(connection, b"x-more: and more\r\n" * 1_000)
    assert still_serves(impatient)


def test_what_is_refused_early_is_not_read_for_ever(impatient: Gateway) -> None:
    with connected(impatient) as connection:
        connection.sendall(head(9_000, "fr-" + "x" * 40))
        assert b"401" in connection.recv(65_536)
        dripped(connection, b"x")
    with connected(impatient) as connection:
        connection.sendall(head(10**12))
        assert b"413" in connection.recv(65_536)
        dripped(connection, b"x" * 50_000)
    assert still_serves(impatient)


@pytest.mark.parametrize("stream", [False, True])
def test_who_takes_nothing_of_an_answer_is_let_go(
    impatient: Gateway, server: LoopbackUpstream, *, stream: bool
) -> None:
    server.answer = lambda _: ("x" * 300_000 + " ") * 40
    with connected(impatient) as connection:
        connection.sendall(request(stream=stream))
        assert eventually(lambda: impatient.service.parts.admission.under_way == 1)
        assert eventually(lambda: impatient.service.parts.admission.under_way == 0)
    assert impatient.service.parts.fleet.standing()[0].under_way == 0
    (record,) = impatient.records()
    # A whole answer had left the gateway's hands; of a stream the rest was never fetched.
    assert record.outcome == ("cancelled" if stream else "ok")
    server.answer = lambda _: "42"
    assert still_serves(impatient)


def test_requests_in_one_breath_are_answered_in_turn(impatient: Gateway) -> None:
    with connected(impatient) as connection:
        connection.sendall(request("What is one?") + request("What is two?", stream=True))
        received = b""
        while b"[DONE]" not in received:
            received += connection.recv(65_536)
    assert received.count(b"200 OK") == 2
    assert 0 < received.index(b"What is one?") < received.index(b"two?")


def test_who_closes_one_side_leaves_nothing_behind(
    impatient: Gateway, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.slow(20)]
    with connected(impatient) as connection:
        connection.sendall(request())
        assert eventually(lambda: server.under_way == 1)
        connection.shutdown(socket.SHUT_WR)
        all_of(connection)
    assert eventually(lambda: impatient.service.parts.admission.under_way == 0)
    assert still_serves(impatient)

"""Clients that go away, and a gateway that stops."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.gateway.running import Gateway, pool_toml, running
from tests.gateway.test_chat import SUM
from tests.loopback import Fault, LoopbackUpstream


def begun(gateway: Gateway, *, stream: bool, said: str = SUM) -> socket.socket:
    """A connection on which a request has been sent."""
    connection = socket.create_connection(("127.0.0.1", gateway.port))
    ask(connection, stream=stream, said=said)
    return connection


def ask(connection: socket.socket, *, stream: bool, said: str = SUM) -> None:
    """Send a request on a connection."""
    messages = [{"role": "user", "content": said}]
    body = json.dumps({"model": "auto", "messages": messages, "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n"
    connection.sendall(f"{head}host: localhost\r\n\r\n".encode() + body)


def rest(connection: socket.socket) -> bytes:
    """What still comes, until the other side closes."""
    received = b""
    with connection:
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def kept_errors(folder: Path) -> list[str]:
    """What the journal says of why requests did not end well, after the gateway has stopped."""
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        return [json.loads(row)["error"] for (row,) in db.execute("SELECT record FROM decisions")]


def eventually(what: Callable[[], bool]) -> bool:
    for _ in range(500):
        if what():
            return True
        time.sleep(0.01)
    return False


def test_who_leaves_before_the_answer_begins_cancels_the_call(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.slow(30)]
    connection = begun(gateway, stream=False)
    assert eventually(lambda: server.under_way == 1)
    connection.close()
    assert eventually(lambda: gateway.service.parts.admission.under_way == 0)
    record = gateway.records()[0]
    assert (record.outcome, record.status) == ("cancelled", 499)
    assert gateway.service.parts.fleet.standing()[0].under_way == 0


@pytest.mark.parametrize("stream", [False, True])
def test_who_has_left_before_his_turn_came_costs_next_to_nothing(
    gateway: Gateway, server: LoopbackUpstream, *, stream: bool
) -> None:
    gateway.chat("the connection to the endpoint is there")
    # A gateway that lags behind: its clients have given up when it comes to them.
    gateway.loops[0].call_soon_threadsafe(time.sleep, 0.3)
    time.sleep(0.05)
    for _ in range(10):
        begun(gateway, stream=stream).close()
    assert eventually(lambda: len(gateway.records()) == 11)
    left = [record for record in gateway.records() if record.outcome == "cancelled"]
    assert len(left) == 10
    assert {record.error for record in left} == {"the client went away"}
    assert len(server.requests) <= 3


def test_who_leaves_after_a_large_body_is_seen_to(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.slow(30)]
    connection = begun(gateway, stream=False, said="many words " * 50_000)
    assert eventually(lambda: server.under_way == 1)
    connection.close()
    assert eventually(lambda: gateway.service.parts.admission.under_way == 0)
    assert gateway.records()[0].outcome == "cancelled"


def test_who_leaves_is_seen_to_while_the_last_endpoint_still_lingers(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.linger(0.5), Fault.slow(30)]
    connection = begun(gateway, stream=True)
    received = b""
    while b"[DONE]" not in received:
        received += connection.recv(65_536)
    # The next request on the same connection, before the first one has quite ended.
    ask(connection, stream=False)
    assert eventually(lambda: server.under_way == 2)
    assert eventually(lambda: server.under_way == 1)
    connection.close()
    assert eventually(lambda: gateway.service.parts.admission.under_way == 0)
    assert {record.outcome for record in gateway.records()} == {"ok", "cancelled"}


def test_who_leaves_midway_cancels_the_call_and_pays_for_what_came(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.stall(30)]
    connection = begun(gateway, stream=True)
    assert b"200 OK" in connection.recv(1_000)
    connection.close()
    assert eventually(lambda: gateway.service.parts.admission.under_way == 0)
    record = gateway.records()[0]
    assert (record.outcome, record.error) == ("cancelled", "the client went away")
    assert record.tokens.estimated
    assert record.cost_usd > 0


def test_stopping_lets_streams_end(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.stall(1.0)]
    with running(tmp_path, router_folder, pool_toml(server)) as gateway:
        connection = begun(gateway, stream=True)
        assert b"200 OK" in connection.recv(1_000)
    assert b"data: [DONE]" in rest(connection)


def test_a_stream_that_outlives_the_stop_ends_with_an_error(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.stall(60)]
    with running(tmp_path, router_folder, pool_toml(server), drain_s=1) as gateway:
        connection = begun(gateway, stream=True)
        assert b"200 OK" in connection.recv(1_000)
        gateway.service.drain()
    received = rest(connection)
    assert b'"error"' in received
    assert b"[DONE]" not in received
    assert "the gateway is shutting down" in kept_errors(tmp_path)


def test_a_client_that_sends_slowly_is_let_go(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "[limits]\nbody_timeout_s = 0.2"
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
            head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
            connection.sendall(head + b"content-length: 100\r\n\r\n{")
            assert b"408" in connection.recv(1_000)
        assert eventually(lambda: gateway.service.parts.admission.under_way == 0)


@pytest.mark.parametrize("seconds", [0.05, 30.0])
def test_a_stream_is_at_its_end_when_the_model_says_so(
    gateway: Gateway, server: LoopbackUpstream, seconds: float
) -> None:
    server.faults = [Fault.linger(seconds)]
    began = time.monotonic()
    answer = gateway.chat(SUM, stream=True)
    assert time.monotonic() - began < 15
    assert answer.events[-1] == "[DONE]"
    assert gateway.records()[0].outcome == "ok"
    assert eventually(lambda: gateway.service.parts.admission.under_way == 0)
    assert gateway.service.parts.fleet.standing()[0].failures == 0


def test_a_call_that_a_client_left_is_in_its_row(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.slow(30)]
    connection = begun(gateway, stream=False)
    assert eventually(lambda: server.under_way == 1)
    connection.close()
    assert eventually(lambda: gateway.service.parts.admission.under_way == 0)
    (attempt,) = gateway.records()[0].attempts
    assert (attempt.reason, attempt.sent) == ("cancelled", True)

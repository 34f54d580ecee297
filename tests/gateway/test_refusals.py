"""An endpoint's refusal, in the form of the client's API."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from finerouter.gateway.refusals import Refusal
from tests.gateway.running import Gateway, pool_toml, running
from tests.gateway.test_chat import SUM
from tests.gateway.test_errors_in_streams import asked
from tests.loopback import LoopbackUpstream, Reply

WORDS = "temperature must be at most 1"
OPENAI = {"error": {"message": WORDS, "type": "invalid_request_error", "param": "temperature"}}
ANTHROPIC = {"type": "error", "error": {"type": "invalid_request_error", "message": WORDS}}
SAID = {"chat": OPENAI, "messages": ANTHROPIC}
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}


LOGGED = "finerouter.gateway.requests"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({"model": "nothing"}, {}, 404),
        ({"modalities": ["audio"], "finerouter": {"models": ["tiny"]}}, {}, 400),
        ({"model": 3}, {}, 400),
        ({"finerouter": {"bogus": 1}}, {}, 400),
        ({"x": "x" * 3_000}, {}, 413),
        ({}, {"content-encoding": "gzip"}, 415),
        ({}, {"origin": "https://evil.example"}, 403),
    ],
)
def test_every_refusal_has_the_id_of_its_line_in_the_log(
    small: Gateway,
    caplog: pytest.LogCaptureFixture,
    path: str,
    fields: dict,
    headers: dict[str, str],
    status: int,
) -> None:
    asked_for = {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": SUM}]}
    with caplog.at_level(logging.INFO, LOGGED):
        answer = small.post(path, {**asked_for, **fields}, headers)
    assert answer.status == status
    told_id = answer.headers["x-finerouter-decision-id"]
    (line,) = (item.of_request for item in caplog.records if item.name == LOGGED)
    assert (line.decision_id, line.status) == (told_id, status)
    # Nothing was decided, so there is nothing to judge.
    assert small.records() == []
    judged = small.post("/v1/feedback", {"decision_id": told_id, "thumbs": "up"})
    assert judged.status == 404
    assert f"there is no decision '{told_id}'" in judged.json["error"]["message"]


@pytest.fixture
def small(tmp_path: Path, router_folder: Path, server: LoopbackUpstream) -> Iterator[Gateway]:
    """A gateway that takes small bodies."""
    config = "[limits]\nmax_body_bytes = 2000"
    with running(tmp_path, router_folder, pool_toml(server), config) as started:
        yield started


def test_a_refusal_has_no_id_where_headers_are_off(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    with running(tmp_path, router_folder, pool_toml(server), "explain_headers = false") as gateway:
        answer = gateway.chat(SUM, model="nothing")
    assert answer.status == 404
    assert not [name for name in answer.headers if name.startswith("x-finerouter")]


def told(api: str, body: bytes) -> bytes:
    return Refusal(400, "no endpoint answered", body=body).body_for(api)


@pytest.mark.parametrize("endpoint", SAID)
@pytest.mark.parametrize("client", SAID)
def test_a_client_reads_any_endpoints_refusal(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream, client: str, endpoint: str
) -> None:
    server.replies = [Reply(400, json.dumps(SAID[endpoint]))]
    with running(
        tmp_path, router_folder, pool_toml(server, extra=f'api = "{endpoint}"')
    ) as gateway:
        answer = asked(gateway, PATHS[client])
    assert answer.status == 400
    assert answer.json["error"]["message"] == WORDS
    assert answer.json.get("type") == ("error" if client == "messages" else None)
    assert client != endpoint or answer.json == SAID[endpoint]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"detail": "too hot"}', "too hot"),
        (b'{"error": "too hot"}', "too hot"),
        (b'{"object": "error", "message": "too hot"}', "too hot"),
        (b" too hot\n", "too hot"),
        (b'"too hot"', "too hot"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (b"x" * 5_000, "x" * 1_000),
        (b'{"error": {"code": 5}}', "no endpoint answered"),
        (b"[1]", "no endpoint answered"),
        (b"", "no endpoint answered"),
    ],
)
def test_the_message_is_found_wherever_it_stands(body: bytes, message: str) -> None:
    said = json.loads(told("messages", body))
    assert (said["type"], said["error"]["message"]) == ("error", message)


@pytest.mark.parametrize("body", [b'{"detail": "too hot"}', b'{"error": {"code": 5}}'])
def test_what_a_client_can_read_passes_as_it_is(body: bytes) -> None:
    assert told("chat", body) == body

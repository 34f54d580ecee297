"""An endpoint's refusal, in the form of the client's API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finerouter.gateway.refusals import Refusal
from tests.gateway.running import pool_toml, running
from tests.gateway.test_errors_in_streams import asked
from tests.loopback import LoopbackUpstream, Reply

WORDS = "temperature must be at most 1"
OPENAI = {"error": {"message": WORDS, "type": "invalid_request_error", "param": "temperature"}}
ANTHROPIC = {"type": "error", "error": {"type": "invalid_request_error", "message": WORDS}}
SAID = {"chat": OPENAI, "messages": ANTHROPIC}
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}


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

"""Errors that an endpoint sends in the middle of its stream."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finerouter.gateway.observing.logs import configure_logs
from tests.gateway.running import Answer, Gateway, pool_toml, running
from tests.gateway.test_chat import SUM
from tests.loopback import LoopbackUpstream, Reply

KEY = "supersecretkey123"
SAID = f"bad key Bearer {KEY}, prompt was: {SUM}"
WORDS = {"choices": [{"index": 0, "delta": {"content": "Well, "}, "finish_reason": None}]}
START = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
BREAKS = {
    "chat": (WORDS, {"error": {"message": SAID}}),
    "messages": (START, {"type": "error", "error": {"type": "api_error", "message": SAID}}),
}


def stream(*events: dict[str, Any]) -> Reply:
    """A stream of these events, whole as it is."""
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return Reply(body=body, headers={"content-type": "text/event-stream"})


def asked(gateway: Gateway, path: str) -> Answer:
    messages = [{"role": "user", "content": SUM}]
    body = {"model": "tiny", "messages": messages, "stream": True, "max_tokens": 99}
    return gateway.post(path, body)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Where the log goes; logging is as it was afterwards."""
    level, written = logging.getLogger().level, io.StringIO()
    logs = configure_logs("debug", stream=written)
    yield written
    logs.close()
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize("api", BREAKS)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_they_tell_no_key_and_leave_no_prompt(
    tmp_path: Path,
    router_folder: Path,
    server: LoopbackUpstream,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    path: str,
    api: str,
) -> None:
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    server.replies = [stream(*BREAKS[api])]
    pool = pool_toml(server, extra=f'key_env = "LOOPBACK_KEY"\napi = "{api}"')
    with running(tmp_path, router_folder, pool) as gateway:
        answer = asked(gateway, path)
        record = gateway.records()[0]
    assert b"bad key Bearer [key]" in answer.body
    assert KEY.encode() not in answer.body
    assert (record.outcome, record.error) == ("broken", "the endpoint sent an error in its stream")
    kept = repr(record) + log.getvalue()
    assert "an error in its stream" in log.getvalue()
    assert KEY not in kept
    assert SUM not in kept


def gave_up(finish: str | None, **fields: Any) -> dict[str, Any]:
    delta = {"content": 'the key "error"'}
    return {"id": "c", **fields, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        (gave_up("error", error={"code": 502, "message": "the provider is gone"}), "broken"),
        (gave_up("stop", error={"code": 502, "message": "the provider is gone"}), "broken"),
        (gave_up("error"), "broken"),
        (gave_up("stop", error=None), "ok"),
        (gave_up("stop"), "ok"),
    ],
)
def test_an_error_may_stand_beside_choices(
    gateway: Gateway, server: LoopbackUpstream, last: dict[str, Any], outcome: str
) -> None:
    server.replies = [stream(WORDS, last), stream(WORDS, last)]
    same = asked(gateway, "/v1/chat/completions")
    assert json.loads(same.events[1]) == last
    translated = asked(gateway, "/v1/messages")
    assert (b"event: error" in translated.body) is (outcome == "broken")
    assert [record.outcome for record in gateway.records()] == [outcome, outcome]

"""How much a model said, by the events of every API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finerouter.gateway.said_bytes import SaidBytes
from finerouter.gateway.sse import Event
from tests.gateway.running import pool_toml, running
from tests.gateway.test_errors_in_streams import START, asked, stream
from tests.gateway.translating.stories import chunk
from tests.loopback import LoopbackUpstream

CALL = {"index": 0, "function": {"arguments": '{"a'}}


def counted(*events: Event | dict[str, Any], kept: int = 1 << 20) -> int:
    said = SaidBytes(kept)
    for event in events:
        given = event if isinstance(event, Event) else Event("", json.dumps(event).encode())
        said.feed([given], len(given.data))
    return said.count()


@pytest.mark.parametrize(
    ("event", "size"),
    [
        (chunk({"role": "assistant", "content": "héé"}), 5),
        (chunk({"reasoning_content": "so"}), 2),
        (chunk({"tool_calls": [CALL]}), 3),
        ({"choices": [{"index": 0, "text": "words"}]}, 5),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "one"}}, 3),
        ({"delta": {"type": "input_json_delta", "partial_json": '{"q'}}, 3),
        ({"type": "response.output_text.delta", "item_id": "msg_1", "delta": "more"}, 4),
        ({"type": "response.output_text.done", "text": "all of it", "delta": ""}, 0),
        ({"type": "message_start", "message": {"usage": {"output_tokens": 1}}}, 0),
        (Event("", b"[DONE]"), 0),
        (Event("", b'{"delta": '), 0),
    ],
)
def test_only_what_the_model_said_counts(event: Event | dict[str, Any], size: int) -> None:
    assert counted(event) == size
    assert counted(event, event) == 2 * size


def test_a_long_answer_is_counted_by_its_beginning() -> None:
    words = [chunk({"content": "word"})] * 1_000
    assert counted(*words, kept=500) == counted(*words) == 4_000


def words(api: str) -> dict[str, Any]:
    if api == "chat":
        return {"choices": [{"index": 0, "delta": {"content": "word "}}], "created": 1}
    delta = {"type": "text_delta", "text": "word "}
    return {"type": "content_block_delta", "index": 0, "delta": delta}


@pytest.mark.parametrize("api", ["chat", "messages"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_an_answer_that_breaks_off_costs_what_was_said(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream, path: str, api: str
) -> None:
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    begun = [START, block] if api == "messages" else []
    server.replies = [stream(*begun, *[words(api)] * 80)]
    with running(tmp_path, router_folder, pool_toml(server, extra=f'api = "{api}"')) as gateway:
        asked(gateway, path)
        record = gateway.records()[0]
    assert record.outcome == "broken"
    assert record.tokens is not None
    assert record.tokens.estimated
    # At the beginning of a messages stream stands one token, which is not the last word.
    assert record.tokens.output == 100
    assert api == "chat" or record.tokens.input == 9

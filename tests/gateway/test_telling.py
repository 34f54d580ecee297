"""A request's books are closed before its last byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from finerouter.gateway.asgi import Exchange
from finerouter.gateway.inference import infer
from finerouter.gateway.record import Record
from tests.gateway.running import Gateway
from tests.gateway.test_chat import SUM
from tests.loopback import Fault, LoopbackUpstream, Reply


class Client:
    """Asks as an ASGI server would, and looks into the journal before it takes the last byte."""

    def __init__(self, gateway: Gateway, **fields: Any) -> None:
        self._parts = gateway.service.parts
        body = {"model": "auto", "messages": [{"role": "user", "content": SUM}], **fields}
        self._body = json.dumps(body).encode()
        self._decision_id = ""
        self.said = b""
        self.kept: Record | None = None

    async def ask(self) -> None:
        scope = {"method": "POST", "path": "/", "headers": [(b"host", b"localhost")]}
        await infer(self._parts, "chat", Exchange(scope, self._receive, self._send))

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.sleep(60)
        raise AssertionError

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            self._decision_id = headers[b"x-finerouter-decision-id"].decode()
            return
        data = message["body"]
        last = not message["more_body"] or b"[DONE]" in data
        if last and self.kept is None:
            found = await self._parts.journal.find(self._decision_id)
            self.kept = found[0] if found else None
            assert found, f"no row before the last byte: {data!r}"
        self.said += data


@pytest.mark.parametrize(
    ("fields", "fault", "outcome"),
    [
        ({}, None, "ok"),
        ({"stream": True}, None, "ok"),
        ({"stream": True}, Fault("hang_up_midway"), "broken"),
        ({"model": "tiny"}, Fault.status(422), "error"),
    ],
)
def test_the_row_is_there_before_the_last_byte(
    gateway: Gateway,
    server: LoopbackUpstream,
    fields: dict[str, Any],
    fault: Fault | None,
    outcome: str,
) -> None:
    server.faults = [fault]
    client = Client(gateway, **fields)
    gateway.inside(client.ask())
    assert client.kept is not None
    assert client.kept.outcome == outcome
    assert client.said
    assert (client.kept.cost_usd or 0) > 0 or outcome == "error"
    assert len(gateway.records()) == 1


def test_an_answer_that_cannot_be_told_is_paid_for(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 7}
    server.replies = [Reply(body=json.dumps({"choices": [{"message": 5}], "usage": usage}))]
    messages = [{"role": "user", "content": SUM}]
    body = {"model": "tiny", "max_tokens": 99, "messages": messages}
    answer = gateway.post("/v1/messages", body)
    assert (answer.status, answer.json["type"]) == (502, "error")
    (record,) = gateway.records()
    assert (record.outcome, record.status) == ("error", 502)
    assert record.tokens is not None
    assert (record.tokens.input, record.tokens.output) == (11, 7)
    assert (record.cost_usd or 0) > 0

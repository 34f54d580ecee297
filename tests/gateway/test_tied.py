"""Requests that go on from what one provider keeps, and conversations on endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.running import Answer, Gateway, pool_toml, running
from tests.gateway.test_chat import GERMAN, SUM
from tests.loopback import FAULTS, LoopbackUpstream, Reply

TIES = [{"previous_response_id": "resp_1"}, {"conversation": {"id": "conv_1"}}]
_STORED = Reply(
    body=json.dumps(
        {
            "id": "resp_1",
            "object": "response",
            "status": "completed",
            "output": [],
            "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        }
    )
)
# One endpoint for each server, so that who was asked is seen by where the call came in.
Upstreams = tuple[LoopbackUpstream, LoopbackUpstream]


@pytest.fixture
def upstreams(server: LoopbackUpstream, other_server: LoopbackUpstream) -> Upstreams:
    for upstream in (server, other_server):
        upstream.replies = [_STORED] * 20
    return server, other_server


@pytest.fixture
def storing(tmp_path: Path, router_folder: Path, upstreams: Upstreams) -> Iterator[Gateway]:
    pool = pool_toml(*upstreams, extra='also = ["responses"]')
    with running(tmp_path, router_folder, pool) as gateway:
        yield gateway


def ask(gateway: Gateway, text: str, **fields: Any) -> Answer:
    return gateway.post("/v1/responses", {"model": "auto", "input": text, **fields})


def asked(upstreams: Upstreams) -> list[int]:
    return [len(upstream.requests) for upstream in upstreams]


@pytest.mark.parametrize("tie", TIES)
def test_what_a_provider_keeps_is_asked_of_its_model_and_endpoint_alone(
    storing: Gateway, upstreams: Upstreams, tie: dict[str, Any]
) -> None:
    own = {"session": "s1"}
    first = ask(storing, SUM, finerouter=own)
    assert first.headers["x-finerouter-model"] == "coder"
    place = asked(upstreams).index(1)
    for _ in range(4):
        # Untied this text would go to the linguist.
        following = ask(storing, GERMAN, finerouter=own, **tie)
        assert following.headers["x-finerouter-model"] == "coder"
    assert asked(upstreams)[place] == 5
    upstreams[place].replies = []
    upstreams[place].misbehave = lambda _: FAULTS["hang_up"]
    assert ask(storing, GERMAN, finerouter=own, **tie).status in (502, 503)
    assert asked(upstreams)[1 - place] == 0


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("own", [{}, {"session": "never seen"}])
def test_where_nobody_knows_who_keeps_it_the_request_is_refused(
    storing: Gateway, upstreams: Upstreams, tie: dict[str, Any], own: dict[str, Any]
) -> None:
    refused = ask(storing, SUM, finerouter=own, **tie)
    assert refused.status == 400
    message = refused.json["error"]["message"]
    assert next(iter(tie)) in message
    assert "x-finerouter-session" in message
    assert "name the model" in message
    assert asked(upstreams) == [0, 0]


def test_a_model_asked_by_name_stays_on_the_endpoint_that_keeps_it(
    storing: Gateway, upstreams: Upstreams
) -> None:
    own = {"session": "s1"}
    ask(storing, SUM, model="tiny", finerouter=own)
    place = asked(upstreams).index(1)
    for model in ("tiny", "tiny", "coder", "tiny"):
        answer = ask(storing, SUM, model=model, finerouter=own, previous_response_id="resp_1")
        assert answer.status == 200
    assert asked(upstreams)[place] == 5
    upstreams[place].replies = []
    upstreams[place].misbehave = lambda _: FAULTS["hang_up"]
    tied = ask(storing, SUM, model="tiny", finerouter=own, previous_response_id="resp_1")
    assert tied.status in (502, 503)
    assert asked(upstreams)[1 - place] == 0
    # What says all itself may go elsewhere.
    assert ask(storing, SUM, model="tiny", finerouter=own).status == 200
    assert asked(upstreams)[1 - place] == 1


def test_a_model_asked_by_name_without_a_session_is_the_clients_to_know(
    storing: Gateway,
) -> None:
    assert ask(storing, SUM, model="tiny", previous_response_id="resp_1").status == 200


def test_a_model_asked_by_name_stays_where_its_cache_is(
    storing: Gateway, upstreams: Upstreams
) -> None:
    ask(storing, SUM, model="tiny")
    usual = asked(upstreams).index(1)
    upstreams[usual].replies.insert(0, Reply(503))
    for _ in range(4):
        ask(storing, SUM, model="tiny", finerouter={"session": "s1"})
    assert asked(upstreams)[usual] == 2
    assert asked(upstreams)[1 - usual] == 4


def test_embeddings_leave_a_conversation_on_its_model(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    headers = {"x-finerouter-session": "s1"}
    config = "[sticky]\nmargin = 1.0"
    with running(tmp_path, router_folder, pool_toml(server), config, headers) as gateway:
        assert gateway.chat(SUM).headers["x-finerouter-model"] == "coder"
        assert gateway.post("/v1/embeddings", {"model": "tiny", "input": "one"}).status == 200
        assert gateway.records()[0].session is None
        assert gateway.chat(GERMAN).headers["x-finerouter-model"] == "coder"

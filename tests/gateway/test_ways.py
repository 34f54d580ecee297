"""How the models of a pool can be asked what a request says."""

from __future__ import annotations

import json

import pytest

from finerouter.asking import Asking, Endpoint
from finerouter.gateway.request import Request, parse
from finerouter.gateway.ways import PoolWays, ways_of
from finerouter.pool import Model

ENDPOINTS = {
    api: Endpoint(api, f"http://127.0.0.1:1/{api}", api=api)
    for api in ("chat", "messages", "completions")
}
# Plain completions cannot take a picture; chat and messages can.
PICTURE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]


def model(name: str, *apis: str) -> Model:
    first, *further = (Asking(ENDPOINTS[api], name) for api in apis)
    return Model(name, asking=first, further_askings=tuple(further))


def request(content: object, api: str = "chat") -> Request:
    turn = {"role": "user", "content": content}
    return parse(api, json.dumps({"model": "auto", "messages": [turn]}).encode())


@pytest.fixture
def pool() -> PoolWays:
    return PoolWays(
        [model("both", "chat", "completions"), model("base", "completions"), model("a", "messages")]
    )


def test_what_nothing_stands_in_the_way_of_goes_everywhere(pool: PoolWays) -> None:
    found = pool.of(request("hello"))
    assert {name: sorted(ways.can) for name, ways in found.items()} == {
        "both": ["chat", "completions"],
        "base": ["completions"],
        "a": ["messages"],
    }
    assert not any(ways.reason or ways.unfit for ways in found.values())
    assert pool.of(request("again")) is found


def test_what_an_endpoint_cannot_be_asked_is_said(pool: PoolWays) -> None:
    found = pool.of(request(PICTURE))
    assert found["both"].unfit == {"completions"}
    assert list(found["both"].can) == ["chat"]
    assert found["base"].reason
    assert not found["a"].reason


def test_a_request_leaves_nothing_behind_for_the_next(pool: PoolWays) -> None:
    before = pool.of(request("hello"))
    pool.of(request(PICTURE))
    assert pool.of(request("hello")) == before
    assert not pool.of(request("hello"))["base"].reason


def test_an_endpoint_is_asked_in_the_api_it_speaks(pool: PoolWays) -> None:
    ways = pool.of(request("hello", "messages"))
    assert {name: way.api for name, way in ways["both"].can.items()} == {
        "chat": "chat",
        "completions": "completions",
    }


def test_embeddings_are_had_from_chat_endpoints_alone() -> None:
    body = parse("embeddings", b'{"model": "both", "input": "hello"}')
    both, base = model("both", "chat"), model("base", "completions")
    found = ways_of(body, [both, base])
    assert found["both"].can["chat"].api == "embeddings"
    assert "no embeddings" in found["base"].reason

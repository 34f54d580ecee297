"""Three APIs of clients over endpoints that speak another, through a real gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.running import Answer, Gateway, pool_toml, running
from tests.gateway.test_chat import SUM
from tests.loopback import FAULTS, LoopbackUpstream

BODIES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": SUM}]},
    "/v1/messages": {"max_tokens": 100, "messages": [{"role": "user", "content": SUM}]},
    "/v1/responses": {"input": SUM},
}
PATHS = tuple(BODIES)
SPOKEN = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}


@pytest.fixture(params=tuple(SPOKEN))
def endpoint_api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mixed(
    endpoint_api: str, tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> Iterator[Gateway]:
    pool = pool_toml(server, extra=f'api = "{endpoint_api}"')
    with running(tmp_path, router_folder, pool) as gateway:
        yield gateway


def said(path: str, answer: Answer) -> str:
    """The text of a whole answer."""
    body = answer.json
    if path == "/v1/chat/completions":
        return str(body["choices"][0]["message"]["content"])
    if path == "/v1/messages":
        return "".join(block["text"] for block in body["content"])
    parts = (part for item in body["output"] for part in item.get("content", ()))
    return "".join(part["text"] for part in parts)


def streamed(path: str, answer: Answer) -> str:
    """The text of a stream."""
    events = [json.loads(event) for event in answer.events if event != "[DONE]"]
    if path == "/v1/chat/completions":
        deltas = [choice["delta"] for event in events for choice in event["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)
    if path == "/v1/messages":
        deltas = [e["delta"] for e in events if e["type"] == "content_block_delta"]
        return "".join(delta["text"] for delta in deltas)
    return "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")


@pytest.mark.parametrize("path", PATHS)
def test_any_client_is_answered_by_any_endpoint(
    mixed: Gateway, server: LoopbackUpstream, endpoint_api: str, path: str
) -> None:
    answer = mixed.post(path, {"model": "auto", **BODIES[path]})
    assert answer.status == 200, answer.body
    assert said(path, answer) == f"You said: {server.requests[0].prompt}"
    assert SUM in said(path, answer)
    assert server.requests[0].path == SPOKEN[endpoint_api]
    record = mixed.records()[0]
    assert (record.model, record.outcome) == ("coder", "ok")
    assert not record.tokens.estimated


@pytest.mark.parametrize("path", PATHS)
def test_any_client_gets_its_stream_from_any_endpoint(mixed: Gateway, path: str) -> None:
    answer = mixed.post(path, {"model": "auto", "stream": True, **BODIES[path]})
    assert answer.status == 200, answer.body
    assert SUM in streamed(path, answer)
    record = mixed.records()[0]
    assert (record.outcome, record.streamed, record.tokens.estimated) == ("ok", True, False)


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_that_breaks_off_ends_with_the_apis_own_error(
    mixed: Gateway, server: LoopbackUpstream, path: str
) -> None:
    server.faults = [FAULTS["hang_up_midway"]]
    answer = mixed.post(path, {"model": "auto", "stream": True, **BODIES[path]})
    last = json.loads(answer.events[-1])
    words = last["message"] if path == "/v1/responses" else last["error"]["message"]
    assert "broke off" in words
    assert mixed.records()[0].outcome == "broken"


@pytest.mark.parametrize("path", PATHS)
def test_refusals_have_the_apis_own_form(mixed: Gateway, path: str) -> None:
    answer = mixed.post(path, {"model": "nobody", **BODIES[path]})
    assert answer.status == 404
    assert (answer.json.get("type") == "error") == (path == "/v1/messages")
    assert "nobody" in answer.json["error"]["message"]


def test_what_cannot_be_translated_is_left_out_before_deciding(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream, other_server: LoopbackUpstream
) -> None:
    pool = pool_toml(server, extra='api = "messages"').replace(
        'model = "tiny"\nendpoint = ["e0"]', 'model = "tiny"\nendpoint = "open"'
    )
    pool += f'\n[endpoints.open]\nbase_url = "{other_server.url}"\n'
    with running(tmp_path, router_folder, pool) as gateway:
        answer = gateway.chat(SUM, n=2)
        assert answer.headers["x-finerouter-model"] == "tiny"
        assert not server.requests
        told = gateway.post(
            "/v1/route", {"messages": [{"role": "user", "content": SUM}], "n": 2}
        ).json
        filtered = {item["model"]: item["filtered"] for item in told["candidates"]}
        assert filtered["coder"]
        assert filtered["tiny"] is None
        refused = gateway.chat(SUM, model="coder", n=2)
        assert refused.status == 400
        assert "cannot be asked this" in refused.json["error"]["message"]


def test_an_entrys_way_of_asking_is_part_of_it(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    pool = pool_toml(server).replace(
        'model = "coder"', 'model = "coder"\nparameters = { system = "Think.", temperature = 0.1 }'
    )
    with running(tmp_path, router_folder, pool) as gateway:
        gateway.chat(SUM)
        gateway.chat(SUM, temperature=0.9)
    asked = [call.body for call in server.requests]
    assert [body["temperature"] for body in asked] == [0.1, 0.9]
    assert asked[0]["messages"][0] == {"role": "system", "content": "Think."}


def test_a_base_model_continues_a_text(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    pool = pool_toml(server, extra='api = "completions"').replace(
        'model = "coder"', 'model = "coder"\nparameters = { template = "Q: {prompt}\\nA:" }'
    )
    with running(tmp_path, router_folder, pool) as gateway:
        answer = gateway.chat(SUM)
        assert answer.status == 200, answer.body
        assert server.requests[0].body["prompt"] == f"Q: {SUM}\nA:"
        assert answer.json["choices"][0]["message"]["content"]
        asked = gateway.chat(SUM, tools=[{"type": "function", "function": {"name": "add"}}])
        assert asked.status == 400


def test_an_endpoint_is_asked_in_the_clients_api_where_it_speaks_it(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    pool = pool_toml(server, extra='also = ["messages"]')
    with running(tmp_path, router_folder, pool) as gateway:
        gateway.post("/v1/messages", {"model": "auto", **BODIES["/v1/messages"]})
        gateway.chat(SUM)
    assert [call.path for call in server.requests] == ["/v1/messages", "/v1/chat/completions"]


def test_fields_of_an_entry_are_for_its_main_api_alone(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    pool = pool_toml(server, extra='also = ["messages"]').replace(
        'model = "coder"',
        'model = "coder"\nparameters = { top_p = 0.5, body = { logit_bias = {} } }',
    )
    with running(tmp_path, router_folder, pool) as gateway:
        gateway.post("/v1/messages", {"model": "coder", **BODIES["/v1/messages"]})
        gateway.chat(SUM, model="coder")
    foreign, own = (call.body for call in server.requests)
    assert foreign["top_p"] == own["top_p"] == 0.5
    assert "logit_bias" in own
    assert "logit_bias" not in foreign


# The endpoint's own API, the client's, and the headers that carry the key.
CREDENTIALS = (
    ("chat", "/v1/chat/completions", {"authorization"}),
    ("chat", "/v1/messages", {"authorization", "x-api-key"}),
    ("messages", "/v1/messages", {"x-api-key"}),
    ("messages", "/v1/chat/completions", {"authorization", "x-api-key"}),
)


@pytest.mark.parametrize(("own", "path", "carriers"), CREDENTIALS)
def test_the_key_goes_as_both_the_endpoint_and_the_call_want_it(
    tmp_path: Path,
    router_folder: Path,
    server: LoopbackUpstream,
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    path: str,
    carriers: set[str],
) -> None:
    monkeypatch.setenv("SOME_KEY", "the-key")
    extra = f'api = "{own}"\nalso = ["chat", "messages"]\nkey_env = "SOME_KEY"'
    with running(tmp_path, router_folder, pool_toml(server, extra=extra)) as gateway:
        assert gateway.post(path, {"model": "auto", **BODIES[path]}).status == 200
    (call,) = server.requests
    sent = {
        name for name in ("authorization", "x-api-key") if "the-key" in call.headers.get(name, "")
    }
    assert (call.path, sent) == (path, carriers)
    assert ("anthropic-version" in call.headers) == (path == "/v1/messages")


@pytest.mark.parametrize(
    ("path", "given", "told"),
    [
        ("/v1/messages", {}, "2023-06-01"),
        ("/v1/messages", {"anthropic-version": ""}, "2023-06-01"),
        ("/v1/messages", {"anthropic-version": "2031-01-01"}, "2031-01-01"),
        ("/v1/chat/completions", {"anthropic-version": "2031-01-01"}, "2023-06-01"),
    ],
)
def test_the_clients_version_of_the_api_is_passed_on_with_its_own_words(
    tmp_path: Path,
    router_folder: Path,
    server: LoopbackUpstream,
    path: str,
    given: dict[str, str],
    told: str,
) -> None:
    pool = pool_toml(server, extra='api = "messages"')
    with running(tmp_path, router_folder, pool) as gateway:
        assert gateway.post(path, {"model": "auto", **BODIES[path]}, given).status == 200
    assert server.requests[0].headers["anthropic-version"] == told

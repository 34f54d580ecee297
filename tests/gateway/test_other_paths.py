"""The paths beside inference: which model and why, feedback, names, health, administration."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from finerouter.gateway.access import new_key
from tests.gateway.running import Answer, Gateway, pool_toml, running
from tests.gateway.test_chat import GERMAN, SUM
from tests.loopback import FAULTS, LoopbackUpstream


def test_route_says_which_and_why_and_calls_nothing(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    told = gateway.post("/v1/route", {"prompt": SUM}).json
    assert told["model"] == "coder"
    assert told["task"]
    assert "best estimated quality" in told["reason"]
    assert told["candidates"][0]["model"] == "coder"
    assert told["cost_usd"] > 0
    assert not server.requests
    assert not gateway.records()


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": SUM}]},
        {"model": "auto:best", "messages": [{"role": "user", "content": SUM}]},
        {"system": "Be brief.", "max_tokens": 5, "messages": [{"role": "user", "content": SUM}]},
        {"input": SUM},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": SUM}]}]},
    ],
)
def test_route_takes_a_body_of_any_api(gateway: Gateway, body: dict) -> None:
    assert gateway.post("/v1/route", body).json["model"] == "coder"


_PICTURE = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
_USE = {"type": "tool_use", "id": "t1", "name": "add", "input": {}}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"messages": [{"role": "user", "content": SUM}]}, {"anthropic-version": "2023-06-01"}),
        ({"messages": [{"role": "user", "content": SUM}], "api": "messages"}, {}),
        (
            {
                "messages": [{"role": "user", "content": SUM}],
                "tools": [{"name": "add", "input_schema": {"type": "object"}}],
            },
            {},
        ),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": _PICTURE}]}]}, {}),
        (
            {
                "messages": [
                    {"role": "user", "content": SUM},
                    {"role": "assistant", "content": [_USE]},
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_result", "tool_use_id": "t1", "content": "42"},
                            {"type": "text", "text": SUM},
                        ],
                    },
                ]
            },
            {},
        ),
    ],
)
def test_route_knows_a_body_of_anthropics_api(
    tmp_path: Path,
    router_folder: Path,
    server: LoopbackUpstream,
    body: dict[str, Any],
    headers: dict[str, str],
) -> None:
    # `top_k` is a field of messages, and none of chat completions: there it is an obstacle.
    body = {"max_tokens": 5, "top_k": 5, **body}
    pool = pool_toml(server, extra='api = "messages"').replace('"tools"]', '"tools", "vision"]')
    with running(tmp_path, router_folder, pool) as gateway:
        assert gateway.post("/v1/route", body, headers).status == 200


def test_route_takes_no_api_that_does_not_exist(gateway: Gateway) -> None:
    for api in ("smoke", "embeddings", 3, ["chat"]):
        refused = gateway.post("/v1/route", {"prompt": SUM, "api": api})
        assert refused.status == 400
        assert "`api` must be one of chat, messages" in refused.json["error"]["message"]


def test_route_follows_the_dials_of_the_request(gateway: Gateway) -> None:
    body = {"prompt": SUM, "finerouter": {"min_quality": 0.0}}
    assert gateway.post("/v1/route", body).json["model"] == "tiny"
    told = gateway.post("/v1/route", {"prompt": SUM, "finerouter": {"models": ["tiny"]}}).json
    filtered = {item["model"]: item["filtered"] for item in told["candidates"]}
    assert filtered["coder"] == "not among the allowed models"


@pytest.mark.parametrize(
    "body", [{}, {"prompt": ""}, {"prompt": 3}, {"prompt": SUM, "model": "tiny"}]
)
def test_route_refuses_what_it_cannot_route(gateway: Gateway, body: dict) -> None:
    assert gateway.post("/v1/route", body).status == 400


def test_feedback_is_attached_to_a_decision(gateway: Gateway) -> None:
    decision_id = gateway.chat(SUM).headers["x-finerouter-decision-id"]
    told = gateway.post("/v1/feedback", {"decision_id": decision_id, "thumbs": "up"})
    assert (told.status, told.json["score"]) == (200, 1.0)
    _, given = gateway.found(decision_id)
    assert [(item.score, item.source) for item in given] == [(1.0, "user")]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"decision_id": "0" * 32, "score": 1}, 404),
        ({"score": 1}, 400),
        ({"decision_id": "x", "score": 2}, 400),
        ({"decision_id": "x", "score": True}, 400),
        ({"decision_id": "x", "score": 1, "thumbs": "up"}, 400),
        ({"decision_id": "x", "thumbs": "sideways"}, 400),
        ({"decision_id": "x", "score": 1, "stars": 5}, 400),
        ({"decision_id": "x", "score": 1, "note": "n" * 10_000}, 400),
    ],
)
def test_feedback_that_cannot_be_is_refused(gateway: Gateway, fields: dict, status: int) -> None:
    assert gateway.post("/v1/feedback", fields).status == status


@pytest.mark.parametrize(
    ("method", "path", "fields", "status", "code"),
    [
        ("POST", "/v1/feedback", {"decision_id": "0" * 32, "score": 1}, 404, "not_found"),
        ("POST", "/v1/feedback", {"score": 1}, 400, "invalid_request"),
        ("POST", "/v1/route", {"prompt": SUM, "model": "nothing"}, 404, "model_not_found"),
        ("POST", "/v1/route", {}, 400, "invalid_request"),
        ("GET", "/v1/models/nothing", None, 404, "model_not_found"),
        ("GET", "/dashboard/data?hours=x", None, 400, "invalid_request"),
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("PUT", "/admin/reload", {}, 405, None),
    ],
)
def test_an_error_beside_inference_has_all_parts_of_the_form(
    gateway: Gateway, method: str, path: str, fields: Any, status: int, code: str | None
) -> None:
    answer = gateway.call(method, path, json.dumps(fields).encode())
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", code)


def test_a_failed_reload_has_all_parts_of_the_form(gateway: Gateway) -> None:
    (gateway.folder / "gateway.toml").write_text("nonsense = 1")
    error = gateway.post("/admin/reload", {}).json["error"]
    assert (set(error), error["param"]) == ({"message", "type", "param", "code"}, None)


def test_feedback_is_for_those_who_asked_and_for_administrators(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    made = {name: new_key(name) for name in ("mine", "other", "grader")}
    tables = [
        f'[[keys]]\nname = "{name}"\nsha256 = "{key.sha256}"\n'
        + ('scopes = ["feedback", "admin"]' if name == "grader" else "")
        for name, key in made.items()
    ]
    config = "\n".join(["[sticky]", "margin = 1.0", *tables])
    mine, other, grader = ({"authorization": f"Bearer {key.key}"} for key in made.values())

    def ask(text: str) -> Answer:
        messages = [{"role": "user", "content": text}]
        body = {"model": "auto", "messages": messages, "finerouter": {"session": "s1"}}
        return gateway.post("/v1/chat/completions", body, mine)

    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        decision_id = ask(SUM).headers["x-finerouter-decision-id"]
        given = {"decision_id": decision_id, "thumbs": "down"}
        refused = gateway.post("/v1/feedback", given, other)
        unknown = gateway.post("/v1/feedback", {**given, "decision_id": "0" * 32}, other)
        assert (refused.status, unknown.status) == (404, 404)
        words = [answer.json["error"]["message"] for answer in (refused, unknown)]
        assert words[0].replace(decision_id, "0" * 32) == words[1]
        assert gateway.found(decision_id)[1] == []
        assert ask(GERMAN).headers["x-finerouter-model"] == "coder"
        for headers in (mine, grader):
            assert gateway.post("/v1/feedback", given, headers).status == 200
            assert gateway.found(decision_id)[1][-1].score == 0.0


def test_names_that_can_be_asked_for(gateway: Gateway) -> None:
    listed = gateway.get("/v1/models").json
    names = [item["id"] for item in listed["data"]]
    assert names == ["auto", "auto:best", "coder", "linguist", "scholar", "tiny"]
    assert gateway.get("/v1/models/auto:best").json["object"] == "model"
    assert gateway.get("/v1/models/nothing").status == 404
    anthropic = gateway.get("/v1/models", {"anthropic-version": "2023-06-01"}).json
    assert [item["id"] for item in anthropic["data"]] == names
    assert anthropic["has_more"] is False


def test_health(gateway: Gateway, server: LoopbackUpstream) -> None:
    assert gateway.get("/healthz").json == {"status": "ok"}
    assert gateway.get("/readyz").status == 200
    server.misbehave = lambda _: FAULTS["hang_up"]
    for _ in range(6):
        assert gateway.chat(SUM).status in (502, 503)
    assert gateway.get("/healthz").status == 200
    assert gateway.get("/readyz").status == 503


LONG = "n" * 400_000


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/v1/chat/completions", {"model": LONG}, 404),
        ("/v1/chat/completions", {"model": f"auto:{LONG}"}, 404),
        ("/v1/chat/completions", {"finerouter": {"models": [LONG]}}, 404),
        ("/v1/chat/completions", {"finerouter": {"policy": LONG}}, 404),
        ("/v1/chat/completions", {"finerouter": {LONG: 1}}, 400),
        ("/v1/route", {"model": LONG}, 404),
        ("/v1/feedback", {LONG: 1}, 400),
    ],
)
def test_a_name_as_long_as_a_book_is_not_repeated(
    gateway: Gateway, path: str, fields: dict, status: int
) -> None:
    asked = {"model": "auto", "messages": [{"role": "user", "content": SUM}]}
    answer = gateway.post(path, {**(asked if path != "/v1/feedback" else {}), **fields})
    assert answer.status == status
    assert "nnn" in answer.json["error"]["message"]
    assert len(answer.body) < 1_000
    for record in gateway.records():
        assert len(record.requested) <= 200
        assert len(record.error) <= 1_000


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/v1/route/",
        "/v1/chat/completions/",
        "//v1/models",
        "/healthz/",
        "/v1/x/" + "n" * 9_000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_refused_in_json_and_leads_nowhere(
    gateway: Gateway, path: str, method: str
) -> None:
    answer = gateway.call(method, path, b"{}", {"host": "localhost"})
    assert answer.status == 404
    assert "location" not in answer.headers
    error = answer.json["error"]
    assert (error["type"], "/v1" in error["message"]) == ("invalid_request_error", "/v1" in path)
    assert len(answer.body) < 1_000


def test_a_refused_path_speaks_the_words_of_its_api(gateway: Gateway) -> None:
    told = gateway.post("/v1/messages/count_tokens", {}).json
    assert (told["type"], told["error"]["type"]) == ("error", "not_found_error")
    told = gateway.call("OPTIONS", "/v1/messages").json
    assert (told["type"], told["error"]["type"]) == ("error", "invalid_request_error")


def test_another_method_is_refused_and_the_right_one_named(gateway: Gateway) -> None:
    for method, path, right in (
        ("GET", "/v1/chat/completions", "POST"),
        ("OPTIONS", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/models", "GET"),
    ):
        answer = gateway.call(method, path)
        assert answer.status == 405
        assert right in answer.headers["allow"]
        assert right in answer.json["error"]["message"]


def test_embeddings_are_passed_through_by_name(gateway: Gateway, server: LoopbackUpstream) -> None:
    answer = gateway.post("/v1/embeddings", {"model": "tiny", "input": ["one", "two"]})
    assert answer.status == 200
    assert len(answer.json["data"]) == 2
    assert server.requests[0].body == {"model": "tiny", "input": ["one", "two"]}
    refused = gateway.post("/v1/embeddings", {"model": "auto", "input": ["one"]})
    assert refused.status == 400
    assert "name the model" in refused.json["error"]["message"]


def test_a_session_by_name_is_kept_on_its_model(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    with running(tmp_path, router_folder, pool_toml(server), "[sticky]\nmargin = 1.0") as gateway:
        first = gateway.chat(GERMAN, finerouter={"session": "s1", "models": ["scholar"]})
        assert first.headers["x-finerouter-model"] == "scholar"
        kept, other = (gateway.chat(GERMAN, finerouter={"session": name}) for name in ("s1", "s2"))
        assert kept.headers["x-finerouter-model"] == "scholar"
        assert other.headers["x-finerouter-model"] == "linguist"
        assert [record.sticky for record in gateway.records()] == [False, True, False]


def test_a_wide_margin_keeps_the_conversation_until_it_is_disliked(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "[sticky]\nmargin = 1.0"
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        first = gateway.chat(SUM)
        assert first.headers["x-finerouter-model"] == "coder"
        turns = [
            {"role": "user", "content": SUM},
            first.json["choices"][0]["message"],
            {"role": "user", "content": GERMAN},
        ]
        body = {"model": "auto", "messages": turns}
        second = gateway.post("/v1/chat/completions", body)
        assert second.headers["x-finerouter-model"] == "coder"
        assert gateway.records()[0].sticky
        decision_id = second.headers["x-finerouter-decision-id"]
        gateway.post("/v1/feedback", {"decision_id": decision_id, "thumbs": "down"})
        turns += [second.json["choices"][0]["message"], {"role": "user", "content": GERMAN}]
        third = gateway.post("/v1/chat/completions", body)
        assert third.headers["x-finerouter-model"] == "linguist"


def test_keys_open_what_their_scopes_say(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    made = {scope: new_key(scope) for scope in ("infer", "route", "feedback", "read", "admin")}
    config = "\n".join(
        f'[[keys]]\nname = "{name}"\nsha256 = "{key.sha256}"\nscopes = ["{name}"]'
        for name, key in made.items()
    )
    calls = {
        "infer": ("POST", "/v1/chat/completions"),
        "route": ("POST", "/v1/route"),
        "feedback": ("POST", "/v1/feedback"),
        "read": ("GET", "/dashboard/data"),
        "admin": ("GET", "/admin/endpoints"),
    }
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        for scope, (method, path) in calls.items():
            unknown = gateway.call(method, path, b"{}")
            assert (unknown.status, unknown.headers["www-authenticate"]) == (401, "Bearer")
            wrong = {"authorization": "Bearer fr-" + "x" * 40}
            assert gateway.call(method, path, b"{}", wrong).status == 401
            for name, key in made.items():
                for headers in ({"authorization": f"Bearer {key.key}"}, {"x-api-key": key.key}):
                    status = gateway.call(method, path, b"{}", headers).status
                    assert (status == 403) == (name != scope), (name, path, status)
        assert gateway.call("POST", "/admin/reload", b"").status == 401
        assert gateway.get("/healthz").status == 200


def test_a_key_of_few_models_sees_and_gets_only_these(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    key = new_key("guest")
    config = (
        f'[[keys]]\nname = "guest"\nsha256 = "{key.sha256}"\nallow = ["tiny", "linguist"]\n'
        'deny = ["linguist"]'
    )
    headers = {"authorization": f"Bearer {key.key}"}
    with running(tmp_path, router_folder, pool_toml(server), config, headers) as gateway:
        assert gateway.chat(SUM).headers["x-finerouter-model"] == "tiny"
        assert gateway.chat(SUM, model="coder").status == 404
        names = [item["id"] for item in gateway.get("/v1/models").json["data"]]
        assert names == ["auto", "auto:best", "tiny"]
        told = gateway.post("/v1/route", {"prompt": SUM})
        assert [item["model"] for item in told.json["candidates"]] == ["tiny"]
        seeing = gateway.chat(SUM, modalities=["audio"], finerouter={"models": ["coder"]})
        assert seeing.status == 400
        for answer in (told, seeing):
            assert not [name for name in ("coder", "linguist", "scholar") if name in str(answer)]
        assert gateway.records()[0].key == "guest"
    assert all(key.key not in call.raw.decode() for call in server.requests)
    assert all(key.key not in str(call.headers) for call in server.requests)


def test_a_spent_budget_is_told_and_one_near_its_end_takes_the_cheapest(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "[budget]\nday_usd = 0.01\ntier_down_at = 0.000001"
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        assert gateway.chat(SUM).headers["x-finerouter-model"] == "coder"
        assert gateway.chat(SUM).headers["x-finerouter-model"] == "tiny"
        assert gateway.records()[0].tier_down
        gateway.service.parts.budgets.charge("", 1.0)
        refused = gateway.chat(SUM)
        assert refused.status == 429
        assert refused.json["error"]["type"]
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["x-should-retry"] == "false"


def test_reloading_swaps_everything_or_nothing(gateway: Gateway) -> None:
    config = gateway.folder / "gateway.toml"
    config.write_text('default_policy = "cheap"\n[policies.cheap]\nmin_quality = 0.0')
    assert gateway.call("POST", "/admin/reload", b"").status == 200
    assert gateway.chat(SUM).headers["x-finerouter-model"] == "tiny"
    for broken in ("default_policy = 'none'", "nonsense = 1", "pool = 'missing.toml'"):
        config.write_text(broken)
        refused = gateway.call("POST", "/admin/reload", b"")
        assert refused.status == 400, broken
        assert gateway.chat(SUM).headers["x-finerouter-model"] == "tiny"


def test_what_is_no_request_is_told_so(gateway: Gateway) -> None:
    for body in (b"", b"[]", b"{", b'{"model": 3}', b"\xff" * 10, b"[" * 50_000):
        answer = gateway.call("POST", "/v1/chat/completions", body)
        assert answer.status == 400, body[:10]
        assert answer.json["error"]["message"]
    anthropic = gateway.call("POST", "/v1/messages", b"{}")
    assert anthropic.json["type"] == "error"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/route"])
def test_a_compressed_body_is_refused_by_its_name(
    gateway: Gateway, server: LoopbackUpstream, path: str
) -> None:
    asked = {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": SUM}]}
    body = json.dumps(asked).encode()
    for encoding in ("gzip", "br", "x" * 5_000):
        answer = gateway.call("POST", path, gzip.compress(body), {"content-encoding": encoding})
        assert answer.status == 415
        assert "content-encoding" in answer.json["error"]["message"]
        assert len(answer.body) < 1_000
    assert not server.requests
    for encoding in ("identity", "Identity", ""):
        assert gateway.call("POST", path, body, {"content-encoding": encoding}).status == 200


def test_a_body_that_is_too_large_is_not_read(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "[limits]\nmax_body_bytes = 1000"
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        assert gateway.chat("x" * 2_000).status == 413
        assert gateway.chat("x").status == 200


def test_endpoints_are_shown_to_administrators(gateway: Gateway) -> None:
    shown = gateway.get("/admin/endpoints").json["endpoints"]
    assert [item["name"] for item in shown] == ["e0"]
    assert shown[0]["state"] == "closed"
    assert shown[0]["key_missing"] == ""


def test_an_endpoint_without_its_key_is_shown(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_toml(server, extra='key_env = "LATER_KEY"')
    with running(tmp_path, router_folder, pool) as gateway:
        (shown,) = gateway.get("/admin/endpoints").json["endpoints"]
        assert "the environment has no LATER_KEY" in shown["key_missing"]
        monkeypatch.setenv("LATER_KEY", "sk-secret-of-the-endpoint")
        for path in ("/admin/endpoints", "/dashboard/data"):
            answer = gateway.get(path)
            assert answer.json["endpoints"][0]["key_missing"] == ""
            assert b"sk-secret" not in answer.body

"""Chat completions through the gateway: routed, by name, whole and streamed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gateway.running import Gateway, pool_toml, running
from tests.loopback import FAULTS, Fault, LoopbackUpstream, Reply

SUM = "What is 17 plus 25 times 3? Calculate the number step by step."
GERMAN = "Translate this sentence into German: the river near the stone holds a lamp."


def test_a_routed_answer(gateway: Gateway, server: LoopbackUpstream) -> None:
    answer = gateway.chat(SUM, temperature=0.5)
    assert answer.status == 200, answer.body
    assert answer.json["choices"][0]["message"]["content"] == f"You said: {SUM}"
    assert answer.headers["x-finerouter-model"] == "coder"
    assert float(answer.headers["x-finerouter-cost-usd"]) > 0
    assert server.requests[0].body == {
        "model": "coder",
        "messages": [{"role": "user", "content": SUM}],
        "temperature": 0.5,
    }


def test_prompts_of_two_kinds_go_to_two_models(gateway: Gateway) -> None:
    chosen = [gateway.chat(text).headers["x-finerouter-model"] for text in (SUM, GERMAN)]
    assert chosen == ["coder", "linguist"]


def test_a_streamed_answer(gateway: Gateway, server: LoopbackUpstream) -> None:
    answer = gateway.chat(SUM, stream=True)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.events[-1] == "[DONE]"
    said = [json.loads(event)["choices"][0]["delta"] for event in answer.events[:-1]]
    assert "".join(delta.get("content", "") for delta in said) == f"You said: {SUM}"
    # The tokens are asked for, for the bill.
    assert server.requests[0].body["stream_options"] == {"include_usage": True}


def test_a_model_by_its_name_is_passed_through(gateway: Gateway, server: LoopbackUpstream) -> None:
    answer = gateway.chat(SUM, model="tiny", unknown_field={"a": [None]})
    assert answer.headers["x-finerouter-model"] == "tiny"
    assert "x-finerouter-task" not in answer.headers
    assert server.requests[0].body["unknown_field"] == {"a": [None]}


def test_what_nobody_knows_is_refused(gateway: Gateway, server: LoopbackUpstream) -> None:
    for model in ("gpt-99", "auto:nothing"):
        answer = gateway.chat(SUM, model=model)
        assert answer.status == 404
        assert answer.json["error"]["code"] == "model_not_found"
    assert not server.requests


def test_policies_are_models(tmp_path: Path, router_folder: Path, server: LoopbackUpstream) -> None:
    config = '[policies.cheap]\nmin_quality = 0.0\n[policies.only]\nallow = ["scholar"]'
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        for policy, model in (("cheap", "tiny"), ("only", "scholar"), ("best", "coder")):
            answer = gateway.chat(SUM, model=f"auto:{policy}")
            assert answer.headers["x-finerouter-model"] == model


def test_a_request_may_ask_for_less(gateway: Gateway, server: LoopbackUpstream) -> None:
    cheap = gateway.chat(SUM, finerouter={"min_quality": 0.0})
    assert cheap.headers["x-finerouter-model"] == "tiny"
    assert "finerouter" not in server.requests[0].body
    messages = [{"role": "user", "content": SUM}]
    body = {"model": "auto", "messages": messages}
    chosen = gateway.post(
        "/v1/chat/completions", body, {"x-finerouter-models": "linguist, tiny"}
    ).headers["x-finerouter-model"]
    assert chosen in ("linguist", "tiny")
    wrong = gateway.chat(SUM, finerouter={"cost_wait": 3})
    assert (wrong.status, wrong.json["error"]["code"]) == (400, "invalid_policy")


def test_a_picture_never_reaches_a_model_without_eyes(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": SUM}, picture]}]
    answer = gateway.post("/v1/chat/completions", {"model": "auto", "messages": messages})
    assert answer.status == 400
    assert "lacks vision" in answer.json["error"]["message"]
    assert not server.requests


def test_tools_go_to_models_that_have_them(gateway: Gateway) -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    answer = gateway.chat(GERMAN, tools=[tool])
    assert answer.headers["x-finerouter-model"] in ("coder", "scholar")


def test_the_next_best_model_answers_when_the_first_is_in_trouble(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    def down(call: object) -> object:
        return FAULTS["hang_up"] if call.body["model"] == "coder" else None

    server.misbehave = down
    answer = gateway.chat(SUM)
    assert answer.status == 200
    assert answer.headers["x-finerouter-model"] != "coder"
    record = gateway.records()[0]
    assert record.first_choice == "coder"
    assert record.model == answer.headers["x-finerouter-model"]
    assert record.attempts[0].reason


def test_an_upstreams_refusal_of_the_request_is_passed_on(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.replies = [Reply(400, '{"error": {"message": "temperature is too high"}}')]
    answer = gateway.chat(SUM, temperature=99)
    assert answer.status == 400
    assert "temperature is too high" in answer.json["error"]["message"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["hang_up_midway"])
def test_a_stream_that_breaks_off_ends_with_an_error(
    gateway: Gateway, server: LoopbackUpstream, kind: str
) -> None:
    server.faults = [FAULTS[kind]]
    answer = gateway.chat(SUM, stream=True)
    assert answer.status == 200
    assert "broke off" in json.loads(answer.events[-1])["error"]["message"]
    assert "[DONE]" not in answer.events
    assert gateway.records()[0].outcome == "broken"


def test_headers_can_be_turned_off(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    with running(tmp_path, router_folder, pool_toml(server), "explain_headers = false") as gateway:
        answers = [gateway.chat(SUM)]
        server.faults = [Fault.status(400)]
        answers.append(gateway.chat(SUM))
    assert [answer.status for answer in answers] == [200, 400]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("x-finerouter")]


def test_the_journal_says_what_was_decided_and_what_came_of_it(gateway: Gateway) -> None:
    answer = gateway.chat(SUM)
    record = gateway.records()[0]
    assert record.decision_id == answer.headers["x-finerouter-decision-id"]
    assert record.model == record.first_choice == "coder"
    assert record.policy == "best"
    assert record.propensity == 1.0
    assert [item.model for item in record.estimates] == ["coder", "linguist", "scholar", "tiny"]
    assert record.tokens.input > 0
    assert not record.tokens.estimated
    tokens = record.tokens
    assert record.cost_usd == pytest.approx((tokens.input * 1.0 + tokens.output * 4.0) / 1e6)
    assert record.best_usd is not None
    assert record.prompt is None
    assert record.latency_ms >= record.first_byte_ms > 0


def test_prompts_are_kept_only_if_asked_for(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "[journal]\nprompts = true"
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        gateway.chat(SUM)
        assert gateway.records()[0].prompt == SUM


def test_tokens_are_estimated_where_nobody_reports_them(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.report_usage = False
    assert gateway.chat(SUM).status == 200
    assert gateway.chat(SUM, stream=True).status == 200
    for record in gateway.records():
        assert record.tokens.estimated
        assert record.cost_usd > 0


def test_a_bare_picture_is_routed_too(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    pool = pool_toml(server).replace('["json", "tools"]', '["vision"]')
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [{"role": "user", "content": [picture]}]
    with running(tmp_path, router_folder, pool) as gateway:
        answer = gateway.post("/v1/chat/completions", {"model": "auto", "messages": messages})
    assert answer.headers["x-finerouter-model"] == "scholar"


def test_chance_sends_some_requests_elsewhere(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    with running(tmp_path, router_folder, pool_toml(server), "explore = 1.0") as gateway:
        chosen = {gateway.chat(SUM).headers["x-finerouter-model"] for _ in range(40)}
        records = gateway.records()
    assert len(chosen) == 4
    assert {record.propensity for record in records} == {0.25}
    assert any(record.explored for record in records)


def test_more_than_it_takes_is_told_to_come_back(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "[limits]\nmax_concurrent = 1"
    server.delay_s = 0.5
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        answers = gateway.at_once(lambda: gateway.chat(SUM), 4)
        refused = [answer for answer in answers if answer.status == 429]
        assert [answer.status for answer in answers].count(200) >= 1
        assert refused
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        server.delay_s = 0
        assert gateway.chat(SUM).status == 200


def test_a_picture_whose_tokens_nobody_reports_is_not_billed_by_its_bytes(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    server.report_usage = False
    server.answer = lambda _: "A cat."
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    messages = [{"role": "user", "content": [{"type": "text", "text": SUM}, picture]}]
    with running(tmp_path, router_folder, pool_toml(server)) as gateway:
        body = {"model": "coder", "messages": messages}
        assert gateway.post("/v1/chat/completions", body).status == 200
        tokens = gateway.records()[0].tokens
    assert tokens.estimated
    assert 1_000 < tokens.input < 2_000

"""What a request says of its cost holds, through a real gateway; what a policy says gives way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.running import Answer, Gateway, pool_toml, running
from tests.gateway.test_chat import SUM
from tests.loopback import FAULTS, LoopbackUpstream

POLICIES = """
[policies.wish]
max_cost_usd = 1e-9
[policies.floor]
min_quality = 0.9
"""
BODY = {"model": "auto", "messages": [{"role": "user", "content": SUM}]}


def costs(gateway: Gateway) -> dict[str, float]:
    """Expected of every model, the cheapest first."""
    told = gateway.post("/v1/route", {"prompt": SUM}).json["candidates"]
    return dict(sorted(((item["model"], item["cost_usd"]) for item in told), key=lambda at: at[1]))


def asked_models(server: LoopbackUpstream) -> set[str]:
    return {call.body["model"] for call in server.requests}


def both(gateway: Gateway, limit: float, **fields: Any) -> list[Answer]:
    """What a request with a limit comes to, by header and by body, as asked and as explained."""
    header = {"x-finerouter-max-cost-usd": repr(limit)}
    return [
        gateway.post(path, {**BODY, **fields, **own}, headers)
        for path in ("/v1/chat/completions", "/v1/route")
        for own, headers in (({}, header), ({"finerouter": {"max_cost_usd": limit}}, {}))
    ]


@pytest.mark.parametrize("model", ["auto", "auto:best"])
def test_a_request_beyond_its_own_limit_is_refused(
    gateway: Gateway, server: LoopbackUpstream, model: str
) -> None:
    for answer in both(gateway, 1e-9, model=model):
        assert (answer.status, answer.json["error"]["code"]) == (400, "no_eligible_model")
        assert "tiny: expected to cost 0.0" in answer.json["error"]["message"]
    assert not server.requests
    named = float(answer.json["error"]["message"].split("at least ")[1].split(",")[0])
    assert named == pytest.approx(costs(gateway)["tiny"], rel=1e-3)
    chosen = both(gateway, named, model=model)
    assert [answer.status for answer in chosen] == [200] * 4
    assert {answer.headers["x-finerouter-model"] for answer in chosen[:2]} == {"tiny"}
    assert {answer.json["model"] for answer in chosen[2:]} == {"tiny"}


def test_no_fallback_is_beyond_the_limit(gateway: Gateway, server: LoopbackUpstream) -> None:
    expected = costs(gateway)
    within = list(expected)[:2]
    limit = expected[within[1]]
    asked, _, explained, _ = both(gateway, limit)
    told = explained.json
    assert {told["model"], *told["fallbacks"]} == set(within)
    assert asked.headers["x-finerouter-model"] == told["model"]
    assert all(
        "max_cost_usd" in item["filtered"]
        for item in told["candidates"]
        if item["model"] not in within
    )
    server.misbehave = lambda call: FAULTS["hang_up"] if call.body["model"] in within else None
    refused = gateway.chat(SUM, finerouter={"max_cost_usd": limit})
    assert refused.status >= 500
    assert asked_models(server) <= set(within)


def test_a_policys_budget_gives_way_and_its_fallbacks_go_on(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    with running(tmp_path, router_folder, pool_toml(server), POLICIES) as gateway:
        order = list(costs(gateway))
        told = gateway.post("/v1/route", {**BODY, "model": "auto:wish"}).json
        assert [told["model"], *told["fallbacks"]] == order
        answer = gateway.chat(SUM, model="auto:wish")
        assert answer.headers["x-finerouter-model"] == order[0]
        server.misbehave = lambda call: FAULTS["hang_up"] if call.body["model"] == "tiny" else None
        answer = gateway.chat(SUM, model="auto:wish")
        assert answer.headers["x-finerouter-model"] == order[1]
        # A wider limit of the request does not lift the policy's wish, and holds beside it.
        expected = costs(gateway)
        body = {**BODY, "finerouter": {"max_cost_usd": expected[order[1]], "policy": "wish"}}
        told = gateway.post("/v1/route", body).json
        assert [told["model"], *told["fallbacks"]] == order[:2]


def test_a_budget_near_its_end_does_not_lift_the_limit(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "[budget]\nday_usd = 1.0\ntier_down_at = 0.0"
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        assert gateway.chat(SUM).headers["x-finerouter-model"] == "tiny"
        assert gateway.chat(SUM, finerouter={"max_cost_usd": 1e-9}).status == 400


def test_a_model_by_its_name_is_asked_whatever_its_cost(gateway: Gateway) -> None:
    answer = gateway.chat(SUM, model="scholar", finerouter={"max_cost_usd": 1e-9})
    assert answer.headers["x-finerouter-model"] == "scholar"


def test_chance_draws_only_what_the_request_and_the_policy_want(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "explore = 1.0\n" + POLICIES
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        candidates = gateway.post("/v1/route", {"prompt": SUM}).json["candidates"]
        limit = sorted(item["cost_usd"] for item in candidates)[1]
        within = {item["model"] for item in candidates if item["cost_usd"] <= limit}
        least = 0.9 * max(item["quality"] for item in candidates)
        floor = {item["model"] for item in candidates if item["quality"] >= least}
        assert 0 < len(floor) < 4
        for fields, fitting in (
            ({"finerouter": {"max_cost_usd": limit}}, within),
            ({"model": "auto:floor"}, floor),
            ({"model": "auto:wish"}, {"tiny"}),
        ):
            answers = [gateway.chat(SUM, **fields) for _ in range(20)]
            told = [gateway.post("/v1/route", {**BODY, **fields}).json for _ in range(20)]
            chosen = {answer.headers["x-finerouter-model"] for answer in answers}
            assert chosen | {item["model"] for item in told} == fitting, json.dumps(fields)
            assert {item["propensity"] for item in told} == {1 / len(fitting)}
            records = gateway.records()[:20]
            assert {record.propensity for record in records} == {1 / len(fitting)}
            assert len(fitting) > 1 or not any(record.explored for record in records)

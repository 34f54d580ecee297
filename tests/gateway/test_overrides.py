"""What a single request may ask of the gateway."""

from __future__ import annotations

import pytest

from finerouter.errors import PolicyError
from finerouter.gateway.overrides import Overrides, overrides
from finerouter.policy import Policy
from tests.gateway.running import Gateway
from tests.gateway.test_chat import SUM


def test_headers_and_body_say_the_same() -> None:
    headers = {
        "x-finerouter-cost-weight": "5",
        "x-finerouter-models": "a, b",
        "x-finerouter-session": "s1",
    }
    body = {"cost_weight": 5, "models": ["a", "b"], "session": "s1"}
    expected = Overrides(cost_weight=5.0, models=("a", "b"), session="s1")
    assert overrides(headers, {}) == overrides({}, body) == expected


def test_the_bodys_word_counts_before_a_headers() -> None:
    given = overrides({"x-finerouter-min-quality": "0.5"}, {"min_quality": 0.9})
    assert given.min_quality == 0.9


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-finerouter-cost-weight": "cheap"}, {}),
        ({}, {"cost_wait": 3}),
        ({}, {"models": "a"}),
        ({}, {"models": [3]}),
        ({}, {"session": 3}),
    ],
)
def test_what_it_cannot_be_is_refused(headers: dict[str, str], body: dict) -> None:
    with pytest.raises(PolicyError, match=r"finerouter: .*known: cost_weight"):
        overrides(headers, body)


@pytest.mark.parametrize(
    "header",
    ["x-finerouter-bogus", "x-finerouter-cost_weight", "x-finerouter-", "x-finerouter-x" * 99],
)
def test_a_header_that_does_not_exist_is_refused(header: str) -> None:
    with pytest.raises(PolicyError, match=r"known: x-finerouter-cost-weight, ") as told:
        overrides({header: "7"}, {"cost_weight": 1})
    assert header[:100] in str(told.value)
    assert len(str(told.value)) < 500


def test_headers_of_an_answer_may_come_back_and_others_may_not(gateway: Gateway) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": SUM}]}
    first = gateway.post("/v1/chat/completions", body)
    echoed = {name: text for name, text in first.headers.items() if name.startswith("x-fine")}
    assert len(echoed) == 4
    assert gateway.post("/v1/chat/completions", body, echoed).status == 200
    for path in ("/v1/chat/completions", "/v1/route"):
        refused = gateway.post(path, body, {"X-Finerouter-Cost_Weight": "7"})
        assert refused.status == 400
        message = refused.json["error"]["message"]
        assert message.startswith("there is no header 'x-finerouter-cost_weight'; known: ")
    assert len(gateway.records()) == 2


def test_impossible_values_are_the_policys_to_refuse() -> None:
    with pytest.raises(PolicyError, match="min_quality"):
        overrides({}, {"min_quality": 3}).applied(Policy())


def test_a_dial_replaces_the_one_that_contradicts_it() -> None:
    floor, weighed = Policy(min_quality=0.9), Policy(cost_weight=5.0)
    assert overrides({}, {"cost_weight": 2}).applied(floor) == Policy(cost_weight=2.0)
    assert overrides({}, {"min_quality": 0.8}).applied(weighed) == Policy(min_quality=0.8)
    assert overrides({}, {"max_cost_usd": 1}).applied(floor).min_quality == 0.9


def test_a_request_narrows_the_budget_of_a_call_and_never_widens_it() -> None:
    policy = Policy(max_cost_usd=0.01)
    assert overrides({}, {"max_cost_usd": 1}).applied(policy).max_cost_usd == 0.01
    assert overrides({}, {"max_cost_usd": 0.001}).applied(policy).max_cost_usd == 0.001
    assert overrides({}, {"max_cost_usd": 1}).applied(Policy()).max_cost_usd == 1
    with pytest.raises(PolicyError, match="max_cost_usd"):
        overrides({}, {"max_cost_usd": -1}).applied(policy)


def test_the_limit_of_a_request_is_its_own_word_beside_the_policys_budget() -> None:
    policy = Policy(max_cost_usd=0.01)
    asked = overrides({"x-finerouter-max-cost-usd": " 1e-3"}, {})
    assert asked == overrides({}, {"max_cost_usd": 0.001})
    assert asked.max_cost_usd == asked.applied(policy).max_cost_usd == 0.001
    assert overrides({}, {"max_cost_usd": 1}).max_cost_usd == 1
    assert overrides({}, {}).max_cost_usd is None


def test_nothing_asked_changes_nothing() -> None:
    policy = Policy(cost_weight=5.0)
    assert overrides({"authorization": "x"}, {}).applied(policy) is policy

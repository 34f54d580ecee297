"""What a single request may ask of the gateway."""

from __future__ import annotations

import pytest

from finerouter.errors import PolicyError
from finerouter.gateway.overrides import Overrides, overrides
from finerouter.policy import Policy


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

"""What Prometheus reads."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from finerouter.gateway.money.budgets import BudgetUse
from finerouter.gateway.observing import metrics as module
from finerouter.gateway.observing.gauges import Present
from finerouter.gateway.observing.metrics import Metrics
from finerouter.gateway.record import Attempt, Tokens
from tests.gateway.records import answered


@dataclass(frozen=True)
class Endpoint:
    name: str
    state: str
    failures: int
    under_way: int


@dataclass(frozen=True)
class Journal:
    lost: int = 3
    failures: int = 7
    waiting: int = 11
    standing: bool = True


def read(text: bytes) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Values by metric and labels, as Prometheus' own parser reads them."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def value(text: bytes, name: str, **labels: str) -> float:
    return read(text)[name][tuple(sorted(labels.items()))]


def test_a_request_is_counted_in_every_way() -> None:
    metrics = Metrics()
    metrics.observe(answered())
    text = metrics.render()
    of = {"api": "chat", "model": "small"}
    assert value(text, "finerouter_requests_total", outcome="ok", key="team", **of) == 1
    assert value(text, "finerouter_responses_total", api="chat", status="200") == 1
    assert (
        value(text, "finerouter_attempts_total", endpoint="near", model="small", status="200") == 1
    )
    assert (
        value(text, "finerouter_decisions_total", task="arithmetic", model="small", by="router")
        == 1
    )
    assert value(text, "finerouter_request_seconds_sum", **of) == 2.0
    assert value(text, "finerouter_request_seconds_bucket", le="2.5", **of) == 1
    assert value(text, "finerouter_first_byte_seconds_sum", **of) == pytest.approx(0.3)
    assert value(text, "finerouter_routing_seconds_bucket", le="0.0005") == 1
    assert value(text, "finerouter_cost_usd_total", model="small", key="team") == 0.25
    assert value(text, "finerouter_saved_usd", against="best") == 0.75
    assert value(text, "finerouter_saved_usd", against="baseline") == -0.125
    tokens = {"input": 100, "cached_input": 40, "cache_write": 10, "output": 50, "reasoning": 20}
    for kind, count in tokens.items():
        assert value(text, "finerouter_tokens_total", model="small", kind=kind) == count


def test_what_was_not_answered_costs_nothing_and_saves_nothing() -> None:
    metrics = Metrics()
    failed = Attempt(model="small", endpoint="near", status=0, reason="timed out", latency_ms=9.0)
    metrics.observe(
        answered(
            model="",
            outcome="error",
            status=502,
            tokens=None,
            cost_usd=None,
            attempts=(failed,) * 2,
        )
    )
    text = metrics.render()
    assert (
        value(text, "finerouter_requests_total", api="chat", model="", outcome="error", key="team")
        == 1
    )
    assert value(text, "finerouter_attempts_total", endpoint="near", model="small", status="0") == 2
    assert not {"finerouter_cost_usd_total", "finerouter_tokens_total", "finerouter_saved_usd"} & (
        read(text).keys()
    )


def test_a_model_asked_for_by_name_is_no_decision() -> None:
    metrics = Metrics()
    metrics.observe(answered(policy="", routing_ms=None, task=None))
    found = read(metrics.render())
    assert "finerouter_decisions_total" not in found
    assert "finerouter_saved_usd" not in found


@pytest.mark.parametrize(
    ("changes", "by"),
    [
        ({}, "router"),
        ({"sticky": True, "tier_down": True}, "conversation"),
        ({"tier_down": True}, "budget"),
        ({"explored": True}, "chance"),
    ],
)
def test_it_is_told_what_decided(changes: dict[str, bool], by: str) -> None:
    metrics = Metrics()
    metrics.observe(answered(task=None, **changes))
    text = metrics.render()
    assert value(text, "finerouter_decisions_total", task="none", model="small", by=by) == 1


def test_guessed_tokens_are_counted_as_guessed() -> None:
    metrics = Metrics()
    metrics.observe(answered(tokens=Tokens(input=5, output=5, estimated=True)))
    assert value(metrics.render(), "finerouter_estimated_usage_total", model="small") == 1


def test_a_scrape_shows_how_things_stand() -> None:
    present = Present(
        under_way=4,
        endpoints=[Endpoint("near", "open", 5, 0), Endpoint("far", "closed", 0, 2)],
        journal=Journal(),
        budgets=[BudgetUse("team", "day", 0.5, 0.25, 2.0), BudgetUse("", "month", 9.0, 0.0, 10.0)],
        dropped_lines=6,
    )
    text = Metrics().render(present)
    assert value(text, "finerouter_requests_under_way") == 4
    assert value(text, "finerouter_log_lines_dropped_total") == 6
    states = {
        (endpoint, state): value(text, "finerouter_endpoint_state", endpoint=endpoint, state=state)
        for endpoint in ("near", "far")
        for state in ("closed", "half_open", "open")
    }
    assert {place for place, holds in states.items() if holds} == {
        ("near", "open"),
        ("far", "closed"),
    }
    assert value(text, "finerouter_endpoint_failures", endpoint="near") == 5
    assert value(text, "finerouter_endpoint_under_way", endpoint="far") == 2
    assert value(text, "finerouter_journal_lost_total") == 3
    assert value(text, "finerouter_journal_failures_total") == 7
    assert value(text, "finerouter_journal_waiting") == 11
    assert value(text, "finerouter_journal_failing") == 1
    assert value(text, "finerouter_budget_spent_usd", key="team", window="day") == 0.5
    assert value(text, "finerouter_budget_held_usd", key="team", window="day") == 0.25
    assert value(text, "finerouter_budget_limit_usd", key="", window="month") == 10.0


def test_names_that_need_quoting_survive() -> None:
    metrics = Metrics()
    odd = 'a "b"\\c\nd'
    metrics.observe(answered(model=odd))
    assert value(metrics.render(), "finerouter_cost_usd_total", model=odd, key="team") == 0.25


def test_labels_never_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    metrics = Metrics()
    for number in range(10):
        metrics.observe(answered(task=f"task{number}"))
    found = read(metrics.render())["finerouter_decisions_total"]
    assert len(found) == 4
    assert sum(found.values()) == 10
    assert found[("by", "other"), ("model", "other"), ("task", "other")] == 7


def test_nothing_of_what_was_asked_is_shown() -> None:
    metrics = Metrics()
    metrics.observe(answered(requested="my own model name"))
    text = metrics.render()
    for secret in (b"secret prompt", b"my own model name", b"_created"):
        assert secret not in text

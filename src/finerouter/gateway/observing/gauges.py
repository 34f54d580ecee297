"""How endpoints, journal and budgets stand at a scrape, as metrics.

Takes their standings; gives metrics. Keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from finerouter.gateway.money.budgets import BudgetUse

_STATES = ("closed", "half_open", "open")


class EndpointState(Protocol):
    """What is shown of an endpoint; `fleet.EndpointStanding`."""

    @property
    def name(self) -> str:
        """In the pool."""
        ...

    @property
    def state(self) -> str:
        """Of its breaker: "closed", "half_open" or "open"."""
        ...

    @property
    def failures(self) -> int:
        """In a row."""
        ...

    @property
    def under_way(self) -> int:
        """Calls."""
        ...


class JournalState(Protocol):
    """What is shown of the journal; `journal.Troubles`."""

    @property
    def lost(self) -> int:
        """Rows that are nowhere."""
        ...

    @property
    def failures(self) -> int:
        """Tries that failed."""
        ...

    @property
    def waiting(self) -> int:
        """Rows not in the store yet."""
        ...

    @property
    def standing(self) -> bool:
        """Whether the latest try failed."""
        ...


@dataclass(frozen=True)
class Present:
    """How things stand.

    Attributes:
        under_way: requests.
        endpoints, journal, budgets: as they say themselves.
        dropped_lines: of the log, for which there was no room.
        unread: prompts routed without reading, because the router's encoder was away.
    """

    under_way: int = 0
    endpoints: Sequence[EndpointState] = ()
    journal: JournalState | None = None
    budgets: Sequence[BudgetUse] = ()
    dropped_lines: int = 0
    unread: int = 0


def present_metrics(present: Present) -> Iterator[Metric]:
    """All of it as metrics."""
    yield GaugeMetricFamily(
        "finerouter_requests_under_way", "Requests under way.", value=present.under_way
    )
    yield CounterMetricFamily(
        "finerouter_log_lines_dropped",
        "Log lines for which there was no room.",
        value=present.dropped_lines,
    )
    yield CounterMetricFamily(
        "finerouter_prompts_unread",
        "Prompts routed by the models' averages, because the router's encoder was away.",
        value=present.unread,
    )
    yield from _endpoints(present.endpoints)
    if present.journal is not None:
        yield from _journal(present.journal)
    yield from _budgets(present.budgets)


def _endpoints(endpoints: Sequence[EndpointState]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "finerouter_endpoint_state",
        "1 for the state of its breaker: closed is in use, open is left alone.",
        labels=["endpoint", "state"],
    )
    under_way = GaugeMetricFamily(
        "finerouter_endpoint_under_way", "Calls under way.", labels=["endpoint"]
    )
    failures = GaugeMetricFamily(
        "finerouter_endpoint_failures", "Calls that failed in a row.", labels=["endpoint"]
    )
    for endpoint in endpoints:
        for name in _STATES:
            state.add_metric([endpoint.name, name], float(endpoint.state == name))
        under_way.add_metric([endpoint.name], endpoint.under_way)
        failures.add_metric([endpoint.name], endpoint.failures)
    yield from (state, under_way, failures)


def _journal(journal: JournalState) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "finerouter_journal_lost", "Rows that no store and no spool holds.", value=journal.lost
    )
    yield CounterMetricFamily(
        "finerouter_journal_failures", "Tries to write that failed.", value=journal.failures
    )
    yield GaugeMetricFamily(
        "finerouter_journal_waiting", "Rows not in the store yet.", value=journal.waiting
    )
    yield GaugeMetricFamily(
        "finerouter_journal_failing",
        "1 while the latest try to write failed.",
        value=float(journal.standing),
    )


def _budgets(budgets: Sequence[BudgetUse]) -> Iterator[Metric]:
    labels = ["key", "window"]
    spent = GaugeMetricFamily(
        "finerouter_budget_spent_usd", "Spent in the running window.", labels=labels
    )
    held = GaugeMetricFamily(
        "finerouter_budget_held_usd", "Held for requests under way.", labels=labels
    )
    limit = GaugeMetricFamily("finerouter_budget_limit_usd", "The most.", labels=labels)
    for use in budgets:
        of = [use.key, use.window]
        spent.add_metric(of, use.spent_usd)
        held.add_metric(of, use.held_usd)
        limit.add_metric(of, use.limit_usd)
    yield from (spent, held, limit)

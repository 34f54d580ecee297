"""Metrics, traces and log lines of requests, in one place.

Takes requests as they begin and end; tells each of those who count, trace and log. Knows nothing of
how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from finerouter.gateway.money.budgets import Budgets
from finerouter.gateway.observing.gauges import EndpointState, JournalState, Present
from finerouter.gateway.observing.logs import dropped_lines, log_request
from finerouter.gateway.observing.metrics import Metrics
from finerouter.gateway.observing.tracing import UNTRACED, Trace, Tracing
from finerouter.gateway.record import Record
from finerouter.gateway.settings import GatewaySettings


class EndpointSource(Protocol):
    """Where endpoints tell how they stand; a `Fleet`."""

    def standing(self) -> Sequence[EndpointState]:
        """All of them."""
        ...


class JournalSource(Protocol):
    """Where the journal tells of its troubles; a `Journal`."""

    @property
    def troubles(self) -> JournalState:
        """Since the process began."""
        ...


class CountSource(Protocol):
    """Where requests under way are counted; an `Admission`."""

    @property
    def under_way(self) -> int:
        """In all."""
        ...


class UnreadSource(Protocol):
    """Where prompts are counted that went unread; a `Planner`."""

    @property
    def unread(self) -> int:
        """Since it began."""
        ...


class Observer:
    """Of all requests of one process.

    Raises:
        ConfigError: traces are wanted and OpenTelemetry is not installed.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._metrics = Metrics()
        self._tracing = Tracing.open(settings.telemetry)

    def begin(self, headers: Mapping[str, str], api: str) -> Trace:
        """A request has come; names of its headers in lower case."""
        return UNTRACED if self._tracing is None else self._tracing.begin(headers, api)

    def observe(self, record: Record, trace: Trace = UNTRACED) -> None:
        """A request has ended."""
        self._metrics.observe(record)
        log_request(record)
        trace.end(record)

    def metrics(
        self,
        fleet: EndpointSource,
        journal: JournalSource,
        budgets: Budgets,
        admission: CountSource,
        planner: UnreadSource,
    ) -> bytes:
        """What Prometheus reads."""
        return self._metrics.render(
            Present(
                under_way=admission.under_way,
                endpoints=fleet.standing(),
                journal=journal.troubles,
                budgets=budgets.use(),
                dropped_lines=dropped_lines(),
                unread=planner.unread,
            )
        )

    def close(self) -> None:
        """Send the spans that are waiting; takes some seconds where nobody takes them."""
        if self._tracing is not None:
            self._tracing.close()

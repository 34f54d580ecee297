"""Requests as numbers, for Prometheus.

Takes records, and at a scrape how endpoints, journal and budgets stand; gives the text that
Prometheus reads. One registry of its own per process.

Labels take their values from the pool, the router and gateway.toml alone, never from what clients
send: models, endpoints, tasks, names of keys. Should that ever add up to too much, `_MOST` sets of
labels are kept per metric, and the rest is counted under "other".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from finerouter.gateway.money.savings import saved_usd
from finerouter.gateway.observing.gauges import Present, present_metrics
from finerouter.gateway.record import Record, Tokens
from finerouter.version import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MOST = 5_000
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)
_ROUTING_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25)
_TOKENS = ("input", "cached_input", "cache_write", "output", "reasoning")
_Child = TypeVar("_Child", Counter, Gauge, Histogram)


class Metrics:
    """All that is counted of requests, in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._build()

    def observe(self, record: Record) -> None:
        """Count a request that has ended."""
        answered = self._answered(record.api, record.model, record.outcome, record.key)
        answered.inc()
        self._statuses(record.api, str(record.status)).inc()
        self._time(record)
        for attempt in record.attempts:
            self._attempts(attempt.endpoint, attempt.model, str(attempt.status)).inc()
        if record.first_choice and record.routing_ms is not None:
            self._decide(record)
        if record.tokens is not None:
            self._count_tokens(record.model, record.tokens)
        if record.cost_usd is not None:
            self._spend(record, record.cost_usd)

    def render(self, present: Present | None = None) -> bytes:
        """Everything in Prometheus' text format, with how things stand at this moment."""
        return generate_latest(_Scrape(self._registry, present))

    def _time(self, record: Record) -> None:
        if record.latency_ms is not None:
            self._latency(record.api, record.model).observe(record.latency_ms / 1e3)
        if record.first_byte_ms is not None:
            self._first_byte(record.api, record.model).observe(record.first_byte_ms / 1e3)

    def _decide(self, record: Record) -> None:
        self._decisions(record.task or "none", record.first_choice, _decider(record)).inc()
        if record.routing_ms is not None:
            self._routing.observe(record.routing_ms / 1e3)

    def _count_tokens(self, model: str, tokens: Tokens) -> None:
        for kind in _TOKENS:
            count = getattr(tokens, kind)
            if count:
                self._tokens(model, kind).inc(count)
        if tokens.estimated:
            self._estimated(model).inc()

    def _spend(self, record: Record, usd: float) -> None:
        if usd > 0:
            self._cost(record.model, record.key).inc(usd)
        saved = saved_usd(record)
        if saved is not None:
            self._saved("best").inc(saved)
        if record.baseline_usd is not None and record.policy:
            self._saved("baseline").inc(record.baseline_usd - usd)

    def _build(self) -> None:
        registry = self._registry
        info = Gauge("finerouter_build", "Version.", ["version"], registry=registry)
        info.labels(__version__).set(1)
        self._answered = _children(
            Counter(
                "finerouter_requests",
                "Requests that have ended; model is empty where none answered, key where none was "
                "sent.",
                ["api", "model", "outcome", "key"],
                registry=registry,
            )
        )
        self._statuses = _children(
            Counter(
                "finerouter_responses",
                "Answers by their HTTP status.",
                ["api", "status"],
                registry=registry,
            )
        )
        self._attempts = _children(
            Counter(
                "finerouter_attempts",
                "Calls of endpoints; status 0 where no answer came.",
                ["endpoint", "model", "status"],
                registry=registry,
            )
        )
        self._build_decisions()
        self._build_money()
        self._build_times()

    def _build_decisions(self) -> None:
        self._decisions = _children(
            Counter(
                "finerouter_decisions",
                "Routed requests by task, model decided for, and what decided: router, "
                "conversation, budget or chance.",
                ["task", "model", "by"],
                registry=self._registry,
            )
        )

    def _build_money(self) -> None:
        registry = self._registry
        self._tokens = _children(
            Counter(
                "finerouter_tokens",
                "Tokens; cached_input and cache_write are part of input, reasoning of output.",
                ["model", "kind"],
                registry=registry,
            )
        )
        self._estimated = _children(
            Counter(
                "finerouter_estimated_usage",
                "Answers whose tokens were not reported and are counted from bytes.",
                ["model"],
                registry=registry,
            )
        )
        self._cost = _children(
            Counter("finerouter_cost_usd", "USD spent.", ["model", "key"], registry=registry)
        )
        self._saved = _children(
            Gauge(
                "finerouter_saved_usd",
                "USD that routed requests saved since the start, same tokens at other prices.",
                ["against"],
                registry=registry,
            )
        )

    def _build_times(self) -> None:
        registry = self._registry
        labels = ["api", "model"]
        self._latency = _children(
            Histogram(
                "finerouter_request_seconds",
                "Until the answer was out.",
                labels,
                registry=registry,
                buckets=_SECONDS,
            )
        )
        self._first_byte = _children(
            Histogram(
                "finerouter_first_byte_seconds",
                "Until the answer began.",
                labels,
                registry=registry,
                buckets=_SECONDS,
            )
        )
        self._routing = Histogram(
            "finerouter_routing_seconds",
            "Until the decision.",
            registry=registry,
            buckets=_ROUTING_SECONDS,
        )


class _Scrape(CollectorRegistry):
    """What one scrape sees: what was counted, and how things stand."""

    def __init__(self, counted: CollectorRegistry, present: Present | None) -> None:
        super().__init__()
        self._counted = counted
        self._present = present

    def collect(self) -> Iterable[Metric]:
        for metric in self._counted.collect():
            # The time each series began is of no use to anybody, and a third of the text.
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric
        if self._present is not None:
            yield from present_metrics(self._present)


def _children(metric: _Child) -> Callable[..., _Child]:
    """The metric's child for label values; looking one up in the metric itself takes longer."""
    kept: dict[Sequence[str], _Child] = {}

    def child(*labels: str) -> _Child:
        found = kept.get(labels)
        if found is None:
            if len(kept) >= _MOST:
                labels = ("other",) * len(labels)
            found = kept[labels] = metric.labels(*labels)
        return found

    return child


def _decider(record: Record) -> Any:
    if record.explored:
        return "chance"
    if record.sticky:
        return "conversation"
    return "budget" if record.tier_down else "router"

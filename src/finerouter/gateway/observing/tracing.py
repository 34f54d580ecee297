"""Traces of requests, for OpenTelemetry; extra [telemetry].

Takes headers, attempts and records; sends spans to a collector in the background. A request is a
server span; each call of an endpoint is a client span in it, with the attributes of the semantic
conventions for generative AI, and its context goes to the endpoint as `traceparent`. Tokens stand
on the span of the call that answered, and on no other, so that nobody counts them twice. No span
holds a prompt, an answer or a key.

OpenTelemetry is imported when a collector is configured, and not before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from finerouter.asking import Asking
from finerouter.errors import ConfigError
from finerouter.gateway.observing.genai import attempt_attributes, usage_attributes
from finerouter.gateway.record import OK, Attempt, Record
from finerouter.gateway.settings import TelemetryTable
from finerouter.version import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

_PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
}
_EXPORT_S = 5.0


class Trace:
    """Of one request that nobody traces; does nothing."""

    def outgoing(self, model: str, asking: Asking) -> Mapping[str, str]:  # noqa: ARG002
        """Begin a call of an endpoint; gives the headers that tell it of the trace.

        Args:
            model: by its name in the pool.
            asking: where and how.
        """
        return {}

    def attempted(self, attempt: Attempt) -> None:
        """A call has begun to answer, or has failed."""

    def end(self, record: Record) -> None:
        """The request has ended."""


UNTRACED = Trace()


class Tracing:
    """Sends spans until it is closed."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("finerouter", __version__)
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def open(cls, table: TelemetryTable) -> Tracing | None:
        """Tracing as the settings say, None where they name no collector.

        Raises:
            ConfigError: OpenTelemetry is not installed.
        """
        if table.otlp_endpoint is None:
            return None
        try:
            return cls(_provider(table, table.otlp_endpoint))
        except ImportError as error:
            raise ConfigError(
                f"[telemetry]: traces need {error.name or 'OpenTelemetry'}; run pip install "
                "'finerouter[telemetry]', or remove otlp_endpoint"
            ) from error

    def begin(self, headers: Mapping[str, str], api: str) -> Trace:
        """A trace of a request that has just come.

        Args:
            headers: of the request, names in lower case; may carry a trace to go on with.
            api: of the request.
        """
        from opentelemetry.trace import SpanKind

        parent = self._propagator.extract(headers)
        path = _PATHS.get(api, f"/v1/{api}")
        span = self._tracer.start_span(
            f"POST {path}",
            parent,
            SpanKind.SERVER,
            {"http.request.method": "POST", "url.path": path, "http.route": path},
        )
        return _Traced(self, span, api)

    def close(self) -> None:
        """Send what is waiting, for some seconds at most."""
        self._provider.shutdown()

    def child(self, parent: Span, name: str, started_ns: int) -> tuple[Span, dict[str, str]]:
        """A call's span, and the headers that hand it on."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        context: Context = set_span_in_context(parent)
        span = self._tracer.start_span(name, context, SpanKind.CLIENT, start_time=started_ns)
        headers: dict[str, str] = {}
        self._propagator.inject(headers, set_span_in_context(span))
        return span, headers


class _Traced(Trace):
    """A request with its spans."""

    def __init__(self, tracing: Tracing, span: Span, api: str) -> None:
        self._tracing = tracing
        self._span = span
        self._api = api
        self._calls: dict[tuple[str, str], Span] = {}
        self._askings: dict[tuple[str, str], Asking] = {}

    def outgoing(self, model: str, asking: Asking) -> Mapping[str, str]:
        """Begin a call; see `Trace`."""
        call = (model, asking.endpoint.name)
        self._askings[call] = asking
        self._calls[call], headers = self._begin(call, time.time_ns())
        return headers

    def attempted(self, attempt: Attempt) -> None:
        """A call has begun to answer, or has failed; see `Trace`."""
        call = (attempt.model, attempt.endpoint)
        if call not in self._calls:
            # The same endpoint was asked again, with the headers it had before.
            started_ns = time.time_ns() - int(attempt.latency_ms * 1e6)
            self._calls[call], _ = self._begin(call, started_ns)
        if attempt.reason:
            span = self._calls.pop(call)
            if attempt.status:
                span.set_attribute("http.response.status_code", attempt.status)
            _fail(span, str(attempt.status or "_OTHER"), attempt.reason)
            span.end()

    def end(self, record: Record) -> None:
        """The request has ended; see `Trace`."""
        for call, span in self._calls.items():
            if call == (record.model, record.endpoint):
                if span.is_recording():
                    span.set_attributes(usage_attributes(record))
                if record.outcome != OK:
                    _fail(span, record.outcome, record.error)
            else:
                _fail(span, "cancelled", "")
            span.end()
        self._calls.clear()
        if self._span.is_recording():
            self._span.set_attributes(_request_attributes(record))
        if record.status >= 500 or record.outcome not in (OK, "error"):
            failed = record.outcome if record.status < 400 else str(record.status)
            _fail(self._span, failed, record.error)
        self._span.end()

    def _begin(self, call: tuple[str, str], started_ns: int) -> tuple[Span, dict[str, str]]:
        asking = self._askings.get(call)
        attributes = attempt_attributes(self._api, call[0], asking)
        name = f"{attributes['gen_ai.operation.name']} {attributes['gen_ai.request.model']}"
        span, headers = self._tracing.child(self._span, name, started_ns)
        if span.is_recording():
            span.set_attributes(attributes)
        return span, headers


def check_collector(endpoint: str) -> None:
    """Refuse what is no address of a collector.

    Raises:
        ConfigError: it is none, or holds a password.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ConfigError(
            "[telemetry]: otlp_endpoint must be an http or https address without a password, such "
            "as http://127.0.0.1:4318"
        )


def _provider(table: TelemetryTable, endpoint: str) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    check_collector(endpoint)
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(table.sample),
        resource=Resource.create(
            {"service.name": table.service_name, "service.version": __version__}
        ),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint.rstrip("/") + "/v1/traces", timeout=_EXPORT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _fail(span: Span, kind: str, reason: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, reason or None))


def _request_attributes(record: Record) -> dict[str, Any]:
    attributes = {
        "http.response.status_code": record.status,
        "finerouter.decision_id": record.decision_id,
        "finerouter.key": record.key,
        "finerouter.requested": record.requested[:200],
        "finerouter.policy": record.policy,
        "finerouter.task": record.task,
        "finerouter.first_choice": record.first_choice,
        "finerouter.model": record.model,
        "finerouter.attempts": len(record.attempts),
        "finerouter.cost_usd": record.cost_usd,
        "finerouter.routing_ms": record.routing_ms,
    }
    return {name: value for name, value in attributes.items() if value not in (None, "")}

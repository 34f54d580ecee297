"""Traces, as a collector on the loopback interface gets them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from finerouter.asking import Asking, Endpoint
from finerouter.errors import ConfigError
from finerouter.gateway.observing.observer import Observer
from finerouter.gateway.observing.tracing import UNTRACED, Tracing, check_collector
from finerouter.gateway.record import Attempt, Record, Tokens
from finerouter.gateway.settings import GatewaySettings, TelemetryTable
from tests.gateway.collector import Collector
from tests.gateway.records import answered
from tests.test_imports import modules_after

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
NEAR = Asking(Endpoint("near", "http://127.0.0.1:9999/v1"), "vendor/small-1")
FAR = Asking(Endpoint("far", "https://api.anthropic.com/v1", api="messages"), "large-1")


def observer(collector: Collector, **telemetry: Any) -> Observer:
    table = TelemetryTable(otlp_endpoint=collector.address, **telemetry)
    return Observer(GatewaySettings(telemetry=table))


def attributes(span: Span) -> dict[str, Any]:
    return {
        item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes
    }


def attempt(model: str, endpoint: str, status: int = 200, reason: str = "") -> Attempt:
    return Attempt(model=model, endpoint=endpoint, status=status, reason=reason, latency_ms=5.0)


def by_name(collector: Collector) -> dict[str, Span]:
    return {span.name: span for span in collector.spans}


def test_a_request_is_a_span_with_one_for_each_call(collector: Collector) -> None:
    watching = observer(collector)
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"}
    trace = watching.begin(headers, "chat")
    first = trace.outgoing("large", FAR)
    trace.attempted(attempt("large", "far", 503, "is overloaded"))
    second = trace.outgoing("small", NEAR)
    trace.attempted(attempt("small", "near"))
    watching.observe(answered(streamed=True), trace)
    watching.close()

    assert collector.paths == ["/v1/traces"]
    spans = by_name(collector)
    server, failed, good = (
        spans[name] for name in ("POST /v1/chat/completions", "chat large-1", "chat vendor/small-1")
    )
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert server.parent_span_id.hex() == CALLER
    assert server.kind == Span.SPAN_KIND_SERVER
    for span, passed in ((failed, first), (good, second)):
        assert span.parent_span_id == server.span_id
        assert span.kind == Span.SPAN_KIND_CLIENT
        assert passed["traceparent"] == f"00-{TRACE}-{span.span_id.hex()}-01"
        assert passed["tracestate"] == "vendor=1"

    said = attributes(good)
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "near",
        "gen_ai.request.model": "vendor/small-1",
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": "5e55",
        "gen_ai.response.time_to_first_chunk": 0.3,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.cache_creation.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 20,
        "server.address": "127.0.0.1",
        "server.port": 9999,
        "finerouter.model": "small",
        "finerouter.endpoint": "near",
        "finerouter.cost_usd": 0.25,
    }
    assert attributes(failed)["error.type"] == "503"
    assert attributes(failed)["gen_ai.provider.name"] == "anthropic"
    assert attributes(failed)["server.port"] == 443
    assert failed.status.message == "is overloaded"
    said = attributes(server)
    assert said["http.response.status_code"] == 200
    assert said["finerouter.task"] == "arithmetic"
    assert said["finerouter.cost_usd"] == 0.25
    assert not [name for name in said if name.startswith("gen_ai.")]  # nobody counts twice
    assert server.start_time_unix_nano <= good.start_time_unix_nano
    assert good.end_time_unix_nano <= server.end_time_unix_nano


def test_the_service_is_named(collector: Collector) -> None:
    watching = observer(collector, service_name="my-gateway")
    watching.observe(answered(), watching.begin({}, "messages"))
    watching.close()
    resource = collector.requests[0].resource_spans[0].resource
    named = {item.key: item.value.string_value for item in resource.attributes}
    assert named["service.name"] == "my-gateway"
    assert by_name(collector)["POST /v1/messages"].parent_span_id == b""


def test_no_span_holds_a_prompt(collector: Collector) -> None:
    watching = observer(collector)
    watching.observe(answered(), watching.begin({}, "chat"))
    watching.close()
    assert b"secret prompt" not in collector.requests[0].SerializeToString()


@pytest.mark.parametrize(
    ("record", "server_error", "call_error"),
    [
        (answered(outcome="broken", error="it broke off"), "broken", "broken"),
        (answered(outcome="cancelled", error="went away", status=499), "499", "cancelled"),
        (answered(outcome="error", status=400), None, "error"),
        (answered(model="", endpoint="", outcome="error", status=502), "502", "cancelled"),
        (answered(), None, None),
    ],
)
def test_what_went_wrong_is_told(
    collector: Collector, record: Record, server_error: str | None, call_error: str | None
) -> None:
    watching = observer(collector)
    trace = watching.begin({}, "chat")
    trace.outgoing("small", NEAR)
    watching.observe(record, trace)
    watching.close()
    spans = by_name(collector)
    assert attributes(spans["POST /v1/chat/completions"]).get("error.type") == server_error
    assert attributes(spans["chat vendor/small-1"]).get("error.type") == call_error


def test_a_second_call_with_the_same_headers_has_its_own_span(collector: Collector) -> None:
    watching = observer(collector)
    trace = watching.begin({}, "embeddings")
    trace.outgoing("small", NEAR)
    trace.attempted(attempt("small", "near", 0, "timed out"))
    trace.attempted(attempt("small", "near"))
    watching.observe(answered(), trace)
    watching.close()
    calls = [span for span in collector.spans if span.name == "embeddings vendor/small-1"]
    assert [attributes(span).get("error.type") for span in calls] == ["_OTHER", None]


def test_guessed_tokens_are_not_passed_for_real_ones(collector: Collector) -> None:
    watching = observer(collector)
    trace = watching.begin({}, "chat")
    trace.outgoing("small", NEAR)
    watching.observe(answered(tokens=Tokens(input=1, output=1, estimated=True)), trace)
    watching.close()
    said = attributes(by_name(collector)["chat vendor/small-1"])
    assert not [name for name in said if "usage" in name]


def test_the_share_to_sample_holds_and_the_callers_word_before_it(collector: Collector) -> None:
    watching = observer(collector, sample=0.0)
    unsampled = watching.begin({}, "chat")
    flags = unsampled.outgoing("small", NEAR)["traceparent"].rpartition("-")[2]
    assert not int(flags, 16) & 1
    watching.observe(answered(), unsampled)
    sampled = watching.begin({"traceparent": f"00-{TRACE}-{CALLER}-01"}, "chat")
    watching.observe(answered(), sampled)
    watching.close()
    assert [span.trace_id.hex() for span in collector.spans] == [TRACE]


def test_a_forged_trace_is_no_trace(collector: Collector) -> None:
    watching = observer(collector)
    watching.observe(answered(), watching.begin({"traceparent": "00-zz-\n-01"}, "chat"))
    watching.close()
    assert collector.spans[0].parent_span_id == b""


def test_without_a_collector_nothing_is_traced_or_imported() -> None:
    watching = Observer(GatewaySettings())
    trace = watching.begin({"traceparent": f"00-{TRACE}-{CALLER}-01"}, "chat")
    assert trace is UNTRACED
    assert trace.outgoing("small", NEAR) == {}
    trace.attempted(attempt("small", "near"))
    watching.observe(answered(), trace)
    watching.close()
    held = modules_after(
        "from finerouter.gateway.observing.observer import Observer\n"
        "from finerouter.gateway.settings import GatewaySettings\n"
        "Observer(GatewaySettings())"
    )
    assert not [name for name in held if name.split(".")[0] == "opentelemetry"]


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r"pip install 'finerouter\[telemetry\]'"):
        Tracing.open(TelemetryTable(otlp_endpoint="http://127.0.0.1:4318"))


@pytest.mark.parametrize("address", ["127.0.0.1:4318", "ftp://a", "http://", "http://u:p@host"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="otlp_endpoint"):
        check_collector(address)

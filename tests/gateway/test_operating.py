"""Keys, budgets, metrics and traces of a running gateway."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from finerouter.gateway.access import new_key
from tests.gateway.collector import Collector
from tests.gateway.running import Gateway, pool_toml, running
from tests.gateway.test_chat import SUM
from tests.gateway.test_observing_metrics import read, value
from tests.gateway.test_observing_traces import CALLER, TRACE, attributes
from tests.loopback import Fault, LoopbackUpstream

USER, ADMIN, READER = new_key("user"), new_key("admin"), new_key("reader")
KEYS = f"""
{USER.toml}
deny = ["coder"]
{ADMIN.toml}
scopes = ["admin"]
{READER.toml}
scopes = ["read"]
"""


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture
def keyed(tmp_path: Path, router_folder: Path, server: LoopbackUpstream) -> Iterator[Gateway]:
    with running(tmp_path, router_folder, pool_toml(server), KEYS, bearer(USER.key)) as gateway:
        yield gateway


def test_every_path_wants_its_own_scope(keyed: Gateway) -> None:
    paths = {
        "/v1/models": USER,
        "/metrics": READER,
        "/dashboard/data": READER,
        "/admin/endpoints": ADMIN,
    }
    for path, opener in paths.items():
        for made in (USER, ADMIN, READER):
            status = keyed.get(path, bearer(made.key)).status
            assert status == (200 if made is opener else 403), (path, made.key)
        for headers in ({"authorization": ""}, bearer(new_key("stranger").key)):
            assert keyed.get(path, headers).status == 401
    assert keyed.chat(SUM).status == 200
    for made in (ADMIN, READER):
        body = {"model": "auto", "messages": [{"role": "user", "content": SUM}]}
        assert keyed.post("/v1/chat/completions", body, bearer(made.key)).status == 403


def test_a_key_opens_its_models_alone(keyed: Gateway, server: LoopbackUpstream) -> None:
    assert keyed.chat(SUM).headers["x-finerouter-model"] != "coder"
    assert keyed.chat(SUM, finerouter={"models": ["coder"]}).status in (400, 403)
    assert keyed.chat(SUM, model="coder").status in (403, 404)
    assert server.requests
    assert "coder" not in {call.body["model"] for call in server.requests}


def test_a_key_is_forwarded_to_nobody(keyed: Gateway, server: LoopbackUpstream) -> None:
    keyed.post(
        "/v1/messages",
        {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": SUM}]},
        {"authorization": "", "x-api-key": USER.key},
    )
    assert server.requests
    for call in server.requests:
        assert USER.key not in str(call.headers)


def test_no_web_page_uses_a_gateway_without_keys(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": SUM}]}
    for headers in (
        {"host": "evil.example:8080"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
    ):
        assert gateway.post("/v1/chat/completions", body, headers).status == 403
        assert gateway.post("/admin/reload", {}, headers).status == 403
    assert gateway.get("/metrics", {"host": "evil.example"}).status == 403
    assert gateway.get("/metrics", {"sec-fetch-site": "cross-site"}).status == 200
    assert not server.requests
    assert gateway.chat(SUM).status == 200


def test_a_rate_is_told_with_a_time(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = USER.toml + "requests_per_minute = 2"
    with running(tmp_path, router_folder, pool_toml(server), config, bearer(USER.key)) as gateway:
        assert [gateway.chat(SUM).status for _ in range(3)] == [200, 200, 429]
        refused = gateway.chat(SUM)
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert "2 requests a minute" in refused.json["error"]["message"]


def costs_of_one(
    folder: Path, router_folder: Path, server: LoopbackUpstream
) -> tuple[float, float]:
    """What one question really costs, and what it is expected to."""
    folder.mkdir()
    with running(folder, router_folder, pool_toml(server)) as gateway:
        gateway.chat(SUM)
        (record,) = gateway.records()
    expected = {item.model: item.cost_usd for item in record.estimates}[record.model]
    assert record.cost_usd
    assert expected
    return record.cost_usd, expected


def test_a_budget_stops_and_a_restart_forgets_nothing(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    one, expected = costs_of_one(tmp_path / "one", router_folder, server)
    config = f"[budget]\nmonth_usd = {one * 1.5 + expected}"
    for statuses in ([200, 200, 429], [429]):
        with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
            answers = [gateway.chat(SUM) for _ in statuses]
            assert [answer.status for answer in answers] == statuses
    refused = answers[-1]
    assert int(refused.headers["retry-after"]) >= 1
    assert "budget of this month" in refused.json["error"]["message"]


def test_many_at_once_do_not_spend_the_same_dollar(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    _, expected = costs_of_one(tmp_path / "one", router_folder, server)
    under_way = threading.Semaphore(0)
    server.answer = lambda _: "42" if under_way.acquire(timeout=20) else "late"
    config = f"[budget]\nday_usd = {expected * 5.5}"
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        with ThreadPoolExecutor(20) as threads:
            asked = [threads.submit(gateway.chat, SUM) for _ in range(20)]
            while sum(answer.done() for answer in asked) < 15:
                time.sleep(0.01)
            (use,) = gateway.service.parts.budgets.use()
            assert use.held_usd == pytest.approx(5 * expected)
            under_way.release(20)
        answers = [answer.result() for answer in asked]
        assert sorted(answer.status for answer in answers) == [200] * 5 + [429] * 15
        (use,) = gateway.service.parts.budgets.use()
        spent = sum(record.cost_usd or 0.0 for record in gateway.records())
    assert use.held_usd == pytest.approx(0.0, abs=1e-12)
    assert 0 < use.spent_usd == pytest.approx(spent)
    # Money that is only held comes free within seconds, and is not refused for the day.
    assert {answer.headers["retry-after"] for answer in answers if answer.status == 429} == {"5"}


def test_a_model_asked_for_by_name_is_held_for_too(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    with running(
        tmp_path, router_folder, pool_toml(server), "[budget]\nday_usd = 0.0005"
    ) as gateway:
        # A thousand tokens of output at 4 USD a million are more than there is; ten are not.
        assert gateway.chat(SUM, model="coder").status == 429
        assert gateway.chat(SUM, model="coder", max_tokens=5_000).status == 429
        assert gateway.chat(SUM, model="coder", max_completion_tokens=10).status == 200
        body = {"model": "coder", "input": "one"}
        assert gateway.post("/v1/embeddings", body).status == 200


def test_a_picture_is_not_held_for_by_its_bytes(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    body = {"model": "coder", "messages": [{"role": "user", "content": [picture]}]}
    # As text it would be 100,000 tokens at 1 USD a million.
    with running(tmp_path, router_folder, pool_toml(server), "[budget]\nday_usd = 0.05") as gateway:
        assert gateway.post("/v1/chat/completions", body).status == 200


def test_two_gateways_share_a_budget(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    one, expected = costs_of_one(tmp_path / "one", router_folder, server)
    journal = f'[journal]\npath = "{tmp_path / "shared.sqlite"}"\n'
    config = f"{journal}[budget]\nmonth_usd = {one * 1.5 + expected}"
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    pool = pool_toml(server)
    with (
        running(folders[0], router_folder, pool, config) as first,
        running(folders[1], router_folder, pool, config) as second,
    ):
        assert [first.chat(SUM).status for _ in range(2)] == [200, 200]
        until = time.monotonic() + 10
        while second.service.parts.budgets.use()[0].spent_usd < one * 1.9:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert second.chat(SUM).status == 429
        (use,) = first.service.parts.budgets.use()
        assert use.spent_usd == pytest.approx(one * 2)


def test_metrics_count_what_was_served(gateway: Gateway, server: LoopbackUpstream) -> None:
    for _ in range(3):
        gateway.chat(SUM)
    gateway.chat(SUM, model="nothing")
    answer = gateway.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = read(answer.body)
    assert sum(found["finerouter_requests_total"].values()) == 4
    assert value(answer.body, "finerouter_endpoint_state", endpoint="e0", state="closed") == 1
    assert value(answer.body, "finerouter_journal_lost_total") == 0
    assert value(answer.body, "finerouter_requests_under_way") == 0
    cost = sum(record.cost_usd or 0.0 for record in gateway.records())
    assert sum(found["finerouter_cost_usd_total"].values()) == pytest.approx(cost)
    assert len(server.requests) == sum(found["finerouter_attempts_total"].values())


def test_a_request_is_traced_to_its_endpoint(
    tmp_path: Path,
    router_folder: Path,
    server: LoopbackUpstream,
    other_server: LoopbackUpstream,
    collector: Collector,
) -> None:
    config = f'[telemetry]\notlp_endpoint = "{collector.address}"'
    for upstream in (server, other_server):
        upstream.faults = [Fault.status(500)]
    pool = pool_toml(server, other_server)
    with running(tmp_path, router_folder, pool, config) as gateway:
        sent = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        body = {"model": "auto", "messages": [{"role": "user", "content": SUM}], "stream": True}
        answer = gateway.post("/v1/chat/completions", body, sent)
        assert answer.status == 200
        (record,) = gateway.records()
    (root,) = (span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER)
    calls = [span for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT]
    assert root.parent_span_id.hex() == CALLER
    assert attributes(root)["finerouter.decision_id"] == record.decision_id
    assert [attributes(span).get("error.type") for span in calls].count("500") == 2
    assert len(calls) == len(record.attempts) == 3
    assert record.tokens is not None
    told = [attributes(span).get("gen_ai.usage.input_tokens") for span in calls]
    assert [count for count in told if count is not None] == [record.tokens.input]
    got = [call.headers["traceparent"] for call in server.requests + other_server.requests]
    passed = {text.split("-")[2] for text in got}
    assert {text.split("-")[1] for text in got} == {TRACE}
    assert passed <= {span.span_id.hex() for span in calls}

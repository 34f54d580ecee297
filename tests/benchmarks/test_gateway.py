"""The gateway's benchmark: its prompts, its table, and a load over the bare relay."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
from contextlib import ExitStack

import pytest

from benchmarks.gateway import servers
from benchmarks.gateway.client import options, percentiles, run
from benchmarks.gateway.processes import load, serving
from benchmarks.gateway.prompts import requests
from benchmarks.gateway.table import Row, markdown, rows
from tests.loopback import FAULTS, Fault
from tests.loopback import serving as serving_endpoint

pinned = pytest.mark.skipif(
    not shutil.which("taskset") or len(os.sched_getaffinity(0)) < 2,
    reason="needs taskset and two cores",
)


def test_no_two_prompts_are_alike():
    asked = [json.loads(body) for body in itertools.islice(requests("m", stream=True, seed=3), 500)]
    asked += [
        json.loads(body) for body in itertools.islice(requests("m", stream=True, seed=4), 500)
    ]
    assert len({body["messages"][0]["content"] for body in asked}) == 1_000


def test_the_same_seed_asks_the_same():
    first, second = (list(itertools.islice(requests("m", stream=False, seed=3), 20)) for _ in "ab")
    assert first == second


def test_percentiles_are_in_milliseconds():
    assert percentiles([0.001, 0.002, 0.003])["p50"] == 2.0


def test_a_promise_may_be_a_most_or_a_least():
    assert Row("latency", 1.0, 2.0, "ms").met
    assert not Row("latency", 3.0, 2.0, "ms").met
    assert Row("rate", 3.0, 2.0, "requests/s", at_least=True).met
    assert not Row("rate", 1.0, 2.0, "requests/s", at_least=True).met


def test_the_table_says_what_was_not_kept():
    found = rows({"throughput": {"gateway": {"requests_per_s": 900.0}}})
    assert markdown(found).splitlines()[-1].endswith("| NO |")


@pinned
@pytest.mark.parametrize("more", [[], ["--stream"], ["--stream", "--rate", "100"]])
def test_the_client_counts_whole_answers(tmp_path, more):
    how = [*more, "--requests", "40", "--seconds", "0.3", "--warm-up", "8"]
    with ExitStack() as stack:
        direct = stack.enter_context(serving(servers.upstream(), tmp_path))
        relay = stack.enter_context(serving(servers.passthrough(direct.url), tmp_path))
        for server in (direct, relay):
            report = load(server, *how)
            assert report["errors"] == 0, report
            assert report["requests"] == 40 or "--rate" in more
            assert report["first_byte_ms"]["p50"] <= report["total_ms"]["p50"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(FAULTS["hang_up_midway"], "ClientPayloadError"), (Fault.status(503), "status 503")],
)
def test_an_answer_that_is_not_whole_is_an_error(fault, kind):
    with serving_endpoint() as endpoint:
        endpoint.misbehave = lambda call: fault if call.number % 2 else None
        address = endpoint.url.removesuffix("/v1")
        given = options([address, "--stream", "--requests", "20", "--warm-up", "0"])
        report = asyncio.run(run(given))
    assert (report["requests"], report["errors"]) == (10, 10)
    assert report["error_kinds"] == {kind: 10}

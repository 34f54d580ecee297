"""The measurements: each starts what it needs, loads it, and gives its figures.

Takes a `Bench`; gives plain values for the record. What is compared is measured in the same check,
turn by turn. Knows nothing of targets.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.gateway import servers
from benchmarks.gateway.processes import Command, Server, load, loading, read_report, serving

Figures = dict[str, Any]
HOLD_S = 30.0
SAMPLE_S = 0.5


@dataclass(frozen=True)
class Bench:
    """What all checks share.

    Attributes:
        folder: for settings, journals and logs.
        router: the trained one.
        litellm: the Python of an environment with LiteLLM's proxy, None for none.
        scale: of the numbers of requests; 1 for figures that are quoted.
        turns: how often each is measured.
    """

    folder: Path
    router: Path
    litellm: Path | None
    scale: float = 1.0
    turns: int = 3

    def some(self, count: int) -> str:
        """So many requests, scaled."""
        return str(max(50, round(count * self.scale)))

    @contextmanager
    def serving(self, *names: str, delay_ms: float = 0, hold_s: float = 0) -> Iterator[Running]:
        """The upstream and, before it, what is named; upstream itself under "direct"."""
        with ExitStack() as stack:
            command = servers.upstream(delay_ms=delay_ms, hold_s=hold_s)
            direct = stack.enter_context(serving(command, self.folder))
            running = {"direct": direct}
            for name in names:
                server = serving(self._command(name, direct.url), self.folder)
                running[name] = stack.enter_context(server)
            yield running

    def _command(self, name: str, url: str) -> Command:
        if name == "passthrough":
            return servers.passthrough(url)
        if name == "gateway":
            return servers.gateway(self.router, url, self.folder / f"gateway-{time.time_ns()}")
        assert self.litellm is not None
        return servers.litellm(self.litellm, url, self.folder, granian=name == "litellm-granian")


Running = dict[str, Server]


def added_latency(bench: Bench, *, delay_ms: float) -> Figures:
    """Streams at 50 a second: directly, through the bare relay, through the gateway."""
    seconds = str(max(3.0, 20.0 * bench.scale))
    options = ["--stream", "--rate", "50", "--seconds", seconds]
    with bench.serving("passthrough", "gateway", delay_ms=delay_ms) as running:
        found = _in_turns(bench, running, options)
    return {
        **found,
        "added_by_gateway_ms": _added(found["gateway"], found["direct"]),
        "added_by_passthrough_ms": _added(found["passthrough"], found["direct"]),
    }


def streams_at_once(bench: Bench) -> Figures:
    """Streams, 50 of them always under way."""
    options = ["--stream", "--concurrent", "50", "--requests", bench.some(4_000)]
    with bench.serving("passthrough", "gateway") as running:
        found = _in_turns(bench, running, options)
    ratios = {
        f"{when}_{share}": round(_middle(found, "gateway", when, share), 3)
        for when in ("total_ms", "first_byte_ms")
        for share in ("p50", "p99")
    }
    return {**found, "gateway_to_passthrough": ratios}


def throughput(bench: Bench) -> Figures:
    """Whole answers, 50 requests always under way."""
    options = ["--concurrent", "50", "--requests", bench.some(10_000)]
    with bench.serving("passthrough", "gateway") as running:
        return _in_turns(bench, running, options)


def litellm_throughput(bench: Bench) -> Figures:
    """The same of LiteLLM's proxy, on each of its servers."""
    options = ["--concurrent", "50", "--requests", bench.some(1_500)]
    found: Figures = {"version": _litellm_version(bench)}
    for name in ("litellm-uvicorn", "litellm-granian"):
        with bench.serving(name) as running:
            del running["direct"]
            found |= _in_turns(bench, running, options, key=servers.LITELLM_KEY)
    return found


def idle_streams(bench: Bench, *, streams: int = 2_000) -> Figures:
    """Memory while many streams have begun and wait."""
    options = ["--stream", "--concurrent", str(streams), "--requests", str(streams)]
    with bench.serving("gateway", hold_s=HOLD_S) as running:
        server = running["gateway"]
        before = server.resident_mb()
        report, samples = _watched(server, [*options, "--warm-up", "0"])
    return {
        "streams": streams,
        "all_at_once": bool(report["first_byte_ms"]["p99"] < 1e3 * HOLD_S),
        "resident_mb_before": round(before, 1),
        "resident_mb_peak": round(max(mb for _, mb in samples), 1),
        "report": report,
    }


def memory(bench: Bench) -> Figures:
    """Memory over many requests, whole and then streamed."""
    with bench.serving("gateway") as running:
        found = {
            name: _growth(running["gateway"], int(bench.some(count)), more)
            for name, count, more in (("whole", 100_000, []), ("streamed", 20_000, ["--stream"]))
        }
    return dict(found)


def _growth(server: Server, count: int, more: Sequence[str]) -> Figures:
    report, samples = _watched(server, ["--requests", str(count), *more])
    seconds, mb = np.array(samples).T
    later = seconds > seconds[-1] / 2
    slope = np.polyfit(seconds[later], mb[later], 1)[0] / report["requests_per_s"] * 10_000
    return {
        "requests": report["requests"],
        "errors": report["errors"],
        "requests_per_s": report["requests_per_s"],
        "resident_mb": [round(float(value), 1) for value in mb[:: max(1, len(mb) // 20)]],
        "mb_per_10000_requests_second_half": round(float(slope), 3),
    }


def _watched(server: Server, options: Sequence[str]) -> tuple[Figures, list[tuple[float, float]]]:
    """The client's report, and memory as (seconds, MB) meanwhile."""
    samples = []
    started = time.monotonic()
    with loading(server, *options) as client:
        while True:
            samples.append((time.monotonic() - started, server.resident_mb()))
            try:
                output, _ = client.communicate(timeout=SAMPLE_S)
            except subprocess.TimeoutExpired:
                continue
            return read_report(client, output), samples


def _in_turns(
    bench: Bench, running: Running, options: Sequence[str], *, key: str | None = None
) -> Figures:
    """Reports by server; one after the other, `turns` times, so that a busy minute hits all."""
    reports: dict[str, list[Figures]] = {name: [] for name in running}
    for turn in range(bench.turns):
        for name, server in running.items():
            reports[name].append(load(server, *options, "--seed", str(turn), key=key))
    return {name: _summary(of_one) for name, of_one in reports.items()}


def _summary(reports: list[Figures]) -> Figures:
    """Medians over the turns, and all of them."""

    def middle(read: Callable[[Figures], float]) -> float:
        return round(median(map(read, reports)), 4)

    found: Figures = {
        name: middle(lambda report, name=name: report[name])  # type: ignore[misc]
        for name in ("requests_per_s", "cpu_ms_per_request", "waited_ms_per_request")
    }
    for when in ("total_ms", "first_byte_ms"):
        found[when] = {
            share: middle(lambda report, when=when, share=share: report[when][share])  # type: ignore[misc]
            for share in ("p50", "p99")
        }
    return found | {"errors": sum(report["errors"] for report in reports), "turns": reports}


def _added(through: Figures, direct: Figures) -> Figures:
    """Per percentile, the median over turns of the difference."""
    return {
        f"{when}_{share}": round(
            median(
                one[when][share] - other[when][share]
                for one, other in zip(through["turns"], direct["turns"], strict=True)
            ),
            3,
        )
        for when in ("total_ms", "first_byte_ms")
        for share in ("p50", "p99")
    }


def _middle(found: Figures, name: str, when: str, share: str) -> float:
    """Median over turns of a percentile's ratio to the bare relay's."""
    pairs = zip(found[name]["turns"], found["passthrough"]["turns"], strict=True)
    return float(median(one[when][share] / other[when][share] for one, other in pairs))


def _litellm_version(bench: Bench) -> str:
    code = "from importlib.metadata import version; print(version('litellm'))"
    done = subprocess.run([str(bench.litellm), "-c", code], check=True, capture_output=True)
    return done.stdout.decode().strip()

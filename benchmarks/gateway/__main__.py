"""The command line: run the checks, print the table, record the figures."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks.gateway import checks
from benchmarks.gateway.checks import Bench, Figures
from benchmarks.gateway.processes import go_ahead
from benchmarks.gateway.servers import trained_router
from benchmarks.gateway.table import markdown, rows
from benchmarks.machine import record

CHECKS: dict[str, Callable[[Bench], Figures]] = {
    "throughput": checks.throughput,
    "litellm": checks.litellm_throughput,
    "streams_at_once": checks.streams_at_once,
    "latency": lambda bench: checks.added_latency(bench, delay_ms=0.0),
    "latency_10ms": lambda bench: checks.added_latency(bench, delay_ms=10.0),
    "idle_streams": checks.idle_streams,
    "memory": checks.memory,
}
PACED = ("latency", "latency_10ms")
PACKAGES = ("starlette", "uvicorn", "uvloop", "httptools", "aiohttp", "msgspec", "numpy")


def main() -> None:
    """Measure, print, record."""
    given = _options()
    with tempfile.TemporaryDirectory() as folder:
        router = given.router or trained_router(Path(folder))
        load_average = os.getloadavg()
        bench = Bench(
            Path(folder), router.absolute(), given.litellm_python, given.scale, given.turns
        )
        figures: Figures = {}
        for name in given.only:
            if name == "litellm" and given.litellm_python is None:
                continue
            sys.stderr.write(f"{name} ...\n")
            if given.ahead:
                go_ahead(paced=name in PACED)
            figures[name] = CHECKS[name](bench)
    found = rows(figures)
    sys.stdout.write(markdown(found) + "\n")
    if given.scale == 1.0 and set(given.only) == set(CHECKS):
        conditions = {
            "versions": {name: version(name) for name in PACKAGES},
            "load_average_before": load_average,
            "ahead_of_others": given.ahead,
            "turns": given.turns,
        }
        record("gateway", {**conditions, "promises": [r.to_json() for r in found], **figures})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gateway",
        description="`finerouter serve` against its upstream, a bare relay and LiteLLM's proxy; "
        "records only if everything is measured in full.",
    )
    parser.add_argument("--litellm-python", type=Path, help="of an environment with litellm[proxy]")
    parser.add_argument("--router", type=Path, help="by default one is trained")
    parser.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS))
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured")
    parser.add_argument(
        "--ahead",
        action="store_true",
        help="before all other processes of a machine that others use too; as root",
    )
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of requests")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Latency of a decision, throughput of batches, import time and memory.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.speed

Everything is measured on a router trained on the starter dataset unless `--data` names another.
Ratios are taken within the run: against the tokenizer and encoder alone, which no router avoids.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import record
from finerouter import OutcomeTable, Router
from finerouter.starter import starter_outcomes
from finerouter.training import train

PROMPT = (
    "Explain step by step why the square root of two is irrational, then say whether the same "
    "argument works for the square root of four, and finally write a short Python function that "
    "checks if an integer is a perfect square without floating point numbers, please, and explain "
    "briefly how many steps that function needs."
)
CALLS = 5_000
BATCH = 10_000


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    outcomes = OutcomeTable.read(arguments.data) if arguments.data else starter_outcomes()
    fit, _ = outcomes.split(seed=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "router"
        train(fit).save(path)
        router = Router.load(path)
        figures = {
            "data": str(arguments.data.name if arguments.data else "starter"),
            "tasks": len(router.tasks),
            "models": len(router.models),
            "prompt_tokens": _tokens(),
            "decision_ms": _percentiles(lambda at: router.route(f"{PROMPT} {at}", cost_weight=5.0)),
            "encode_ms": _percentiles(lambda at: router.encoder.encode([f"{PROMPT} {at}"])),
            "batch_prompts_per_s": _throughput(router),
            "import_s": _import_seconds("import finerouter"),
            "import_numpy_s": _import_seconds("import numpy"),
            "loaded_router_mb": _resident_mb(path),
        }
    for name, value in figures.items():
        sys.stdout.write(f"{name}: {value}\n")
    record(f"speed_{figures['data']}", figures)


def _tokens() -> int:
    from importlib import resources

    from tokenizers import Tokenizer

    file = resources.files("finerouter.encoders") / "data" / "tokenizer.json"
    return len(Tokenizer.from_buffer(file.read_bytes()).encode(PROMPT).ids)


def _percentiles(call: Callable[[int], object]) -> dict[str, float]:
    for at in range(200):
        call(at)
    taken = np.empty(CALLS)
    for at in range(CALLS):
        started = time.perf_counter()
        call(at)
        taken[at] = time.perf_counter() - started
    p50, p99 = np.percentile(1e3 * taken, [50, 99])
    return {"p50": round(float(p50), 4), "p99": round(float(p99), 4)}


def _throughput(router: Router) -> int:
    prompts = [f"{PROMPT} {at}" for at in range(BATCH)]
    rates = []
    for _ in range(3):
        started = time.perf_counter()
        router.route_many(prompts, cost_weight=5.0)
        rates.append(BATCH / (time.perf_counter() - started))
    return round(float(np.median(rates)))


def _import_seconds(statement: str) -> float:
    """Median of five fresh interpreters, less an empty one."""

    def once(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - started

    return round(
        float(np.median([once(statement) for _ in range(5)]))
        - float(np.median([once("pass") for _ in range(5)])),
        3,
    )


def _resident_mb(path: Path) -> float:
    code = (
        "import sys\nfrom finerouter import Router\n"
        "router = Router.load(sys.argv[1])\n"
        "[router.route(f'What is {n} plus {n}?') for n in range(1000)]\n"
        "pages = int(open('/proc/self/statm').read().split()[1])\n"
        "import resource\nprint(pages * resource.getpagesize() / 1e6)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    return round(float(done.stdout), 1)


if __name__ == "__main__":
    main()

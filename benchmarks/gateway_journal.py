"""What the gateway's journal costs: a note, storing, and looking back on a million decisions.

    python -m benchmarks.gateway_journal [--rows 1000000]

Records are of a pool of ten models, with the estimates of all and one attempt, no prompt text; they
are spread over thirty days, twenty tasks and five keys. `note_us` is measured while nothing is
stored and again while the writer's thread stores as fast as it can.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from benchmarks.machine import record as record_figures
from finerouter.gateway.journal import Conversation, Journal
from finerouter.gateway.journal.entries import Batch
from finerouter.gateway.journal.lines import record_line
from finerouter.gateway.journal.spool import Spool
from finerouter.gateway.journal.sqlite_store import SqliteStore
from finerouter.gateway.record import Attempt, Feedback, ModelEstimate, Record, Tokens
from finerouter.gateway.settings import JournalTable

DAYS, TASKS, KEYS, MODELS = 30, 20, 5, 10
NOTES = 20_000
_BATCH = 500


def records(count: int) -> Iterator[Record]:
    """Made-up records in the order of time, the last of them now."""
    random = np.random.default_rng(0)
    first = time.time() - DAYS * 86_400
    estimates = tuple(
        ModelEstimate(model=f"model-{at}", quality=0.5, quality_std=0.1, cost_usd=1.2e-4)
        for at in range(MODELS)
    )
    latency = random.lognormal(7, 1, size=count).tolist()
    pick = random.integers(0, (TASKS, KEYS, MODELS), size=(count, 3)).tolist()
    for at, (task, key, model) in enumerate(pick):
        name = f"model-{model}"
        yield Record(
            decision_id=f"{at:032x}",
            time_s=first + at * DAYS * 86_400 / count,
            api="chat",
            requested="auto",
            key=f"key-{key}",
            policy="balanced",
            task=f"task {task}",
            task_probability=0.8,
            first_choice=name,
            model=name,
            endpoint="endpoint",
            estimates=estimates,
            attempts=(
                Attempt(
                    model=name, endpoint="endpoint", status=200, reason="", latency_ms=latency[at]
                ),
            ),
            tokens=Tokens(input=400, output=200),
            cost_usd=1.2e-4,
            best_usd=1.2e-3,
            baseline_usd=6e-4,
            routing_ms=0.3,
            first_byte_ms=latency[at] / 3,
            latency_ms=latency[at],
            prompt_id="0123456789abcdef",
            prompt_bytes=1_600,
        )


def _quantiles(values: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(values, (50, 99))
    return {"p50": round(float(p50), 1), "p99": round(float(p99), 1)}


def _note_us(note: Callable[[Record], object], some: list[Record]) -> dict[str, float]:
    times = []
    for item in some:
        start = time.perf_counter_ns()
        note(item)
        times.append((time.perf_counter_ns() - start) / 1_000)
    return _quantiles(times)


async def noting(folder: Path) -> dict[str, Any]:
    """Time of a note, alone and beside the writer, and how fast the writer stores."""
    some = list(records(NOTES))
    spool = Spool(folder / "alone.spool")
    alone = _note_us(lambda item: spool.append(record_line(item), ("k", 0), 1.0), some)
    journal = await Journal.open(JournalTable(), folder)
    beside = _note_us(journal.note, some)
    await journal.flush()
    now = time.time()  # in a gateway, records that come together are of the same hour
    rows = [replace(item, decision_id=f"f{at:031x}", time_s=now) for at, item in enumerate(some)]
    start = time.perf_counter()
    for item in rows:
        journal.note(item)
    await journal.flush()
    rate = len(rows) / (time.perf_counter() - start)
    await journal.close()
    return {
        "bytes_a_record": len(record_line(some[0])),
        "note_us": alone,
        "note_us_while_storing": beside,
        "noted_and_stored_per_s": round(rate),
    }


def fill(path: Path, count: int) -> float:
    """Store records in batches; rows a second."""
    store = SqliteStore(path)
    start = time.perf_counter()
    batch: list[Record] = []
    for item in records(count):
        batch.append(item)
        if len(batch) == _BATCH:
            store.ingest(Batch(batch))
            batch = []
    store.ingest(Batch(batch))
    elapsed = time.perf_counter() - start
    store.close()
    return count / elapsed


async def looking(path: Path, count: int) -> dict[str, Any]:
    """Milliseconds of every question, of the wall and of the processor: medians."""
    journal = await Journal.open(JournalTable(path=path.name), path.parent)
    now = time.time()
    windows = {"hour": now, "day": now, "month": now}
    journal.remember(Conversation(prefix="p", model="m", endpoint="e", cached_tokens=0, seen_s=now))
    await journal.flush()
    name = f"{count // 2:032x}"
    # Another one each time: what changes nothing is not written.
    given = (Feedback(decision_id=name, score=1.0, time_s=now + at) for at in itertools.count())
    questions: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "totals_of_30_days": lambda: journal.totals(now - DAYS * 86_400),
        "totals_of_1_day": lambda: journal.totals(now - 86_400),
        "spent": lambda: journal.spent(windows),
        "find": lambda: journal.find(name),
        "find_nothing": lambda: journal.find("none"),
        "recent_50": lambda: journal.recent(50),
        "conversation": lambda: journal.conversation(["q", "p"]),
        "feedback": lambda: journal.feedback(next(given)),
    }
    figures = {}
    for question, ask in questions.items():
        wall, processor = [], []
        for _ in range(21):
            start, start_cpu = time.perf_counter(), time.process_time()
            await ask()
            wall.append((time.perf_counter() - start) * 1_000)
            processor.append((time.process_time() - start_cpu) * 1_000)
        figures[question] = [round(float(np.median(some)), 2) for some in (wall, processor)]
    await journal.close()
    return figures


def main() -> None:
    """Measure all and record it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        figures = asyncio.run(noting(folder))
        print(figures, flush=True)  # noqa: T201
        path = folder / "full.sqlite"
        figures |= {"rows": rows, "stored_per_s": round(fill(path, rows))}
        figures["megabytes"] = round(path.stat().st_size / 1e6)
        figures["ms"] = asyncio.run(looking(path, rows))
    print(figures)  # noqa: T201
    print(record_figures("gateway_journal", figures))  # noqa: T201


if __name__ == "__main__":
    main()

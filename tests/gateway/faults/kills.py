"""A gateway under load that is killed, and what its journal holds afterwards.

By hand: python -m benchmarks.reliability kills
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.gateway.faults.kept import kept
from tests.gateway.faults.load import LOST, WHOLE, Got, chat, while_true
from tests.gateway.faults.process import Process


@dataclass
class Killed:
    """Figures of some kills.

    Attributes:
        kills: of the process.
        whole: answers that clients had got whole.
        lost: rows of these that are missing.
        cut: requests that the kills cut off.
        rows: in the journal; twice: of these, there more than once.
        broken: kills after which SQLite found fault with its file.
        off_usd: the most that the table of spending differed from the sum of the rows.
    """

    kills: int = 0
    whole: int = 0
    lost: int = 0
    cut: int = 0
    rows: int = 0
    twice: int = 0
    broken: int = 0
    off_usd: float = 0.0


def killed_again_and_again(folder: Path, router: Path, kills: int, seed: int) -> Killed:
    """Kill a gateway under load so many times; the journal is looked at after each restart."""
    rng = random.Random(seed)
    found = Killed()
    answered: set[str] = set()
    for _ in range(kills):
        got = _killed(Process(folder, router), rng.uniform(0.2, 1.5))
        answered |= {one.decision_id for one in got if one.what == WHOLE}
        found.cut += sum(one.what == LOST for one in got)
        assert Process(folder, router).stop() == 0
        there = kept(folder / "journal.sqlite")
        found.broken += there.intact != "ok"
        found.off_usd = max(found.off_usd, abs(there.rows_usd - there.spent_usd))
        found.kills, found.rows, found.twice = found.kills + 1, len(there.ids), there.twice
        found.whole, found.lost = len(answered), len(answered - set(there.ids))
    return found


def _killed(gateway: Process, after_s: float) -> list[Got]:
    """What the clients of a gateway got that is killed after so many seconds."""

    async def run() -> list[Got]:
        asking = asyncio.create_task(
            while_true(gateway.url, _body, 16, lambda: gateway.process.poll() is None)
        )
        began = time.monotonic()
        while time.monotonic() - began < after_s:
            await asyncio.sleep(0.005)
        gateway.process.kill()
        return await asking

    got = asyncio.run(run())
    gateway.process.wait()
    return got


def _body(number: int) -> dict[str, object]:
    return chat(f"What is {number} plus 25 times 3?", stream=bool(number % 2))

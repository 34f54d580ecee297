"""What one gateway process holds after thousands of requests.

By hand: python -m benchmarks.reliability memory
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from tests.gateway.faults.load import WHOLE, all_of, chat
from tests.gateway.faults.process import Process


@dataclass(frozen=True)
class Grown:
    """Figures of one process.

    Attributes:
        requests: in all, half of them streams; whole: of these.
        rss_mib: memory, before and after each round.
        kib_per_1000: slope of the second half of the rounds.
        sockets: open before the first and after the last.
    """

    requests: int
    whole: int
    rss_mib: list[float]
    kib_per_1000: float
    sockets: tuple[int, int]


def grown(gateway: Process, rounds: int, requests: int) -> Grown:
    """So many rounds of so many requests."""
    sockets = gateway.sockets()
    memory = [gateway.rss_kib()]
    answers: Counter[str] = Counter()
    for number in range(rounds):
        got = asyncio.run(all_of(gateway.url, _bodies(number, requests), 16))
        answers.update(one.what for one in got)
        memory.append(gateway.rss_kib())
    # Connections to endpoints are kept for some seconds.
    until = time.monotonic() + 15
    while gateway.sockets() > sockets and time.monotonic() < until:
        time.sleep(0.2)
    half = len(memory) // 2
    slope = (memory[-1] - memory[half]) / ((len(memory) - 1 - half) * requests) * 1_000
    mib = [round(kib / 1024, 1) for kib in memory]
    total = rounds * requests
    ends = (sockets, gateway.sockets())
    return Grown(total, answers[WHOLE], mib, round(slope, 1), ends)


def _bodies(number: int, requests: int) -> list[dict[str, object]]:
    prompts = (f"What is {number} plus {n} times 3?" for n in range(requests))
    return [chat(prompt, stream=bool(n % 2)) for n, prompt in enumerate(prompts)]

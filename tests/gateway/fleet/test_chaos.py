"""Many calls among many faults, some of them left: nothing is lost, leaked or answered wrongly."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest

from finerouter.errors import EndpointError
from finerouter.gateway.dispatching import NotReached
from tests.gateway.fleet.conftest import Bench
from tests.loopback import FAULTS, Call, Fault

KINDS = [
    *FAULTS.values(),
    Fault.status(429, retry_after="0.05"),
    Fault.status(503),
    Fault.slow(5),
    Fault.stall(5),
    Fault.error_inside(500),
]
TABLES = {
    "timeouts": {"first_byte_s": 0.25, "between_chunks_s": 0.25},
    "breaker": {"cooldown_s": 0.05, "longest_cooldown_s": 0.1, "health_interval_s": 0.02},
}


def _open_sockets() -> int:
    links = (str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return sum(link.startswith("socket:") for link in links)


async def _ask(bench: Bench, number: int) -> str:
    text, stream = f"number {number}", number % 2 == 0
    try:
        answer = await bench.told("m", "n", text=text, stream=stream)
    except (NotReached, EndpointError) as error:
        return type(error).__name__
    if stream:
        assert b"data: {" in answer
    else:
        assert json.loads(answer)["choices"][0]["message"]["content"] == f"You said: {text}"
    return "answered"


async def _client(bench: Bench, number: int, leaves_after_s: float | None) -> str:
    task = asyncio.create_task(_ask(bench, number))
    if leaves_after_s is not None:
        await asyncio.sleep(leaves_after_s)
        task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return "left"


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_leaked(run, servers, seed: int) -> None:
    chance = random.Random(seed)

    def misbehave(_: Call) -> Fault | None:
        return chance.choice(KINDS) if chance.random() < 0.3 else None

    for server in servers:
        server.misbehave = misbehave

    async def work(bench: Bench) -> list[str]:
        outcomes: list[str] = []
        for wave in range(6):
            leaving = [chance.random() * 0.05 if chance.random() < 0.2 else None for _ in range(20)]
            clients = [_client(bench, 20 * wave + at, after) for at, after in enumerate(leaving)]
            outcomes += await asyncio.gather(*clients)
        assert bench.taken == 0
        assert len(asyncio.all_tasks()) <= 3  # this one, the runner's, the look at the endpoints
        return outcomes

    outcomes = run(work, TABLES, m=[0, 1], n=[0, 1])
    assert len(outcomes) == 120
    assert outcomes.count("answered") > 0.6 * 120
    assert outcomes.count("left") > 0


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="sockets are counted in /proc")
def test_sockets_are_closed_with_the_fleet(run, servers) -> None:
    servers[0].misbehave = lambda call: [None, Fault.stall(5), Fault.status(500)][call.number % 3]
    counts: list[int] = []

    async def work(bench: Bench) -> None:
        before = _open_sockets()
        for at in range(30):
            async with await bench.ask("m", stream=at % 2 == 0):
                pass
        await bench.fleet.close()
        for _ in range(100):
            # The server, which is in this process, closes its ends a little later.
            if _open_sockets() <= before:
                break
            await asyncio.sleep(0.01)
        counts.extend((before, _open_sockets()))

    run(work, {"timeouts": {"between_chunks_s": 0.02}}, m=[0, 1])
    assert counts[1] <= counts[0]

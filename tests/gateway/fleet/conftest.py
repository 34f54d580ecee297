"""Fleets over real servers on the loopback interface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from finerouter.asking import Asking, Endpoint
from finerouter.gateway.dispatching import Prepared, Reached, Step, dispatch
from finerouter.gateway.fleet import Fleet
from finerouter.gateway.record import Attempt
from finerouter.gateway.settings import GatewaySettings
from tests.loopback import LoopbackUpstream, serving

KEY = "sk-not-to-be-seen"


def settings(**tables: dict[str, Any]) -> GatewaySettings:
    """Settings with short waits, and no health checks unless they are asked for."""
    short: dict[str, dict[str, Any]] = {
        "retries": {"first_wait_s": 0.002, "longest_wait_s": 0.3},
        "timeouts": {"first_byte_s": 2.0, "between_chunks_s": 2.0},
        "breaker": {"health_interval_s": 0},
        "limits": {"max_wait_s": 0.05},
    }
    merged = {name: short.get(name, {}) | tables.get(name, {}) for name in short | tables}
    return msgspec.convert(merged, GatewaySettings)


@dataclass
class Bench:
    """A fleet under test, and what became of its calls."""

    servers: Sequence[LoopbackUpstream]
    fleet: Fleet
    attempts: list[Attempt] = field(default_factory=list)

    async def ask(
        self, *models: str, stream: bool = False, text: str = "hi", prefer: str = ""
    ) -> Reached:
        def prepare(asking: Asking) -> Prepared:
            message = {"role": "user", "content": text}
            body = {"model": asking.upstream_model, "messages": [message], "stream": stream}
            return Prepared("/chat/completions", json.dumps(body).encode(), {}, stream)

        steps = [Step(model, prepare, prefer) for model in models or ("m",)]
        retries = self.fleet.settings.retries
        return await dispatch(steps, self.fleet, retries, on_attempt=self.attempts.append)

    async def told(self, *models: str, **how: Any) -> bytes:
        """The whole answer."""
        async with await self.ask(*models, **how) as reached:
            return reached.first + b"".join([chunk async for chunk in reached.rest()])

    @property
    def taken(self) -> int:
        return sum(standing.under_way for standing in self.fleet.standing())

    @property
    def reasons(self) -> list[str]:
        return [attempt.reason for attempt in self.attempts]

    def state(self, at: int = 0) -> str:
        return self.fleet.standing()[at].state


Run = Callable[..., Any]


@pytest.fixture
def servers() -> Iterator[list[LoopbackUpstream]]:
    with ExitStack() as stack:
        yield [stack.enter_context(serving()) for _ in range(2)]


def askings(
    servers: Sequence[LoopbackUpstream], places: dict[str, list[int]], **endpoint: Any
) -> dict[str, tuple[Asking, ...]]:
    made = [
        Endpoint(f"e{at}", server.url, key_env="FLEET_TEST_KEY", **endpoint)
        for at, server in enumerate(servers)
    ]
    return {
        model: tuple(Asking(made[at], model) for at in where) for model, where in places.items()
    }


@pytest.fixture
def run(servers: list[LoopbackUpstream], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run something with a fleet: `run(lambda bench: bench.told("m"), m=[0, 1])`."""
    monkeypatch.setenv("FLEET_TEST_KEY", KEY)

    def go(
        work: Callable[[Bench], Awaitable[Any]],
        tables: dict[str, dict[str, Any]] | None = None,
        endpoint: dict[str, Any] | None = None,
        **places: list[int],
    ) -> Any:
        async def inside() -> Any:
            ways = askings(servers, places or {"m": [0]}, **(endpoint or {}))
            bench = Bench(servers, Fleet(ways, settings(**(tables or {}))))
            await bench.fleet.start()
            try:
                outcome = await asyncio.wait_for(work(bench), 20)
                assert bench.taken == 0, "a slot has leaked"
                return outcome
            finally:
                await bench.fleet.close()

        return asyncio.run(inside())

    return go

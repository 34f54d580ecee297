"""The load: asks one address, whole or streamed, paced or closed loop, and times the answers.

    python -m benchmarks.gateway.client http://127.0.0.1:8080 --stream --rate 50 --seconds 10
    python -m benchmarks.gateway.client http://127.0.0.1:8080 --concurrent 50 --requests 1000

Runs as a process of its own and prints JSON: `Load.report`. Paced requests start when their time
has come, whether or not earlier ones are done. An answer that is not whole is an error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
import uvloop

from benchmarks.gateway.prompts import requests

PATH = "/v1/chat/completions"
END_OF_STREAM = b"data: [DONE]\n\n"
END_OF_ANSWER = b"}"


@dataclass
class Load:
    """What came of the requests; times in seconds, warm-up not among them."""

    first_s: list[float] = field(default_factory=list)
    total_s: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    warm_up: int = 0

    def report(self, seconds: float) -> dict[str, Any]:
        """Requests, rate, percentiles in milliseconds, errors by kind."""
        return {
            "requests": len(self.total_s),
            "warm_up": self.warm_up,
            "seconds": round(seconds, 3),
            "requests_per_s": round(len(self.total_s) / seconds, 1),
            "total_ms": percentiles(self.total_s),
            "first_byte_ms": percentiles(self.first_s),
            "errors": sum(self.errors.values()),
            "error_kinds": dict(self.errors.most_common(5)),
        }


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median, 99th percentile and mean in milliseconds; NaN of nothing."""
    if not seconds:
        return {"p50": float("nan"), "p99": float("nan"), "mean": float("nan")}
    taken = 1e3 * np.asarray(seconds)
    found = {"p50": np.percentile(taken, 50), "p99": np.percentile(taken, 99), "mean": taken.mean()}
    return {name: round(float(value), 3) for name, value in found.items()}


class Client:
    """Sends bodies and notes what came of them."""

    def __init__(self, session: aiohttp.ClientSession, given: argparse.Namespace) -> None:
        self._session = session
        self._url = given.url + PATH
        self._end = END_OF_STREAM if given.stream else END_OF_ANSWER
        self._headers = {"content-type": "application/json"}
        if given.key:
            self._headers["authorization"] = f"Bearer {given.key}"
        self._bodies: Iterator[bytes] = requests(given.model, stream=given.stream, seed=given.seed)
        self.load = Load()

    async def ask(self) -> None:
        """One request."""
        body = next(self._bodies)
        started = time.perf_counter()
        try:
            first, trouble = await self._answer(body)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.load.errors[type(error).__name__] += 1
            return
        if trouble:
            self.load.errors[trouble] += 1
            return
        self.load.first_s.append(first - started)
        self.load.total_s.append(time.perf_counter() - started)

    async def _answer(self, body: bytes) -> tuple[float, str]:
        """When the first byte of the body came, and what was wrong with the answer, "" for nothing.

        A time of 0 for an answer without a body.
        """
        first, tail = 0.0, b""
        async with self._session.post(self._url, data=body, headers=self._headers) as answer:
            async for piece in answer.content.iter_any():
                first = first or time.perf_counter()
                tail = (tail + piece)[-len(self._end) :]
        if answer.status != 200:
            return first, f"status {answer.status}"
        return first, "" if tail == self._end else "not whole"


async def paced(client: Client, rate: float, seconds: float, *, seed: int) -> float:
    """Requests at random times, `rate` a second on average; the seconds until all were answered."""
    chance = random.Random(seed)
    started = at = time.perf_counter()
    under_way = set()
    while at < started + seconds:
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        task = asyncio.create_task(client.ask())
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        at += chance.expovariate(rate)
    await asyncio.gather(*under_way)
    return time.perf_counter() - started


async def closed_loop(client: Client, concurrent: int, count: int) -> float:
    """`count` requests, always `concurrent` of them under way; seconds taken."""
    started = time.perf_counter()
    left = count

    async def one_after_the_other() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await client.ask()

    await asyncio.gather(*(one_after_the_other() for _ in range(concurrent)))
    return time.perf_counter() - started


async def run(given: argparse.Namespace) -> dict[str, Any]:
    """Warm up, load, report."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=600)
    timeout = aiohttp.ClientTimeout(total=given.timeout_s)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        client = Client(session, given)
        if given.warm_up:
            # As many at once as later, so that the connections are there.
            await closed_loop(client, given.concurrent, given.warm_up)
            client.load = Load(warm_up=given.warm_up)
        if given.rate:
            seconds = await paced(client, given.rate, given.seconds, seed=given.seed)
        else:
            seconds = await closed_loop(client, given.concurrent, given.requests)
        return client.load.report(seconds)


def main() -> None:
    """Run and print."""
    sys.stdout.write(json.dumps(uvloop.run(run(options()))) + "\n")


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--model", default="auto")
    parser.add_argument("--key", help="sent as a bearer token")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--rate", type=float, help="requests a second; without it a closed loop")
    parser.add_argument("--seconds", type=float, default=10.0, help="of paced load")
    parser.add_argument("--concurrent", type=int, default=50, help="of the closed loop")
    parser.add_argument("--requests", type=int, default=1_000, help="of the closed loop")
    parser.add_argument("--warm-up", type=int, default=200, help="requests beforehand")
    parser.add_argument("--timeout-s", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

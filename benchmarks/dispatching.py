"""What dispatching costs over a bare POST to the same server.

    python -m benchmarks.dispatching

The server is a process of its own on the loopback interface that answers from memory. Bare and
dispatched calls alternate in blocks, so that a busy machine slows both; processor time is that of
the caller's process alone.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import cast

import aiohttp
import uvloop

from benchmarks.machine import record
from finerouter.asking import Asking, Endpoint
from finerouter.gateway.dispatching import Prepared, Step, dispatch
from finerouter.gateway.fleet import Fleet
from finerouter.gateway.settings import GatewaySettings

BLOCKS, CALLS, TOGETHER = 30, 100, 20
MESSAGE = {"role": "assistant", "content": "An answer of some length. " * 20}
WHOLE = json.dumps({"choices": [{"index": 0, "message": MESSAGE}]}).encode()
EVENT = b'data: {"choices": [{"index": 0, "delta": {"content": "word "}}]}\n\n'
EVENTS = EVENT * 20 + b"data: [DONE]\n\n"
HEADERS = {"content-type": "application/json"}

Call = Callable[[], Awaitable[object]]


def main() -> None:
    """Measure, print, record."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ours.recv()}/v1"
    try:
        figures = uvloop.run(_measure(url))
    finally:
        server.terminate()
    for name, value in figures.items():
        sys.stdout.write(f"{name}: {value}\n")
    sys.stdout.write(f"recorded in {record('dispatching', figures)}\n")


async def _measure(url: str) -> dict[str, dict[str, float]]:
    fleet = Fleet({"m": (Asking(Endpoint("here", url), "m"),)}, GatewaySettings())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        figures = {}
        for stream in (False, True):
            body = json.dumps({"model": "m", "messages": [], "stream": stream}).encode()
            bare = _bare(session, url, body)
            figures["streams" if stream else "whole answers"] = await _compared(
                bare, _dispatched(fleet, body, stream)
            )
    await fleet.close()
    return figures


def _bare(session: aiohttp.ClientSession, url: str, body: bytes) -> Call:
    async def call() -> None:
        async with session.post(f"{url}/chat/completions", data=body, headers=HEADERS) as response:
            while await response.content.readany():
                pass

    return call


def _dispatched(fleet: Fleet, body: bytes, stream: bool) -> Call:
    steps = [Step("m", lambda _: Prepared("/chat/completions", body, {}, stream))]
    retries = fleet.settings.retries

    async def call() -> None:
        async with await dispatch(steps, fleet, retries) as reached:
            async for _ in reached.rest():
                pass

    return call


async def _compared(bare: Call, dispatched: Call) -> dict[str, float]:
    """Medians over blocks: one call after the other, and processor time of many at a time."""
    alone: dict[str, list[float]] = {"bare": [], "dispatched": []}
    processor: dict[str, list[float]] = {"bare": [], "dispatched": []}
    for _ in range(BLOCKS):
        for name, call in (("bare", bare), ("dispatched", dispatched)):
            alone[name].append(await _alone_us(call))
            processor[name].append(await _processor_us(call))
    found = {f"{name}_us": round(statistics.median(alone[name]), 1) for name in alone}
    used = {f"{name}_cpu_us": round(statistics.median(processor[name]), 1) for name in processor}
    return found | used


async def _alone_us(call: Call) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        await call()
    return (time.perf_counter() - started) / CALLS * 1e6


async def _processor_us(call: Call) -> float:
    async def several() -> None:
        for _ in range(CALLS // TOGETHER):
            await call()

    started = time.process_time()
    await asyncio.gather(*(several() for _ in range(TOGETHER)))
    return (time.process_time() - started) / CALLS * 1e6


class _Server(asyncio.Protocol):
    """Answers every request from memory; bodies are small enough to come in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        streamed = b'"stream": true' in data
        body = EVENTS if streamed else WHOLE
        kind = b"text/event-stream" if streamed else b"application/json"
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % (kind, len(body)) + body)


def _serve(ready: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


if __name__ == "__main__":
    main()

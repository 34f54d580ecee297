"""Sends odd requests to a gateway and looks for what must never be.

By hand: python -m benchmarks.reliability fuzzing
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.gateway.faults.odd_requests import Odd

# Longer than any request may take here, by far: the endpoints answer at once.
_HANG_S = 20.0


@dataclass
class Fuzzed:
    """What came of it.

    Attributes:
        requests: that were sent.
        statuses: of the answers; 0 where the connection was closed without one.
        failed: what was sent and what came, for every answer of 500 and above and every hang.
        leaked: what was sent, where a secret was in the answer.
        slowest_s: of all.
    """

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


async def fuzz(port: int, odd: Iterable[Odd], secrets: tuple[str, ...], clients: int = 8) -> Fuzzed:
    """Send all of them, each over a connection of its own."""
    found = Fuzzed()
    waiting = iter(odd)

    async def client() -> None:
        for one in waiting:
            began = time.perf_counter()
            answer = await _answer(port, one)
            found.slowest_s = max(found.slowest_s, time.perf_counter() - began)
            _judge(found, one, answer, secrets)

    await asyncio.gather(*(client() for _ in range(clients)))
    return found


def _judge(found: Fuzzed, odd: Odd, answer: bytes | None, secrets: tuple[str, ...]) -> None:
    found.requests += 1
    if answer is None:
        found.failed.append(f"hung: {odd.about}")
        return
    status = int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0
    found.statuses[status] += 1
    if status >= 500:
        found.failed.append(f"{answer[-400:]!r} for {odd.about}")
    if any(secret.encode() in answer for secret in secrets):
        found.leaked.append(odd.about)


async def _answer(port: int, odd: Odd) -> bytes | None:
    """All that comes until the gateway has nothing more to say; None where it hangs."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(odd.raw)
        await writer.drain()
        async with asyncio.timeout(_HANG_S):
            return await _read(reader, odd)
    except TimeoutError:
        return None
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, odd: Odd) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    lowered = head.lower()
    if odd.method == "HEAD" or b" 204 " in head[:20]:
        return head
    if b"transfer-encoding: chunked" in lowered:
        return head + await _chunks(reader)
    size = lowered.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return head + (await reader.readexactly(int(size)) if size else await reader.read())


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body

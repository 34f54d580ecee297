"""Clients that ask as fast as they get answers, and keep what became of each request.

An answer counts as whole only where its last byte came: for a stream `[DONE]`, for a whole answer
all that `content-length` says, and JSON.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

WHOLE, REFUSED, BROKEN, TORN, LOST = "whole", "refused", "broken", "torn", "lost"
UNHEARD = "unheard"


@dataclass(frozen=True)
class Got:
    """What became of one request.

    Attributes:
        what: WHOLE; REFUSED (an error before any answer); BROKEN (a stream that ended with an
            error event); TORN (one that ended without a word); LOST (the connection went); UNHEARD
            (there was none to be had).
        status: of HTTP, 0 where none came.
        decision_id: "" where none came.
        seconds: until it ended.
        body: as it came.
        headers: names in lower case.
        prompt: that was asked.
    """

    what: str
    status: int = 0
    decision_id: str = ""
    seconds: float = 0.0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""


def chat(prompt: str, **fields: Any) -> dict[str, Any]:
    """A chat request."""
    return {"model": "auto", "messages": [{"role": "user", "content": prompt}], **fields}


async def ask(
    session: aiohttp.ClientSession,
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> Got:
    """Send a chat request and read its answer to the end."""
    started = time.perf_counter()
    status, kept, received = 0, {}, bytearray()
    try:
        async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as reply:
            status = reply.status
            kept = {name.lower(): value for name, value in reply.headers.items()}
            async for chunk in reply.content.iter_any():
                received += chunk
        what = _what(status, bytes(received), bool(body.get("stream")))
    except aiohttp.ClientConnectorError:
        what = UNHEARD
    except (aiohttp.ClientError, ConnectionError):
        # Who has seen the last event has the answer, whatever becomes of the connection.
        what = WHOLE if status == 200 and received.endswith(b"data: [DONE]\n\n") else LOST
    decision_id = kept.get("x-finerouter-decision-id", "")
    seconds = time.perf_counter() - started
    prompt = body["messages"][-1]["content"]
    return Got(what, status, decision_id, seconds, bytes(received), kept, prompt)


def _what(status: int, body: bytes, stream: bool) -> str:
    if status != 200:
        return REFUSED
    if not stream:
        return WHOLE if "choices" in json.loads(body) else TORN
    if body.endswith(b"data: [DONE]\n\n"):
        return WHOLE
    last = body.rstrip().rpartition(b"data: ")[2]
    return BROKEN if last.startswith(b'{"error"') else TORN


async def all_of(
    url: str, bodies: Iterable[Mapping[str, Any]], clients: int, **headers: str
) -> list[Got]:
    """Ask all of these, so many at a time; in the order in which they ended."""
    waiting = iter(bodies)
    got: list[Got] = []

    async def client(session: aiohttp.ClientSession) -> None:
        while (body := next(waiting, None)) is not None:
            got.append(await ask(session, url, body, headers))

    async with _session() as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return got


async def while_true(
    url: str,
    body: Callable[[int], Mapping[str, Any]],
    clients: int,
    going: Callable[[], bool],
    key: str = "",
) -> list[Got]:
    """Ask again and again until `going` says no, or the connection goes."""
    got: list[Got] = []
    headers = {"authorization": f"Bearer {key}"} if key else {}

    async def client(session: aiohttp.ClientSession) -> None:
        while going():
            got.append(await ask(session, url, body(len(got)), headers))
            if got[-1].what in (LOST, UNHEARD):
                return

    async with _session() as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return got


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60)
    )

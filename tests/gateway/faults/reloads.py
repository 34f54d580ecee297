"""A gateway process whose files change and that is told so, again and again, while it serves.

By hand: python -m benchmarks.reliability reloads
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.gateway.faults.load import WHOLE, Got, chat, while_true
from tests.gateway.faults.process import Process

# Each makes the endpoints' clients anew; the third and the fourth do not load.
_CONFIGS = (
    "[timeouts]\nconnect_s = 5.0\n",
    "[timeouts]\nconnect_s = 6.0\n[policies.thrifty]\ncost_weight = 5.0\n",
    "[timeouts]\nconnect_s = 'soon'\n",
    "default_policy = 'none'\n",
)
_BROKEN_POOL = 'models = "none"\n'


@dataclass(frozen=True)
class Reloaded:
    """Figures of a time of reloads.

    Attributes:
        answers: what became of the requests, by kind.
        statuses: of the reloads over HTTP.
        signals: reloads by SIGHUP.
        failed: requests that were not answered whole.
    """

    answers: dict[str, int]
    statuses: dict[int, int]
    signals: int
    failed: list[Got]


async def reloaded(gateway: Process, keys: str, admin: str, seconds: float) -> Reloaded:
    """Ask without end, and reload every 100 ms, by signal and by call in turn.

    Args:
        gateway: which.
        keys: tables that stay in gateway.toml.
        admin: key with the scope "admin" and "infer".
        seconds: how long.
    """
    until = time.monotonic() + seconds
    asking = asyncio.create_task(
        while_true(gateway.url, _body, 8, lambda: time.monotonic() < until, admin)
    )
    statuses: Counter[int] = Counter()
    signals = 0
    config, pool = gateway.folder / "gateway.toml", gateway.folder / "pool.toml"
    right = pool.read_text()
    headers = {"authorization": f"Bearer {admin}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            _replace(config, _CONFIGS[turn % len(_CONFIGS)] + keys)
            _replace(pool, _BROKEN_POOL if turn % 5 == 0 else right)
            if turn % 2:
                gateway.reload()
                signals += 1
            async with session.post(f"{gateway.url}/admin/reload") as reply:
                statuses[reply.status] += 1
            await asyncio.sleep(0.1)
    got = await asking
    _replace(pool, right)
    return Reloaded(
        dict(Counter(one.what for one in got)),
        dict(statuses),
        signals,
        [one for one in got if one.what != WHOLE],
    )


def _replace(path: Path, text: str) -> None:
    """Whole or not at all, as an operator's tools do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def _body(number: int) -> dict[str, object]:
    return chat(f"What is {number} plus 25 times 3?", stream=bool(number % 2))


@dataclass(frozen=True)
class Stopped:
    """What clients had of a gateway that was stopped under load.

    Attributes:
        code: exit code.
        answers: what became of the requests, by kind.
        seconds: until the process had ended.
    """

    code: int
    answers: dict[str, int]
    seconds: float


async def stopped(gateway: Process, after_s: float, key: str = "") -> Stopped:
    """SIGTERM while requests and streams are under way."""
    asking = asyncio.create_task(
        while_true(gateway.url, _body, 16, lambda: gateway.process.poll() is None, key)
    )
    await asyncio.sleep(after_s)
    began = time.monotonic()
    code = await asyncio.to_thread(gateway.stop)
    seconds = time.monotonic() - began
    got = await asking
    return Stopped(code, dict(Counter(one.what for one in got)), round(seconds, 2))

"""Two gateway processes that share a journal: budgets and conversations.

By hand: python -m benchmarks.reliability sharing
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.gateway.faults.load import WHOLE, Got, all_of, chat
from tests.gateway.faults.process import Process

# Of both processes, and of each of their clients.
CLIENTS = 8


@dataclass(frozen=True)
class Spent:
    """What two processes spent of one budget.

    Attributes:
        limit_usd, spent_usd: of the budget; by what the answers' headers say.
        one_usd: that a request cost.
        beyond_requests: by how many requests' worth the limit was passed; negative if it was not.
        answered, refused: requests.
    """

    limit_usd: float
    spent_usd: float
    one_usd: float
    beyond_requests: float
    answered: int
    refused: int


def two(
    folder: Path, router: Path, pool: str, config: str, env: Mapping[str, str] | None = None
) -> tuple[Process, Process]:
    """Two processes; paths in `config` are absolute where they are shared."""
    started = []
    for name in ("a", "b"):
        own = folder / name
        own.mkdir(exist_ok=True)
        (own / "pool.toml").write_text(pool)
        (own / "gateway.toml").write_text(config)
        started.append(Process(own, router, env=env))
    return started[0], started[1]


def cost_of_one(gateway: Process) -> float:
    """What the question of these runs costs."""
    (got,) = asyncio.run(all_of(gateway.url, [chat(_PROMPT)], 1))
    return _cost(got)


def spent_by_two(both: tuple[Process, Process], limit_usd: float, one_usd: float) -> Spent:
    """Ask both at once, again and again, until the budget refuses everybody."""

    async def run() -> list[Got]:
        asked = [all_of(one.url, [chat(_PROMPT)] * 400, CLIENTS) for one in both]
        return [got for several in await asyncio.gather(*asked) for got in several]

    got = asyncio.run(run())
    spent = one_usd + sum(_cost(one) for one in got)
    return Spent(
        limit_usd,
        spent,
        one_usd,
        round((spent - limit_usd) / one_usd, 2),
        sum(one.what == WHOLE for one in got),
        sum(one.status == 429 for one in got),
    )


def follows(both: tuple[Process, Process], wait_s: float) -> tuple[str, str]:
    """The models of a conversation's first turn at one process, and its second at the other."""
    first = _said(both[0], [{"role": "user", "content": _PROMPT}])
    time.sleep(wait_s)
    second = _said(
        both[1],
        [
            {"role": "user", "content": _PROMPT},
            {"role": "assistant", "content": "42"},
            # By itself, it would go to another model.
            {"role": "user", "content": "And the next one, please."},
        ],
    )
    return first, second


def _said(gateway: Process, messages: list[dict[str, str]]) -> str:
    body = {"model": "auto", "messages": messages}
    (got,) = asyncio.run(all_of(gateway.url, [body], 1))
    assert got.what == WHOLE, got
    return got.headers["x-finerouter-model"]


def _cost(got: Got) -> float:
    return float(got.headers["x-finerouter-cost-usd"]) if got.what == WHOLE else 0.0


_PROMPT = "What is 17 plus 25 times 3? Calculate the number step by step."

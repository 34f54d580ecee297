"""What calls cost: of the tokens used, at most, and how much may still be spent.

Takes models with prices, requests and usage; gives USD. Knows nothing of endpoints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from finerouter.pool import Model
from finerouter.upstream.usage import Usage

# What a chat template and an endpoint's own words may add to a request.
_SPARE_INPUT_TOKENS = 64
_ANSWERS = ("n", "best_of")
_LIMITS = ("max_completion_tokens", "max_tokens")


def cost_usd(model: Model, usage: Usage | None) -> float | None:
    """What a call cost at the pool's prices; None where tokens or a price are unknown."""
    if usage is None or model.input_usd_per_mtok is None or model.output_usd_per_mtok is None:
        return None
    cached, written = usage.cached_input_tokens, usage.cache_write_tokens
    plain = model.input_usd_per_mtok
    micro_usd = (
        (usage.input_tokens - cached - written) * plain
        + cached * _or(model.cached_input_usd_per_mtok, plain)
        + written * _or(model.cache_write_usd_per_mtok, plain)
        + usage.output_tokens * model.output_usd_per_mtok
    )
    return micro_usd / 1e6


def most_usd(model: Model, body: Mapping[str, Any], content_bytes: int) -> float | None:
    """What a call could cost at most; None where a price or the answer's limit is unknown.

    A token of text is at least a byte of it, and the request's bytes hold all of its text.
    """
    output = most_output_tokens(model, body)
    if output is None or model.input_usd_per_mtok is None or model.output_usd_per_mtok is None:
        return None
    dearest = max(model.input_usd_per_mtok, model.cache_write_usd_per_mtok or 0.0)
    # Answers that are written and thrown away are billed, too.
    answers = max([1, *(n for n in map(body.get, _ANSWERS) if isinstance(n, int))])
    tokens = content_bytes + _SPARE_INPUT_TOKENS
    return (tokens * dearest + answers * output * model.output_usd_per_mtok) / 1e6


def most_output_tokens(model: Model, body: Mapping[str, Any]) -> int | None:
    """The longest answer: what the request allows, else what the model can hold, else None."""
    named = (model.asking.endpoint.max_tokens_name,) if model.asking else ()
    limits = [body[name] for name in (*named, *_LIMITS) if isinstance(body.get(name), int)]
    return max(limits) if limits else model.context_window


class Budget:
    """USD that may be spent in all; nothing may start that could go beyond.

    A call reserves what it could cost at most and gives back the rest when it ends.
    """

    def __init__(self, limit_usd: float | None, *, spent_usd: float = 0.0) -> None:
        """Start from what was spent before; without a limit anything may be reserved."""
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd
        self._reserved_usd = 0.0
        self._under_way = 0
        self._changed = asyncio.Condition()

    async def reserve(self, most: float | None) -> bool:
        """Set aside what a call could cost; False when that is not to be had.

        Waits while calls under way may give something back.
        """
        amount = most or 0.0
        async with self._changed:
            while not self._fits(amount):
                if not self._under_way:
                    return False
                await self._changed.wait()
            self._reserved_usd += amount
            self._under_way += 1
        return True

    async def settle(self, most: float | None, cost: float | None) -> None:
        """A call has ended: it cost so much, or what it could at most where nobody knows."""
        async with self._changed:
            self._reserved_usd -= most or 0.0
            self._under_way -= 1
            self.spent_usd += (most or 0.0) if cost is None else cost
            self._changed.notify_all()

    def _fits(self, amount: float) -> bool:
        if self.limit_usd is None:
            return True
        # Nothing under way: what is left of the sum of reservations is rounding.
        reserved = self._reserved_usd if self._under_way else 0.0
        return self.spent_usd + reserved + amount <= self.limit_usd


def _or(price: float | None, other: float) -> float:
    return other if price is None else price

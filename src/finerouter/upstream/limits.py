"""How much is asked of one endpoint: calls at a time, calls a minute, and pauses that it asked for.

Gives slots to wait for. Knows nothing of calls.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from finerouter.upstream.patience import Sleep

Clock = Callable[[], float]


class Limits:
    """Slots of one endpoint, in the order they were asked for."""

    def __init__(
        self,
        max_concurrent: int,
        per_minute: float | None = None,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Nothing is under way yet.

        Args:
            max_concurrent: calls under way at a time.
            per_minute: calls started in a minute, evenly spaced; None for any number.
            clock: seconds that never run backwards.
            sleep: how to wait.
        """
        self._free = asyncio.Semaphore(max_concurrent)
        self._gap_s = 60.0 / per_minute if per_minute else 0.0
        self._clock = clock
        self._sleep = sleep
        self._next_start = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it."""
        async with self._free:
            while (wait := self._next_start - self._clock()) > 0:
                await self._sleep(wait)
            self._next_start = self._clock() + self._gap_s
            yield

    def pause(self, seconds: float) -> None:
        """Start nothing for so long: what one caller was told holds for all."""
        self._next_start = max(self._next_start, self._clock() + seconds)

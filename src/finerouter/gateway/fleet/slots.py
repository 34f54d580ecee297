"""How many calls one endpoint answers at a time, and how many are begun in a minute.

Gives slots, in the order they were asked for, to those who do not wait too long. Knows nothing of
calls. Unlike `upstream.limits` it gives up, so that another endpoint can be asked.
"""

from __future__ import annotations

import asyncio
from collections import deque

from finerouter.upstream.limits import Clock


class Slots:
    """Slots of one endpoint; for one event loop.

    Attributes:
        most: slots in all.
        taken: of these, now.
    """

    def __init__(self, most: int, per_minute: float | None, clock: Clock) -> None:
        self.most = most
        self.taken = 0
        self._gap_s = 60.0 / per_minute if per_minute else 0.0
        self._next_start = 0.0
        self._clock = clock
        self._waiting: deque[asyncio.Future[bool]] = deque()

    @property
    def load(self) -> float:
        """Calls under way and waiting, as a share of the slots."""
        return (self.taken + len(self._waiting)) / self.most

    async def enter(self, wait_s: float) -> bool:
        """Wait for a slot and take it; False where none came in time. Then `leave` is owed."""
        until = self._clock() + wait_s
        if self.taken < self.most:
            self.taken += 1
        elif not await self._queue(wait_s):
            return False
        return not self._gap_s or await self._paced(until)

    def leave(self) -> None:
        """Give a slot back: to whoever has waited longest."""
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():
                first.set_result(True)
                return
        self.taken -= 1

    async def _queue(self, wait_s: float) -> bool:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        timer = loop.call_later(wait_s, _give_up, turn)
        try:
            given = await turn
        except asyncio.CancelledError:
            self._forgo(turn)
            raise
        finally:
            timer.cancel()
        if not given:
            self._waiting.remove(turn)
        return given

    def _forgo(self, turn: asyncio.Future[bool]) -> None:
        # The slot may have been handed over in the very moment of the cancellation.
        if turn.done() and not turn.cancelled() and turn.result():
            self.leave()
        elif turn in self._waiting:
            self._waiting.remove(turn)

    async def _paced(self, until: float) -> bool:
        now = self._clock()
        start = max(now, self._next_start)
        if start > until:
            self.leave()
            return False
        self._next_start = start + self._gap_s
        try:
            await asyncio.sleep(start - now)
        except asyncio.CancelledError:
            self.leave()
            raise
        return True


def _give_up(turn: asyncio.Future[bool]) -> None:
    if not turn.done():
        turn.set_result(False)

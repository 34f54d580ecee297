"""Estimates whose encoder takes its time: a model of its own, or an endpoint.

Takes texts one at a time; gives the router's estimates, made together in threads, so that the event
loop goes on with everything else. An encoder that fails or is late fails no request: its prompts
are unread, and estimated by what is known without reading. Then it is left alone for a while.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from finerouter.errors import DataError, FinerouterError
from finerouter.gateway.estimating import blames_text, estimated
from finerouter.policy import Estimate
from finerouter.router import Router

_logger = logging.getLogger(__name__)
# Batches under way. While all of them are, texts gather for the next.
_AT_ONCE = 4
_MOST = 32
LEFT_ALONE_S = 10.0
_Waiting = list[tuple[str, asyncio.Future[Estimate]]]


class EstimatorApart:
    """A router's estimates, batched and made in threads; for one event loop."""

    def __init__(
        self, router: Router, wait_s: float, *, left_alone_s: float = LEFT_ALONE_S
    ) -> None:
        """Prepare.

        Args:
            router: that estimates.
            wait_s: for its encoder, before a prompt goes unread.
            left_alone_s: for which nothing is asked of an encoder that failed or was late.
        """
        self.router = router
        self.unread = 0
        self._wait_s = wait_s
        self._left_alone_s = left_alone_s
        self._waiting: _Waiting = []
        self._batches = 0
        self._left_alone_until = 0.0

    async def estimate(self, text: str) -> Estimate:
        """Estimate one text that is not empty.

        Raises:
            DataError: it cannot be estimated.
        """
        if time.monotonic() < self._left_alone_until:
            return self._without_reading(text)
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._read(text)
        except DataError:
            raise
        except TimeoutError:
            self._leave_alone(f"no answer in {self._wait_s:g} s (timeouts.encode_s)")
        except FinerouterError as error:
            if not blames_text(error):
                self._leave_alone(str(error))
        return self._without_reading(text)

    def _read(self, text: str) -> asyncio.Future[Estimate]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Estimate] = loop.create_future()
        if not self._waiting:
            # In a turn of its own, so that others of this turn are in the batch.
            loop.call_soon(self._start, loop)
        self._waiting.append((text, future))
        return future

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting = [(text, future) for text, future in self._waiting if not future.done()]
        while self._waiting and self._batches < _AT_ONCE:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            self._batches += 1
            # A thread that nobody waits for at the end: an endpoint that hangs stops no stop.
            threading.Thread(target=self._work, args=(loop, batch), daemon=True).start()

    def _work(self, loop: asyncio.AbstractEventLoop, batch: _Waiting) -> None:
        found = estimated(self.router, [text for text, _ in batch])
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._tell, loop, batch, found)

    def _tell(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: _Waiting,
        found: Sequence[Estimate | Exception],
    ) -> None:
        self._batches -= 1
        for (_, future), one in zip(batch, found, strict=True):
            if future.done():
                continue
            if isinstance(one, Exception):
                future.set_exception(one)
            else:
                future.set_result(one)
        self._start(loop)

    def _leave_alone(self, reason: str) -> None:
        now = time.monotonic()
        if now < self._left_alone_until:
            return
        self._left_alone_until = now + self._left_alone_s
        _logger.warning(
            "the router's encoder fails: %s; for %g s prompts are routed by the models' averages",
            reason,
            self._left_alone_s,
        )

    def _without_reading(self, text: str) -> Estimate:
        self.unread += 1
        return self.router.estimate_unread([text])

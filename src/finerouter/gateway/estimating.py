"""Estimates for requests that come at the same time, made together.

Takes texts one at a time; gives the router's estimates. A batch costs a router little more than a
single prompt, and under load several requests are always ready in one turn of the event loop; an
idle gateway makes no request wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from finerouter.errors import DataError, EndpointError
from finerouter.policy import Estimate
from finerouter.router import Router

# A longer batch would keep the event loop from streams for too long.
_MOST = 32
# What an embeddings endpoint says of a text: too long, or not to its liking.
_STATUSES_OF_TEXTS = (400, 413, 422)
_Waiting = list[tuple[str, asyncio.Future[Estimate]]]


class Estimator:
    """A router's estimates, batched; for one event loop."""

    # Its encoder is in the process and reads everything.
    unread = 0

    def __init__(self, router: Router, crowded: Callable[[], bool] = lambda: True) -> None:
        """Prepare.

        Args:
            router: that estimates.
            crowded: whether others may ask in the same turn of the event loop.
        """
        self.router = router
        self._crowded = crowded
        self._waiting: _Waiting = []

    async def estimate(self, text: str) -> Estimate:
        """Estimate one text that is not empty."""
        future: asyncio.Future[Estimate] = asyncio.get_running_loop().create_future()
        leads = not self._waiting
        self._waiting.append((text, future))
        if not leads:
            return await future
        # The first one estimates for all, after one turn in which others may join.
        try:
            if self._crowded():
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            future.cancel()
            raise
        finally:
            self._run()
        return future.result()

    def _run(self) -> None:
        batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        wanted = [(text, future) for text, future in batch if not future.done()]
        if wanted:
            self._estimate(wanted)

    def _estimate(self, wanted: _Waiting) -> None:
        found = estimated(self.router, [text for text, _ in wanted])
        for (_, future), one in zip(wanted, found, strict=True):
            if isinstance(one, Exception):
                future.set_exception(one)
            else:
                future.set_result(one)


def estimated(router: Router, texts: Sequence[str]) -> Sequence[Estimate | Exception]:
    """The estimate of each text, or why there is none."""
    try:
        whole = router.estimate(texts)
    except Exception as error:
        if len(texts) == 1 or not blames_text(error):
            return [error] * len(texts)
        # The others' requests must not fail for it.
        return [one for text in texts for one in estimated(router, [text])]
    return [whole.row(at) for at in range(len(texts))]


def blames_text(error: Exception) -> bool:
    """Whether it is a text that cannot be estimated, and others can."""
    if isinstance(error, EndpointError):
        return error.status in _STATUSES_OF_TEXTS
    return isinstance(error, DataError)

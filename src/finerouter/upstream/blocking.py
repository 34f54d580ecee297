"""The client for code that is not asynchronous, such as an encoder: one call at a time.

Runs an event loop in a thread of its own, one for the process, so that it also works inside a
program that has a loop running. Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine, Mapping
from functools import cache
from typing import Any, TypeVar

from finerouter.asking import Endpoint
from finerouter.upstream.client import Upstream

_Value = TypeVar("_Value")
_THREAD = "finerouter-upstream"


class BlockingUpstream:
    """`Upstream.post`, waited for; may be shared by threads."""

    def __init__(self, endpoint: Endpoint, **options: Any) -> None:
        """As `Upstream`, which takes the options."""
        self.endpoint = endpoint
        self._upstream = Upstream(endpoint, **options)
        # Also closes the connections of a client that was simply dropped.
        self.close = weakref.finalize(self, _close, self._upstream)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """See `Upstream.post`."""
        return _waited_for(self._upstream.post(path, body))


def _close(upstream: Upstream) -> None:
    closing = asyncio.run_coroutine_threadsafe(upstream.close(), _loop())
    # The garbage collector may run in the loop's own thread, which must not wait for itself.
    if threading.current_thread().name != _THREAD:
        closing.result()


def _waited_for(work: Coroutine[Any, Any, _Value]) -> _Value:
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    # Never closed: the thread ends with the process, after what was open has been closed.
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name=_THREAD, daemon=True).start()
    return loop

"""Looks after endpoints that are left alone: one that is up again is tried before its time.

Asks for the list of models, which costs nothing. Knows nothing of calls.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from finerouter.errors import EndpointError, UserError
from finerouter.gateway.fleet.endpoint import EndpointState
from finerouter.upstream import Upstream

_logger = logging.getLogger(__name__)

_LOOK_S = 5.0


async def watch(endpoints: Callable[[], Iterable[EndpointState]], interval_s: float) -> None:
    """Look again and again, until cancelled."""
    while True:
        await asyncio.sleep(interval_s)
        await asyncio.gather(*(_look(state) for state in endpoints() if state.curable))


async def is_up(upstream: Upstream) -> bool:
    """Whether the endpoint answers at all: below 500, and not about the key."""
    try:
        async with asyncio.timeout(_LOOK_S):
            stream = await upstream.begin("/models", None, method="GET")
    except (EndpointError, UserError, TimeoutError):
        return False
    stream.close()
    return stream.status < 500 and stream.status not in (401, 403)


async def _look(state: EndpointState) -> None:
    try:
        if await is_up(state.upstream):
            state.seems_well()
    except Exception:
        # Whatever it is, the others are looked after, and this one is when its time has come.
        _logger.exception("endpoint %r: the look at it failed", state.endpoint.name)

"""GET /dashboard and what it reads: figures for people with a key of the scope "read"."""

from __future__ import annotations

import math
import time

from finerouter.errors import DataError
from finerouter.gateway.asgi import Exchange
from finerouter.gateway.dashboard import figures, load_page
from finerouter.gateway.plain import answer_json
from finerouter.gateway.service import Service

_RECENT = 200
_MOST_HOURS = 24 * 366


async def page(service: Service, exchange: Exchange) -> None:  # noqa: ARG001 (handlers' signature)
    """The page; it holds no figures, so it needs no key."""
    loaded = load_page()
    await exchange.answer(200, loaded.body, loaded.headers)


async def data(service: Service, exchange: Exchange) -> None:
    """The figures of the last hours."""
    parts = service.parts
    parts.access.caller(exchange.headers, "read", changes=False)
    since_s = time.time() - _hours(exchange.query.get("hours", "24")) * 3600
    totals = await parts.journal.totals(since_s)
    recent = await parts.journal.recent(_RECENT)
    shown = figures(parts.setup, totals, recent, parts.fleet.standing(), parts.journal.troubles)
    await answer_json(exchange, shown)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= _MOST_HOURS:
        raise DataError(f"`hours` must be a number up to {_MOST_HOURS}")
    return hours

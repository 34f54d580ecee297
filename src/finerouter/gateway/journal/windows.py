"""Whole seconds at which hours, days and months begin, remembered, for every record asks. Pure."""

from __future__ import annotations

from functools import lru_cache

from finerouter.gateway.money.windows import starts

HOUR_S = 3_600


def hour_start(time_s: float) -> int:
    """First second of the hour."""
    return int(time_s // HOUR_S) * HOUR_S


def window_starts(time_s: float) -> dict[str, int]:
    """First seconds of the hour, day and month that hold a moment, by name of the window."""
    return dict(starts_of_hour(hour_start(time_s)))


@lru_cache(maxsize=1_024)
def starts_of_hour(hour: int) -> tuple[tuple[str, int], ...]:
    """The same as pairs, for the first second of an hour: the day and the month hold all of it."""
    return tuple((window, int(start)) for window, start in starts(hour).items())

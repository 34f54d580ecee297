"""Hours, days and months of UTC, in which spending is counted. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

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
    day = datetime.fromtimestamp(hour, UTC).replace(hour=0)
    month = day.replace(day=1)
    return ("hour", hour), ("day", int(day.timestamp())), ("month", int(month.timestamp()))

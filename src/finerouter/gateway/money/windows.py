"""The running hour, day and month, in UTC.

Takes seconds since 1970; gives where a window begins and ends. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime

WINDOWS = ("hour", "day", "month")
_SECONDS = {"hour": 3_600, "day": 86_400}


def bounds(window: str, time_s: float) -> tuple[float, float]:
    """First second of the window that holds a time, and the first one after it."""
    if window in _SECONDS:
        length = _SECONDS[window]
        start = time_s // length * length
        return start, start + length
    first = datetime.fromtimestamp(time_s, UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    year, month = (first.year + 1, 1) if first.month == 12 else (first.year, first.month + 1)
    return first.timestamp(), first.replace(year=year, month=month).timestamp()


def starts(time_s: float) -> dict[str, float]:
    """Where each window that holds a time begins."""
    return {window: bounds(window, time_s)[0] for window in WINDOWS}

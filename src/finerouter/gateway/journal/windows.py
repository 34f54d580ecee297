"""Hours, days and months of UTC, in which spending is counted. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

HOUR_S, DAY_S = 3_600, 86_400
WINDOWS = ("hour", "day", "month")


def hour_start(time_s: float) -> int:
    """First second of the hour."""
    return int(time_s // HOUR_S) * HOUR_S


def window_starts(time_s: float) -> dict[str, int]:
    """First seconds of the hour, day and month that hold a moment, by name of the window."""
    day = datetime.fromtimestamp(time_s, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "hour": hour_start(time_s),
        "day": int(day.timestamp()),
        "month": int(day.replace(day=1).timestamp()),
    }

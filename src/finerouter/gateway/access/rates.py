"""How many requests a minute a key may send.

Takes the rate and a clock; says how long to wait. Knows no keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class TokenBucket:
    """A minute's worth of requests may be saved up; so any minute has at most twice the rate.

    Attributes:
        per_minute: requests that come in a minute in the long run.
        clock: seconds, never going back.
    """

    per_minute: float
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        self._most = max(1.0, self.per_minute)
        self._left = self._most
        self._filled_s = self.clock()

    def take(self) -> float:
        """Take one request's worth: 0.0, or the seconds until there is one again."""
        now = self.clock()
        gained = (now - self._filled_s) * self.per_minute / 60.0
        self._left = min(self._most, self._left + gained)
        self._filled_s = now
        if self._left < 1.0:
            return (1.0 - self._left) * 60.0 / self.per_minute
        self._left -= 1.0
        return 0.0

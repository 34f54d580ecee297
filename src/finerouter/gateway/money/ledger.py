"""What was spent of one budget, window by window.

Takes amounts with their times; says how the budget stands. Knows no keys, journal or clock.

A request belongs to the window in which it came, whenever it ends: that is how the journal counts
it, and so what other processes spent is what the journal says less what was spent here.
"""

from __future__ import annotations

from dataclasses import dataclass

from finerouter.gateway.money.windows import WINDOWS, bounds
from finerouter.gateway.settings import BudgetTable

OK, TIER_DOWN, STOP = "ok", "tier_down", "stop"
# When money is only held for requests under way, they soon end and say what they really cost.
_SOON_S = 5.0


@dataclass(frozen=True)
class Standing:
    """How a budget stands.

    Attributes:
        state: "ok", "tier_down" (take the cheapest fitting model) or "stop".
        window: whose limit is nearest, "" where all is well.
        retry_after_s: at "stop", when asking again could help.
    """

    state: str = OK
    window: str = ""
    retry_after_s: float | None = None

    def worse(self, other: Standing) -> Standing:
        """The worse of the two; of two stops the longer."""
        return other if other._badness > self._badness else self

    @property
    def _badness(self) -> tuple[int, float]:
        return (OK, TIER_DOWN, STOP).index(self.state), self.retry_after_s or 0.0


FINE = Standing()


@dataclass
class Meter:
    """One window of a budget.

    Attributes:
        window: its name; limit_usd: the most.
        start_s, end_s: of the window that runs.
        here_usd: spent in it by this process; others_usd: by all others, as far as is known.
        held_usd: expected of requests under way.
    """

    window: str
    limit_usd: float
    start_s: float = 0.0
    end_s: float = 0.0
    here_usd: float = 0.0
    others_usd: float = 0.0
    held_usd: float = 0.0

    @property
    def spent_usd(self) -> float:
        """By all processes, as far as is known."""
        return self.here_usd + self.others_usd

    def roll(self, now: float) -> None:
        """Begin a new window if the running one is over."""
        if now >= self.end_s:
            self.start_s, self.end_s = bounds(self.window, now)
            self.here_usd = self.others_usd = self.held_usd = 0.0

    def learn(self, start_s: float, total_usd: float) -> None:
        """Take in what the journal counts for the window that began at `start_s`.

        Some of what was spent here may not be in it yet, so the difference is at least what others
        spent by then, never more; and nobody takes money back. The highest seen is kept.
        """
        if start_s == self.start_s:
            self.others_usd = max(self.others_usd, total_usd - self.here_usd)

    def standing(self, now: float, tier_down_at: float | None, more_usd: float) -> Standing:
        """How it stands if `more_usd` were spent on top."""
        taken = self.spent_usd + self.held_usd
        if self._stops(taken, more_usd):
            soon = not self._stops(self.spent_usd, more_usd)
            left_s = self.end_s - now
            return Standing(STOP, self.window, min(_SOON_S, left_s) if soon else left_s)
        if tier_down_at is not None and taken >= tier_down_at * self.limit_usd:
            return Standing(TIER_DOWN, self.window)
        return FINE

    def _stops(self, usd: float, more_usd: float) -> bool:
        return usd >= self.limit_usd or usd + more_usd > self.limit_usd


class Ledger:
    """One budget with all its windows."""

    def __init__(self, table: BudgetTable, meters: dict[str, Meter] | None = None) -> None:
        limits = dict(zip(WINDOWS, (table.hour_usd, table.day_usd, table.month_usd), strict=True))
        self.meters: dict[str, Meter] = {}
        self._tier_down_at = table.tier_down_at
        for window, limit in limits.items():
            if limit is not None:
                meter = (meters or {}).get(window) or Meter(window, limit)
                meter.limit_usd = limit
                self.meters[window] = meter

    def roll(self, now: float) -> None:
        """Begin the windows anew that are over."""
        for meter in self.meters.values():
            meter.roll(now)

    def standing(self, more_usd: float = 0.0, *, now: float) -> Standing:
        """How the budget stands if `more_usd` were spent on top, by its worst window."""
        self.roll(now)
        worst = FINE
        for meter in self.meters.values():
            standing = meter.standing(now, self._tier_down_at, more_usd)
            if standing is not FINE:
                worst = worst.worse(standing)
        return worst

    def spend(self, usd: float, *, time_s: float) -> None:
        """Count what a request that came at `time_s` has cost, in the windows that still run."""
        for meter in self.meters.values():
            if meter.start_s <= time_s < meter.end_s:
                meter.here_usd += usd

    def hold(self, usd: float, *, time_s: float) -> None:
        """Hold money for a request that came at `time_s`; a negative amount lets go of it."""
        for meter in self.meters.values():
            if meter.start_s <= time_s < meter.end_s:
                meter.held_usd = max(0.0, meter.held_usd + usd)

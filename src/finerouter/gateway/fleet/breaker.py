"""When an endpoint is left alone, and when it is tried again.

Takes what calls came to and a clock; says whether another call may go out. Pure: it calls nothing,
and the clock is given. The states are those of Nygard's circuit breaker ("Release It!", 2007):
closed (calls go out), open (none do), half-open (one does, and decides).
"""

from __future__ import annotations

from finerouter.gateway.settings import Breaker as BreakerTable
from finerouter.upstream.limits import Clock

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


class Breaker:
    """One circuit breaker.

    Every call takes a permit by `enter` and reports with it. Permits given before the breaker last
    opened count for nothing: what began in the bad times says nothing of the present.
    """

    def __init__(self, table: BreakerTable, clock: Clock) -> None:
        self.failures = 0
        self._table = table
        self._clock = clock
        self._opened = False
        self._probing = False
        self._round = 0
        self._cooldown_s = 0.0
        self._open_until = 0.0
        self._paused_until = 0.0
        # Whether only time may end the cool-down, and whether the endpoint's word that it is well
        # again has proved false.
        self._firm = False
        self._called_early = False
        self._lied = False

    @property
    def state(self) -> str:
        """One of CLOSED, OPEN and HALF_OPEN."""
        if self._probing:
            return HALF_OPEN
        if self.remaining_s > 0:
            return OPEN
        return HALF_OPEN if self._opened else CLOSED

    @property
    def remaining_s(self) -> float:
        """Seconds until a call may go out, 0 for now."""
        return max(0.0, max(self._open_until, self._paused_until) - self._clock())

    @property
    def usable(self) -> bool:
        """Whether `enter` would give a permit."""
        return self.untroubled or (not self._probing and self.remaining_s == 0)

    @property
    def untroubled(self) -> bool:
        """Whether it never opened: then nobody needs to look at a clock."""
        return not (self._opened or self._open_until or self._paused_until)

    @property
    def curable(self) -> bool:
        """Whether a look at the endpoint may end the cool-down early."""
        return self._opened and not (self._probing or self._firm or self._lied)

    def enter(self) -> int | None:
        """A permit for one call, None for none."""
        if not self.usable:
            return None
        if self._opened:
            self._probing = True
            self._round += 1
        return self._round

    def answered(self, permit: int | None) -> None:
        """An answer has begun: others may call, but one more failure opens the breaker again."""
        if permit == self._round and self._probing:
            self._close(self._table.failures - 1)

    def succeeded(self, permit: int | None) -> None:
        """An answer came to its end."""
        if permit == self._round:
            self._close(0)
            self._cooldown_s = 0.0
            self._lied = False

    def failed(
        self, permit: int | None, *, retry_after_s: float | None = None, firm: bool = False
    ) -> None:
        """A call came to nothing.

        Args:
            permit: of the call.
            retry_after_s: for how long the endpoint asks to be left alone.
            firm: whether it opens at once, and only time ends the cool-down: a wrong key will not
                do better at the next call.
        """
        if retry_after_s:
            until = self._clock() + min(retry_after_s, self._table.longest_cooldown_s)
            self._paused_until = max(self._paused_until, until)
        if permit != self._round:
            return
        self.failures += 1
        if firm or self._probing or self.failures >= self._table.failures:
            self._open(firm)

    def abandoned(self, permit: int | None) -> None:
        """The call was given up by whoever asked: it says nothing of the endpoint."""
        if permit == self._round:
            self._probing = False

    def seems_well(self) -> None:
        """A look at the endpoint found it up: the next call may try it."""
        if self.curable:
            self._open_until = self._clock()
            self._called_early = True

    def _open(self, firm: bool) -> None:
        self._lied = self._lied or self._called_early
        doubled = max(self._table.cooldown_s, 2 * self._cooldown_s)
        longest = max(self._table.cooldown_s, self._table.longest_cooldown_s)
        self._cooldown_s = min(doubled, longest)
        self._open_until = self._clock() + self._cooldown_s
        self._opened, self._probing, self._firm, self._called_early = True, False, firm, False
        self._round += 1

    def _close(self, failures: int) -> None:
        self.failures = failures
        self._opened = self._probing = self._firm = False

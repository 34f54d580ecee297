"""How many calls may be repeated, over all requests together.

A limit per request multiplies the load when everything fails; this one holds it to a share of the
requests. Knows nothing of calls. (Beyer et al., "Site Reliability Engineering", 2016, chapter 21.)
"""

from __future__ import annotations

# Few requests among much trouble are no storm: so many repeats are always at hand.
_BURST = 20.0


class RetryBudget:
    """Every request earns a share of a repeat; a repeat spends one."""

    def __init__(self, per_request: float) -> None:
        self._per_request = per_request
        self._left = _BURST

    def earn(self) -> None:
        """A request has come."""
        self._left = min(_BURST, self._left + self._per_request)

    def spend(self) -> bool:
        """Take a repeat, if one is left."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

"""Counts what goes wrong with the journal, and logs it, but not more than once a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_LOG = logging.getLogger("finerouter.gateway.journal")
_QUIET_S = 60.0


class TroubleLog:
    """What went wrong so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lost = 0
        self.failures = 0
        self.last = ""
        self.standing = False
        self._clock = clock
        self._told = float("-inf")

    def failed(self, message: str) -> None:
        """A try failed; it will be tried again."""
        self.failures += 1
        self.standing = True
        self._tell(message)

    def dropped(self, rows: int, message: str) -> None:
        """Rows are lost."""
        self.lost += rows
        self._tell(message)

    def healed(self) -> None:
        """Everything is stored."""
        if self.standing:
            _LOG.warning("the journal is written again")
        self.standing = False

    def _tell(self, message: str) -> None:
        self.last = message
        if self._clock() - self._told >= _QUIET_S:
            self._told = self._clock()
            _LOG.warning("journal: %s (%d rows lost so far)", message, self.lost)

"""Budgets of the keys and of all: asked before a request, told after it.

Takes callers, expected and real costs; gives standings and reservations. What is expected of a
request is held until its real cost is known, so that many at once cannot spend the same dollar.
What other processes spend is read from the journal they share.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from finerouter.gateway.access.caller import Caller, Refused
from finerouter.gateway.money.ledger import FINE, STOP, TIER_DOWN, Ledger, Standing
from finerouter.gateway.money.windows import starts
from finerouter.gateway.settings import GatewaySettings

_logger = logging.getLogger(__name__)
ALL = ""
_REFRESH_S = 1.0
_WARN_EVERY_S = 60.0
Clock = Callable[[], float]


class SpendBook(Protocol):
    """What budgets want of the journal."""

    async def spent(self, windows: Mapping[str, float]) -> dict[tuple[str, str], float]:
        """USD by (key name or "" for all, window name) since the windows began."""


@dataclass(frozen=True)
class BudgetUse:
    """What is used of one window of a budget; key "" for that of all."""

    key: str
    window: str
    spent_usd: float
    held_usd: float
    limit_usd: float


class Budgets:
    """All budgets of one process, for one event loop.

    Args:
        settings: with the budgets.
        journal: where all processes write what they spent, None for this process alone.
        now: seconds since 1970.
        refresh_s: how often the journal is read.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        journal: SpendBook | None = None,
        *,
        now: Clock = time.time,
        refresh_s: float = _REFRESH_S,
    ) -> None:
        self._journal = journal
        self._now = now
        self._refresh_s = refresh_s
        self._ledgers = {ALL: Ledger(settings.budget)}
        self._ledgers |= {table.name: Ledger(table.budget) for table in settings.keys}
        self._task: asyncio.Task[None] | None = None
        self._warned_s: float | None = None

    async def start(self) -> None:
        """Read what was spent so far, and go on reading until `close`."""
        await self.refresh()
        self._begin()

    async def close(self) -> None:
        """Stop reading the journal."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def replaced(self, settings: GatewaySettings) -> Budgets:
        """By new limits; what was spent stays spent, and reservations stay held.

        Takes over the reading of the journal where it runs.
        """
        new = Budgets(settings, self._journal, now=self._now, refresh_s=self._refresh_s)
        tables = {ALL: settings.budget} | {table.name: table.budget for table in settings.keys}
        for name, ledger in self._ledgers.items():
            if name in tables:
                new._ledgers[name] = Ledger(tables[name], ledger.meters)
        if self._task is not None:
            self._task.cancel()
            self._task = None
            new._begin()
        return new

    def standing(self, caller: Caller) -> Standing:
        """The worse of the caller's own budget and that of all."""
        return _standing(self._named(caller.name), self._now())

    def reserved(self, caller: Caller) -> Reservation:
        """A place for one request; what is held for it is let go of when its context ends.

        Raises:
            Refused: 429, the budget is spent.
        """
        return Reservation(self._named(caller.name), self._now)

    def charge(self, key: str, usd: float, *, time_s: float | None = None) -> None:
        """Count what a request has cost that was not reserved; `time_s`: when it came."""
        now = self._now()
        for ledger in self._named(key):
            ledger.roll(now)
            ledger.spend(_amount(usd), time_s=now if time_s is None else time_s)

    async def refresh(self) -> None:
        """Read what all processes have spent; what is known already stays where that fails."""
        if self._journal is None or not any(ledger.meters for ledger in self._ledgers.values()):
            return
        begun = starts(self._now())
        try:
            spent = await self._journal.spent(begun)
        except Exception as error:  # a journal that is away must not stop requests
            self._warn(error)
            return
        for ledger in self._ledgers.values():
            ledger.roll(self._now())
        for (key, window), usd in spent.items():
            if key in self._ledgers and window in self._ledgers[key].meters:
                self._ledgers[key].meters[window].learn(begun[window], usd)

    def use(self) -> list[BudgetUse]:
        """What is used of every budget."""
        now = self._now()
        for ledger in self._ledgers.values():
            ledger.roll(now)
        return [
            BudgetUse(key, meter.window, meter.spent_usd, meter.held_usd, meter.limit_usd)
            for key, ledger in self._ledgers.items()
            for meter in ledger.meters.values()
        ]

    def _named(self, key: str) -> tuple[Ledger, ...]:
        names = (ALL,) if key == ALL else (ALL, key)
        return tuple(
            ledger for name in names if (ledger := self._ledgers.get(name)) and ledger.meters
        )

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        # At once: reloads that come more often than this sleeps must not keep it from reading, and
        # a budget that a reload adds has to know what was spent.
        while True:
            await self.refresh()
            await asyncio.sleep(self._refresh_s)

    def _warn(self, error: Exception) -> None:
        now = time.monotonic()
        if self._warned_s is None or now - self._warned_s >= _WARN_EVERY_S:
            self._warned_s = now
            _logger.warning(
                "what other gateways spent cannot be read (%s); budgets go on with what is known",
                type(error).__name__,
            )


class Reservation:
    """A request's hold on the budgets that it counts in.

    Attributes:
        tier_down: whether the budgets ask for the cheapest fitting model.
    """

    def __init__(self, ledgers: tuple[Ledger, ...], now: Clock) -> None:
        self._ledgers = ledgers
        self._now = now
        self._time_s = now()
        self._held_usd = 0.0
        self._settled = False
        standing = _standing(ledgers, self._time_s)
        if standing.state == STOP:
            raise _refused(standing, "is spent")
        self.tier_down = standing.state == TIER_DOWN

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, *_: object) -> None:
        self.settle(None)

    def expects(self, usd: float | None) -> None:
        """Hold what the request is expected to cost, in place of what was held before.

        Raises:
            Refused: 429, that much is not left.
        """
        self._hold(0.0)
        usd = _amount(usd)
        if not usd:
            return
        standing = _standing(self._ledgers, self._now(), usd)
        if standing.state == STOP:
            raise _refused(standing, f"has less left than the {usd:.6f} USD this request may cost")
        self._hold(usd)

    def settle(self, usd: float | None) -> None:
        """Count what it really cost and let go of the rest; only the first call counts."""
        if self._settled:
            return
        self._settled = True
        now = self._now()
        for ledger in self._ledgers:
            ledger.roll(now)
        self._hold(0.0)
        for ledger in self._ledgers:
            ledger.spend(_amount(usd), time_s=self._time_s)

    def _hold(self, usd: float) -> None:
        for ledger in self._ledgers:
            ledger.hold(usd - self._held_usd, time_s=self._time_s)
        self._held_usd = usd


def _amount(usd: float | None) -> float:
    """Nothing for what is unknown: one NaN would make every sum after it unknown."""
    return usd if usd is not None and 0.0 < usd < math.inf else 0.0


def _standing(ledgers: tuple[Ledger, ...], now: float, more_usd: float = 0.0) -> Standing:
    worst = FINE
    for ledger in ledgers:
        worst = worst.worse(ledger.standing(more_usd, now=now))
    return worst


def _refused(standing: Standing, why: str) -> Refused:
    return Refused(
        429,
        f"the budget of this {standing.window} {why}; ask again later, or for a cheaper model",
        "insufficient_quota",
        standing.retry_after_s,
    )

"""Everything that serves a request, as one value: a reload makes a new one and swaps it.

A request keeps the parts that it began with.
"""

from __future__ import annotations

from dataclasses import dataclass

from finerouter.gateway.access import Access, Refused
from finerouter.gateway.conversations import Conversations
from finerouter.gateway.fleet import Fleet
from finerouter.gateway.journal import Journal
from finerouter.gateway.money.budgets import Budgets
from finerouter.gateway.observing.observer import Observer
from finerouter.gateway.planning import Planner
from finerouter.gateway.setup import Setup
from finerouter.gateway.tracking import Track


class Admission:
    """How many requests are under way in all: one more while its context is open.

    For one event loop. `draining` tells balancers to look elsewhere; what still comes is served.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.under_way = 0
        self.draining = False

    def crowded(self) -> bool:
        """Whether more than one is under way."""
        return self.under_way > 1

    def __enter__(self) -> None:
        """Raises Refused where there are too many."""
        if self.under_way >= self.most:
            raise Refused(429, "the gateway has all the requests it takes", "overloaded", 1.0)
        self.under_way += 1

    def __exit__(self, *_: object) -> None:
        self.under_way -= 1


@dataclass(frozen=True)
class Parts:
    """What a request is served with."""

    setup: Setup
    planner: Planner
    fleet: Fleet
    conversations: Conversations
    access: Access
    budgets: Budgets
    admission: Admission
    journal: Journal
    observer: Observer

    def observe(self, track: Track) -> None:
        """Write down a request that has ended, once; only one that was decided is journaled."""
        if track.ended:
            return
        track.ended, track.latency_ms = True, track.elapsed_ms()
        record = track.record(self.setup)
        self.observer.observe(record, track.trace)
        if track.plan is not None:
            self.journal.note(record)

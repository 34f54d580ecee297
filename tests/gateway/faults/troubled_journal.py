"""A gateway process whose journal cannot be written for a while.

By hand: python -m benchmarks.reliability journal
"""

from __future__ import annotations

import asyncio
import re
import resource
import shutil
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from tests.gateway.faults.kept import kept
from tests.gateway.faults.load import WHOLE, Got, all_of, chat
from tests.gateway.faults.process import Process
from tests.gateway.journal.postgres_server import Server

_NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@dataclass(frozen=True)
class Troubled:
    """What came of it.

    Attributes:
        answered, unanswered: requests while the journal could not be written.
        told: whether the metric of failures rose and the log had a line meanwhile.
        missing: rows of answers that are not in the journal afterwards; lost: as the metric says.
        healed_s: until everything was stored, once it could be.
    """

    answered: int
    unanswered: int
    told: bool
    missing: int
    lost: int
    healed_s: float


def metric(gateway: Process, name: str) -> float:
    """A metric without labels."""
    with urllib.request.urlopen(f"{gateway.url}/metrics", timeout=10) as reply:
        found = re.search(rf"^{name} (\S+)$", reply.read().decode(), re.MULTILINE)
    assert found, name
    return float(found[1])


def troubled(
    gateway: Process,
    break_it: Callable[[], None],
    mend_it: Callable[[], None],
    ids: Callable[[], set[str]],
    requests: int,
) -> Troubled:
    """Ask while all is well, while the journal is broken, and afterwards."""
    got = [*_asked(gateway, requests)]
    until_stored(gateway)
    break_it()
    during = _asked(gateway, requests)
    told = _eventually(lambda: metric(gateway, "finerouter_journal_failures_total") > 0)
    told = told and "journal" in gateway.said
    mend_it()
    began = time.monotonic()
    got += [*during, *_asked(gateway, 5)]
    until_stored(gateway)
    healed_s = time.monotonic() - began
    answered = {one.decision_id for one in got if one.what == WHOLE}
    return Troubled(
        sum(one.what == WHOLE for one in during),
        sum(one.what != WHOLE for one in during),
        told,
        len(answered - ids()),
        int(metric(gateway, "finerouter_journal_lost_total")),
        round(healed_s, 2),
    )


def on_a_full_disk(gateway: Process, requests: int) -> Troubled:
    """No file may grow beyond what the journal's has now."""
    pid = gateway.process.pid
    journal = gateway.folder / "journal.sqlite"

    def fill() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))

    def free() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, _NO_LIMIT)

    return troubled(gateway, fill, free, lambda: set(kept(journal).ids), requests)


def without_postgres(gateway: Process, server: Server, address: str, requests: int) -> Troubled:
    """The database is stopped at once, and started again."""

    def ids() -> set[str]:
        return set(server.lines(address, "SELECT decision_id FROM finerouter.decisions"))

    return troubled(gateway, server.stop, server.start, ids, requests)


def rows_after_its_files_are_removed(gateway: Process, requests: int) -> tuple[int, int]:
    """Answers after somebody has removed the journal and its spool, and rows of these."""
    _asked(gateway, requests)
    until_stored(gateway)
    for path in gateway.folder.glob("journal.sqlite*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    got = {one.decision_id for one in _asked(gateway, requests) if one.what == WHOLE}
    until_stored(gateway)
    return len(got), len(got & set(kept(gateway.folder / "journal.sqlite").ids))


def until_stored(gateway: Process) -> None:
    """Wait until no row waits."""
    assert _eventually(lambda: metric(gateway, "finerouter_journal_waiting") == 0)


def _asked(gateway: Process, requests: int) -> list[Got]:
    bodies = [chat(f"What is {n} plus 25 times 3?", stream=bool(n % 2)) for n in range(requests)]
    return asyncio.run(all_of(gateway.url, bodies, 8))


def _eventually(what: Callable[[], bool], timeout_s: float = 30.0) -> bool:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.05)
    return False

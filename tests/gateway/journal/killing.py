"""A process that notes records as fast as it can, until it is killed; and what is left of them.

Run by hand for more kills: python -m tests.gateway.journal.killing --kills 100
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from finerouter.gateway.journal import Journal
from finerouter.gateway.settings import JournalTable
from tests.gateway.journal.made import recent_record


async def note_until_killed(folder: Path, first: int) -> None:
    """Note records and say each number when `note` has returned."""
    journal = await Journal.open(JournalTable(), folder)
    for number in range(first, first + 10_000_000):
        journal.note(recent_record(number, cost_usd=0.5))
        os.write(1, b"%d\n" % number)
        if number % 64 == 0:
            await asyncio.sleep(0)


def killed_once(folder: Path, first: int, after_s: float) -> list[int]:
    """Start the process and kill it after so many seconds of noting; gives what it said."""
    command = [sys.executable, "-m", "tests.gateway.journal.killing", "--note", folder, str(first)]
    # Unbuffered: `os.read` below must not overtake what a buffer holds.
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        killer = subprocess.Popen(["sleep", str(after_s)])
        while killer.poll() is None:
            said += os.read(process.stdout.fileno(), 1 << 20)
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    whole = said[: said.rfind(b"\n") + 1]
    return [int(line) for line in whole.split()]


async def reopened(folder: Path) -> tuple[set[int], float, int]:
    """Numbers that a new process finds, what was spent, and requests counted."""
    journal = await Journal.open(JournalTable(), folder)
    while not await journal.flush():
        pass
    found = {int(record.decision_id, 16) for record in await journal.recent(99_999_999)}
    spent = (await journal.spent({"month": time.time()}))["", "month"]
    counted = (await journal.totals(0)).all.requests
    await journal.close()
    return found, spent, counted


def intact(folder: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file."""
    db = sqlite3.connect(folder / "journal.sqlite")
    try:
        (told,) = db.execute("PRAGMA integrity_check").fetchone()
    finally:
        db.close()
    return bool(told == "ok")


def _by_hand(kills: int) -> None:
    folder = Path(tempfile.mkdtemp())
    said: set[int] = set()
    random.seed(0)
    for kill in range(kills):
        said |= set(killed_once(folder, kill * 1_000_000, random.uniform(0.05, 1.0)))
    found, spent, counted = asyncio.run(reopened(folder))
    lost, more = len(said - found), len(found - said)
    print(f"{kills} kills, {len(said)} records noted, {lost} lost, {more} kept unsaid")  # noqa: T201
    print(f"the lost: {sorted(said - found)[:9]}")  # noqa: T201
    print(f"spent {spent}, of {0.5 * len(found)}; {counted} counted; intact {intact(folder)}")  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--note", nargs=2)
    given = parser.parse_args()
    if given.note:
        asyncio.run(note_until_killed(Path(given.note[0]), int(given.note[1])))
    else:
        _by_hand(given.kills)

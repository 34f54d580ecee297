"""The journal of a process: at once in the spool, soon in the store, seen by all."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from finerouter.errors import ConfigError, DataError
from finerouter.gateway.conversation import Conversation
from finerouter.gateway.journal import Journal
from finerouter.gateway.journal.spool import Spool
from finerouter.gateway.journal.sqlite_schema import APPLICATION_ID, STEPS, prepare
from finerouter.gateway.record import Tokens
from finerouter.gateway.settings import JournalTable
from tests.gateway.journal.made import NOON_S, feedback, recent_record, record

SETTINGS = JournalTable()
Use = Callable[[Journal], Coroutine[Any, Any, None]]


def used(folder: Path, use: Use, settings: JournalTable = SETTINGS) -> None:
    """Do something with a journal, and close it."""

    async def run() -> None:
        journal = await Journal.open(settings, folder)
        try:
            await use(journal)
        finally:
            await journal.close()

    asyncio.run(run())


def test_what_was_noted_is_there_after_the_next_start(tmp_path: Path) -> None:
    async def note(journal: Journal) -> None:
        for number in range(1_200):
            journal.note(record(number))

    async def look(journal: Journal) -> None:
        assert len(await journal.recent(9_999)) == 1_200
        assert (await journal.totals(0)).all.requests == 1_200
        assert journal.troubles.lost == journal.troubles.failures == journal.troubles.waiting == 0

    used(tmp_path, note)
    used(tmp_path, look)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "journal.sqlite",
        "journal.sqlite.spool",
    ]


def test_only_the_owner_reads_the_journal(tmp_path: Path) -> None:
    async def look(journal: Journal) -> None:
        journal.note(record(1, prompt="private"))
        await journal.flush()
        for path in tmp_path.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path

    used(tmp_path, look)


def test_a_decision_is_found_at_once(tmp_path: Path) -> None:
    async def look(journal: Journal) -> None:
        journal.note(record(1))
        assert await journal.find(record(1).decision_id) == (record(1), [])
        assert await journal.feedback(feedback(1)) is True
        assert await journal.find(record(1).decision_id) == (record(1), [feedback(1)])
        assert await journal.find("none") is None
        assert await journal.feedback(feedback(2)) is False

    used(tmp_path, look)


def test_a_neighbour_gives_feedback_to_what_only_our_spool_holds(tmp_path: Path) -> None:
    async def look(journal: Journal) -> None:
        ours = Spool(tmp_path / "journal.sqlite.spool")  # of a process that has not stored it yet
        ours.append(b"r" + record_text() + b"\n")
        assert await journal.feedback(feedback(1)) is True
        ours.close()

    def record_text() -> bytes:
        from finerouter.gateway.journal.lines import to_json

        return to_json(record(1))

    async def after(journal: Journal) -> None:
        await journal.flush()
        assert await journal.find(record(1).decision_id) == (record(1), [feedback(1)])

    used(tmp_path, look)
    used(tmp_path, after)


def test_spending_counts_what_is_not_stored_yet(tmp_path: Path) -> None:
    hour = {"hour": time.time()}

    async def look(journal: Journal) -> None:
        for number in range(300):
            journal.note(recent_record(number, cost_usd=0.5))
            if number % 50 == 0:
                spent = await journal.spent(hour)
                assert spent["team", "hour"] == pytest.approx(0.5 * (number + 1))
        assert await journal.flush()
        assert await journal.spent(hour) == pytest.approx(
            {("team", "hour"): 150.0, ("", "hour"): 150.0}
        )

    used(tmp_path, look)


def test_two_processes_share_budgets_and_conversations(tmp_path: Path) -> None:
    talk = Conversation(
        prefix="p", model="small", endpoint="here", cached_tokens=1, seen_s=time.time()
    )

    async def look(one: Journal) -> None:
        two = await Journal.open(SETTINGS, tmp_path)
        one.note(recent_record(1, cost_usd=1.0))
        two.note(recent_record(2, cost_usd=2.0))
        one.remember(talk)
        assert await one.conversation(["longer", "p"]) == talk  # at once
        assert await one.flush()
        assert await two.flush()
        assert await two.conversation(["longer", "p"]) == talk
        assert (await one.spent({"day": time.time()}))["team", "day"] == pytest.approx(3.0)
        assert await one.spent({"day": time.time()}) == await two.spent({"day": time.time()})
        await two.close()

    used(tmp_path, look)


def test_a_longer_prefix_of_another_process_goes_first(tmp_path: Path) -> None:
    now = time.time()

    def talk(prefix: str) -> Conversation:
        return Conversation(prefix=prefix, model=prefix, endpoint="", cached_tokens=0, seen_s=now)

    async def look(one: Journal) -> None:
        two = await Journal.open(SETTINGS, tmp_path)
        two.remember(talk("long"))
        assert await two.flush()
        one.remember(talk("short"))
        assert await one.conversation(["long", "short"]) == talk("long")
        assert await one.conversation(["short", "long"]) == talk("short")
        await two.close()

    used(tmp_path, look)


def test_old_rows_are_deleted_while_serving(tmp_path: Path) -> None:
    async def note(journal: Journal) -> None:
        for number in range(1_200):
            journal.note(record(number, time_s=time.time() - 86_400 * 3))
        journal.note(recent_record(5_000))

    async def look(journal: Journal) -> None:
        for _ in range(9):
            await journal.flush()
        assert [int(item.decision_id, 16) for item in await journal.recent(9)] == [5_000]

    used(tmp_path, note)
    used(tmp_path, look, JournalTable(keep_days=2.0))


def test_a_row_that_no_store_takes_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async def look(journal: Journal) -> None:
        for number in range(20):
            journal.note(record(number))
        journal.note(record(20, tokens=Tokens(output=2**63)))
        journal.note(record(21, time_s=float("inf")))
        journal.note(record(22, api=object()))
        journal.note(record(23))
        assert await journal.flush()
        assert len(await journal.recent(99)) == 21
        assert journal.troubles.lost == 3
        assert journal.troubles.last

    used(tmp_path, look)


def test_flushing_a_closed_journal_ends(tmp_path: Path) -> None:
    async def run() -> None:
        journal = await Journal.open(SETTINGS, tmp_path)
        await journal.close()
        assert await journal.flush() is False

    asyncio.run(run())


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        db.execute("CREATE TABLE notes (text)")
    db.close()
    with pytest.raises(DataError, match="another program's database"):
        asyncio.run(Journal.open(SETTINGS, tmp_path))


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    prepare(db, path, (*STEPS, "CREATE TABLE later (x);\n"))
    db.close()
    with pytest.raises(DataError, match="version 2, this package reads up to 1"):
        asyncio.run(Journal.open(SETTINGS, tmp_path))


def test_an_older_journal_gets_the_steps_that_it_lacks(tmp_path: Path) -> None:
    async def note(journal: Journal) -> None:
        journal.note(record(1))

    used(tmp_path, note)
    path = tmp_path / "journal.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    steps = (*STEPS, "ALTER TABLE decisions ADD COLUMN extra TEXT;\nCREATE TABLE later (x);\n")
    prepare(db, path, steps)
    prepare(db, path, steps)
    assert db.execute("SELECT decision_id, extra FROM decisions").fetchall() == [
        (record(1).decision_id, None)
    ]
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    db.close()


def test_a_step_that_fails_leaves_no_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        prepare(db, path, ("CREATE TABLE first (x);\nCREATE TABLE nonsense;\n",))
    assert db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (0,)
    prepare(db, path)
    db.close()


def test_an_address_that_is_not_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the environment has no NO_SUCH_VARIABLE"):
        asyncio.run(Journal.open(JournalTable(postgres_env="NO_SUCH_VARIABLE"), tmp_path))


def test_times_of_the_made_records_are_what_they_say() -> None:
    assert time.strftime("%Y-%m-%d %H:%M", time.gmtime(NOON_S)) == "2026-08-29 12:00"

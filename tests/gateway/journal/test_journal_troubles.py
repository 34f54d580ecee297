"""Full disks, locked, lost and unreachable stores: serving goes on, and no row is lost."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from finerouter.errors import DataError, JournalUnavailable
from finerouter.gateway.journal import Journal
from finerouter.gateway.journal.opening import examine
from finerouter.gateway.journal.spool import Spool
from finerouter.gateway.journal.sqlite_store import SqliteStore
from finerouter.gateway.journal.writer import Keeping
from finerouter.gateway.settings import JournalTable
from tests.gateway.journal.made import feedback, recent_record, record
from tests.gateway.journal.postgres_server import Server

PATIENCE_S = 20.0


async def opened(folder: Path, wait_s: float = 0.05) -> Journal:
    """A journal in SQLite that does not wait long for others."""
    store = SqliteStore(folder / "journal.sqlite", wait_s=wait_s)
    spool = Spool(folder / "spool")
    return await Journal(store, spool, Keeping(None, 3_600.0)).started()


async def stored(journal: Journal) -> None:
    """Wait until everything is in the store."""
    end = time.monotonic() + PATIENCE_S
    while not await journal.flush():
        assert time.monotonic() < end, journal.troubles
        await asyncio.sleep(0.05)


async def count(journal: Journal) -> int:
    return len(await journal.recent(99_999))


def test_a_locked_database_is_waited_for(tmp_path: Path) -> None:
    async def run() -> None:
        journal = await opened(tmp_path)
        journal.note(record(0))
        await stored(journal)
        other = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for number in range(1, 50):
            journal.note(record(number))
        assert await journal.flush() is False
        assert journal.troubles.standing
        assert "locked" in journal.troubles.last
        assert journal.troubles.waiting == 49
        # Known decisions take feedback all the same, stored or not.
        assert await journal.feedback(feedback(0)) is True
        assert await journal.feedback(feedback(7)) is True
        assert await journal.find(record(7).decision_id) == (record(7), [feedback(7)])
        assert await journal.feedback(feedback(99)) is False
        other.execute("COMMIT")
        other.close()
        await stored(journal)
        assert await count(journal) == 50
        for number in (0, 7):
            assert await journal.find(record(number).decision_id) == (
                record(number),
                [feedback(number)],
            )
        assert not journal.troubles.standing
        assert journal.troubles.lost == journal.troubles.waiting == 0
        await journal.close()

    asyncio.run(run())


@pytest.mark.parametrize("replace", ["remove", "other"])
def test_a_file_that_is_replaced_is_opened_anew(tmp_path: Path, replace: str) -> None:
    async def run() -> None:
        journal = await opened(tmp_path)
        journal.note(record(0))
        await stored(journal)
        for path in tmp_path.glob("journal.sqlite*"):
            path.rename(path.with_name(f"old-{path.name}"))
        if replace == "other":
            SqliteStore(tmp_path / "journal.sqlite").spent({})
        journal.note(record(1))
        await stored(journal)
        assert await journal.recent(9) == [record(1)]
        await journal.close()

    asyncio.run(run())


def test_rubbish_in_place_of_the_database_is_waited_out(tmp_path: Path) -> None:
    async def run() -> None:
        journal = await opened(tmp_path)
        for path in tmp_path.glob("journal.sqlite*"):
            path.unlink()
        (tmp_path / "journal.sqlite").write_bytes(b"rubbish" * 4_096)
        journal.note(record(1))
        assert await journal.flush() is False
        assert "not a database" in journal.troubles.last
        with pytest.raises(JournalUnavailable, match="not a database"):
            await journal.recent(1)
        (tmp_path / "journal.sqlite").unlink()
        await stored(journal)
        assert await journal.recent(9) == [record(1)]
        await journal.close()

    asyncio.run(run())


def test_a_folder_in_which_nothing_can_be_written_is_waited_out(tmp_path: Path) -> None:
    """Root may write anywhere, so a file stands where the folder should be."""
    folder = tmp_path / "folder"
    folder.write_text("in the way")

    async def run() -> None:
        journal = await opened(folder)
        assert journal.troubles.standing
        for number in range(50):
            journal.note(record(number))
        assert await journal.flush() is False
        assert journal.troubles.waiting == 50
        assert await journal.find(record(7).decision_id) == (record(7), [])
        with pytest.raises(JournalUnavailable, match="the feedback is not on disk"):
            await journal.feedback(feedback(7))
        folder.unlink()
        await stored(journal)
        assert await count(journal) == 50
        assert journal.troubles.lost == 0
        await journal.close()

    asyncio.run(run())


_FULL_DISK = """
import asyncio, json, resource, sys
from pathlib import Path
from tests.gateway.journal.made import record
from tests.gateway.journal.test_journal_troubles import count, opened, stored

def limit(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

async def run():
    journal = await opened(Path(sys.argv[1]))
    journal.note(record(0))
    await stored(journal)
    limit(100_000)
    for number in range(1, 1_000):
        journal.note(record(number))
        if number % 100 == 0:
            await journal.flush()
    stored_then = await journal.flush()
    during = journal.troubles
    limit(resource.RLIM_INFINITY)
    await stored(journal)
    await stored(journal)
    after = journal.troubles
    print(json.dumps({
        "stored_then": stored_then, "standing": during.standing, "failures": during.failures,
        "waiting": during.waiting, "last": during.last, "standing_after": after.standing,
        "lost": after.lost, "waiting_after": after.waiting, "count": await count(journal),
        "sum": (await journal.totals(0)).all.requests,
    }))
    await journal.close()

asyncio.run(run())
"""


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """No file may grow beyond 100 kB, half of what the records take, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["stored_then"]
    assert told["standing"]
    assert told["failures"] > 0
    assert told["waiting"] > 100
    assert told["last"]
    assert not told["standing_after"]
    assert (told["lost"], told["waiting_after"]) == (0, 0)
    assert told["count"] == told["sum"] == 1_000
    assert done.stderr.count("journal: ") == 1  # a line a minute


def with_postgres(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[..., Awaitable[None]],
) -> None:
    """Open two journals on one new database, and close them."""
    monkeypatch.setenv("JOURNAL_OF_TESTS", server.new_database("journal"))
    settings = JournalTable(postgres_env="JOURNAL_OF_TESTS")

    async def run() -> None:
        one = await Journal.open(settings, tmp_path / "one")
        two = await Journal.open(settings, tmp_path / "two")
        try:
            await use(one, two)
        finally:
            await one.close()
            await two.close()

    asyncio.run(run())


def test_two_machines_share_a_database(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(one: Journal, two: Journal) -> None:
        # The same hours, models, tasks and keys from both: each waits for the other's sums.
        for number in range(2_000):
            (one if number % 2 else two).note(recent_record(number, cost_usd=0.5))
        await asyncio.gather(stored(one), stored(two))
        assert (await one.spent({"day": time.time()}))["team", "day"] == pytest.approx(1_000.0)
        assert (await two.totals(0)).all.requests == 2_000
        assert one.troubles.lost == two.troubles.lost == 0
        assert await two.feedback(feedback(1)) is True
        found = await one.find(record(1).decision_id)
        assert found is not None
        assert found[1] == [feedback(1)]

    with_postgres(postgres, tmp_path, monkeypatch, use)


def test_a_database_that_goes_away_and_comes_back_loses_nothing(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(one: Journal, _: Journal) -> None:
        one.note(record(0))
        await stored(one)
        postgres.stop()
        try:
            for number in range(1, 100):
                one.note(record(number))
            assert await one.flush() is False
            assert one.troubles.standing
            assert one.troubles.waiting == 99
            assert await one.feedback(feedback(7)) is True
            with pytest.raises(JournalUnavailable):
                await one.feedback(feedback(0))  # nobody can say whether there is such a decision
            with pytest.raises(JournalUnavailable):
                await one.spent({"hour": time.time()})
        finally:
            postgres.start()
        await stored(one)
        assert await count(one) == 100
        assert await one.find(record(7).decision_id) == (record(7), [feedback(7)])
        assert one.troubles.lost == 0

    with_postgres(postgres, tmp_path, monkeypatch, use)


def test_a_gateway_starts_without_its_database(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postgres.address("comes_later")
    monkeypatch.setenv("JOURNAL_OF_TESTS", address)

    async def run() -> None:
        journal = await Journal.open(JournalTable(postgres_env="JOURNAL_OF_TESTS"), tmp_path)
        assert journal.troubles.standing
        journal.note(record(1))
        postgres.new_database("comes_later")
        await stored(journal)
        assert await journal.recent(9) == [record(1)]
        await journal.close()

    asyncio.run(run())


def test_a_database_is_looked_at_without_a_change(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postgres.new_database("looked_at")
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname = 'finerouter'"
    monkeypatch.setenv("JOURNAL_OF_TESTS", address)
    settings = JournalTable(postgres_env="JOURNAL_OF_TESTS")
    assert examine(settings, tmp_path) == ()
    assert postgres.lines(address, schemas) == []
    made = "CREATE SCHEMA finerouter; CREATE TABLE finerouter.versions AS SELECT 99 AS version"
    postgres.lines(address, made)
    with pytest.raises(DataError, match="version 99, this package reads up to 1"):
        examine(settings, tmp_path)
    monkeypatch.setenv("JOURNAL_OF_TESTS", postgres.address("nowhere"))
    (found,) = examine(settings, tmp_path)
    assert "the journal's database cannot be used now" in found
    assert list(tmp_path.iterdir()) == []

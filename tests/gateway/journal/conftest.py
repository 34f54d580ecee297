"""Stores that the contract is tested on, and a PostgreSQL of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finerouter.gateway.journal.sqlite_store import SqliteStore
from finerouter.gateway.journal.store import Store
from tests.gateway.journal.postgres_server import Server, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store
    if request.param == "sqlite":
        opened = SqliteStore(tmp_path / "journal.sqlite")
    else:
        from finerouter.gateway.journal.postgres_store import PostgresStore

        server: Server = request.getfixturevalue("postgres")
        opened = PostgresStore(server.new_database("contract"))
    yield opened
    opened.close()

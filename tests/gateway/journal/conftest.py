"""Stores that the contract is tested on, and a PostgreSQL of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finerouter.gateway.journal.sqlite_store import SqliteStore
from finerouter.gateway.journal.store import Store


@pytest.fixture(params=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = SqliteStore(tmp_path / "journal.sqlite")
    yield opened
    opened.close()

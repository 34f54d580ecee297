"""What a journal in SQLite holds, read with nothing of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kept:
    """Of one journal.

    Attributes:
        ids: of its decisions, each as often as it is there.
        intact: what SQLite says of the file.
        rows_usd: sum of the rows' costs; spent_usd: what the table of spending says.
        records: all rows in full.
    """

    ids: list[str]
    intact: str
    rows_usd: float
    spent_usd: float
    records: str

    @property
    def twice(self) -> int:
        """Rows that are there more than once."""
        return len(self.ids) - len(set(self.ids))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(path)
    try:
        yield db
    finally:
        db.close()


def kept(path: Path) -> Kept:
    """Read it."""
    with _opened(path) as db:
        ids = [row[0] for row in db.execute("SELECT decision_id FROM decisions")]
        (intact,) = db.execute("PRAGMA integrity_check").fetchone()
        (rows,) = db.execute("SELECT COALESCE(SUM(cost_usd), 0) FROM decisions").fetchone()
        (spent,) = db.execute(
            "SELECT COALESCE(SUM(usd), 0) FROM spend WHERE span = 'hour' AND key = ''"
        ).fetchone()
        records = "\n".join(row[0] for row in db.execute("SELECT record FROM decisions"))
    return Kept(ids, intact, rows, spent, records)

"""The tables of the journal in SQLite, and how an older file gets them.

`user_version` counts the steps that a file has had. A step is never changed once it is released:
what is new goes into a new one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from finerouter.errors import DataError

APPLICATION_ID = 0x66726772  # "frgr": another program's database is left alone
_SUMS = """
    requests INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    best_usd REAL NOT NULL,
    cost_beside_best_usd REAL NOT NULL,
    baseline_usd REAL NOT NULL,
    cost_beside_baseline_usd REAL NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
"""
STEPS: tuple[str, ...] = (
    f"""
CREATE TABLE decisions (
    row INTEGER PRIMARY KEY,
    decision_id TEXT NOT NULL UNIQUE,
    time_s REAL NOT NULL,
    key TEXT NOT NULL,
    model TEXT NOT NULL,
    task TEXT,
    outcome TEXT NOT NULL,
    cost_usd REAL,
    prompt_id TEXT NOT NULL,
    record TEXT NOT NULL            -- all of it, as JSON
);
CREATE INDEX decisions_by_time ON decisions (time_s, decision_id);
CREATE TABLE feedback (
    decision_id TEXT NOT NULL,
    source TEXT NOT NULL,
    time_s REAL NOT NULL,
    score REAL NOT NULL,
    feedback TEXT NOT NULL,         -- all of it, as JSON
    PRIMARY KEY (decision_id, source)
) WITHOUT ROWID;
CREATE TABLE hours (                -- sums; dimension: all, model, task, key
    hour INTEGER NOT NULL,          -- its first second
    dimension TEXT NOT NULL,
    name TEXT NOT NULL,
{_SUMS}
    latencies BLOB,                 -- answers by bucket, 64-bit little-endian; of all and models
    PRIMARY KEY (dimension, hour, name)
) WITHOUT ROWID;
CREATE TABLE spend (
    span TEXT NOT NULL,             -- hour, day or month, of UTC
    start INTEGER NOT NULL,         -- its first second
    key TEXT NOT NULL,              -- '' for all keys together
    usd REAL NOT NULL,
    PRIMARY KEY (span, start, key)
) WITHOUT ROWID;
CREATE TABLE conversations (
    prefix TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    cached_tokens INTEGER NOT NULL,
    seen_s REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX conversations_by_age ON conversations (seen_s);
""",
)


def prepare(db: sqlite3.Connection, path: Path, steps: Sequence[str] = STEPS) -> None:
    """Give a database all the steps that it lacks.

    Raises:
        DataError: it is another program's, or of a newer version.
    """
    db.execute("PRAGMA journal_mode = WAL")
    if _version(db, path, len(steps)) == len(steps):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        # Again, under the lock: another process may have done it meanwhile.
        for step in steps[_version(db, path, len(steps)) :]:
            for statement in step.split(";\n"):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(steps)}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def examine(path: Path) -> None:
    """Look whether `prepare` would take a database; nothing is made or changed.

    Raises:
        DataError: as of `prepare`.
        sqlite3.Error: it cannot be read.
    """
    # To read without a log of writes beside it would make one; then the file itself is all.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as db:
        _version(db, path, len(STEPS))


def _version(db: sqlite3.Connection, path: Path, newest: int) -> int:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise DataError(f"{path}: is another program's database; name another file in [journal]")
    if version > newest:
        raise DataError(
            f"{path}: is a journal of version {version}, this package reads up to {newest}; "
            "upgrade finerouter or name another file in [journal]"
        )
    return int(version)

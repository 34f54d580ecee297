"""The tables of the journal in PostgreSQL, in a schema of their own, and how they get there.

`versions` counts the steps that the schema has had. A step is never changed once it is released:
what is new goes into a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finerouter.errors import DataError

SCHEMA = "finerouter"
_LOCK = 0x66726772  # of the steps: gateways that start together take turns
_SUMS = """
    requests BIGINT NOT NULL,
    ok BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    cost_usd DOUBLE PRECISION NOT NULL,
    best_usd DOUBLE PRECISION NOT NULL,
    cost_beside_best_usd DOUBLE PRECISION NOT NULL,
    baseline_usd DOUBLE PRECISION NOT NULL,
    cost_beside_baseline_usd DOUBLE PRECISION NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_input_tokens BIGINT NOT NULL,
"""
STEPS: tuple[str, ...] = (
    f"""
CREATE TABLE decisions (
    decision_id TEXT PRIMARY KEY,
    time_s DOUBLE PRECISION NOT NULL,
    key TEXT NOT NULL,
    model TEXT NOT NULL,
    task TEXT,
    outcome TEXT NOT NULL,
    cost_usd DOUBLE PRECISION,
    prompt_id TEXT NOT NULL,
    record TEXT NOT NULL            -- all of it, as JSON; jsonb takes no NUL
);
CREATE INDEX decisions_by_time ON decisions (time_s, decision_id);
CREATE TABLE feedback (
    decision_id TEXT NOT NULL,
    source TEXT NOT NULL,
    time_s DOUBLE PRECISION NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    feedback TEXT NOT NULL,         -- all of it, as JSON
    PRIMARY KEY (decision_id, source)
);
CREATE TABLE hours (                -- sums; dimension: all, model, task, key
    hour BIGINT NOT NULL,           -- its first second
    dimension TEXT NOT NULL,
    name TEXT NOT NULL,
{_SUMS}
    latencies BIGINT[],             -- answers by bucket; of all and models
    PRIMARY KEY (dimension, hour, name)
);
CREATE TABLE spend (
    span TEXT NOT NULL,             -- hour, day or month, of UTC
    start BIGINT NOT NULL,          -- its first second
    key TEXT NOT NULL,              -- '' for all keys together
    usd DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (span, start, key)
);
CREATE TABLE conversations (
    prefix TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    seen_s DOUBLE PRECISION NOT NULL
);
CREATE INDEX conversations_by_age ON conversations (seen_s);
""",
)


async def prepare(db: Any, steps: Sequence[str] = STEPS) -> None:
    """Give a database all the steps that it lacks.

    Raises:
        DataError: it is of a newer version.
    """
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if await db.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.versions") is None:
            await db.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await db.execute("CREATE TABLE versions (version BIGINT NOT NULL)")
        version = await _version(db, len(steps))
        for number, step in enumerate(steps[version:], version + 1):
            await db.execute(step)
            await db.execute("INSERT INTO versions VALUES ($1)", number)


async def examine(db: Any) -> None:
    """Look whether `prepare` would take a database; nothing is made or changed.

    Raises:
        DataError: as of `prepare`.
    """
    if await db.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.versions") is not None:
        await _version(db, len(STEPS))


async def _version(db: Any, newest: int) -> int:
    version: int = await db.fetchval(f"SELECT COALESCE(MAX(version), 0) FROM {SCHEMA}.versions")
    if version > newest:
        raise DataError(
            f"the journal's database is of version {version}, this package reads up to {newest}; "
            "upgrade finerouter or name another database"
        )
    return version

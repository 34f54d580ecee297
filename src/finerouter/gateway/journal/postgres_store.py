"""The journal in a database of PostgreSQL, which gateways of several machines may share.

Called from threads like every store; what talks to the database runs on an event loop of its own.
Needs the extra [postgres].
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from finerouter.errors import ConfigError, JournalUnavailable
from finerouter.gateway.conversation import Conversation
from finerouter.gateway.journal.entries import Batch, Totals
from finerouter.gateway.journal.lines import feedback_of, record_of, to_json
from finerouter.gateway.journal.postgres_schema import SCHEMA, examine, prepare
from finerouter.gateway.journal.store import Unstorable
from finerouter.gateway.journal.sums import BUCKETS, SUMMED, Counts, sums_of
from finerouter.gateway.journal.totals import totals_of
from finerouter.gateway.journal.windows import hour_start, window_starts
from finerouter.gateway.record import Feedback, Record

try:
    import asyncpg
except ImportError as error:
    raise ConfigError(
        "journal.postgres_env needs the extra postgres; run: pip install 'finerouter[postgres]'"
    ) from error

_CONNECTIONS = 4
_CONNECT_S, _COMMAND_S, _DEADLINE_S = 5.0, 10.0, 20.0
_TRIES = 3
_PAGE_ROWS = 1_000
_ADD_DECISIONS = (
    "INSERT INTO decisions SELECT * FROM unnest($1::text[], $2::float8[], $3::text[], $4::text[], "
    "$5::text[], $6::text[], $7::float8[], $8::text[], $9::text[]) "
    "ON CONFLICT (decision_id) DO NOTHING RETURNING decision_id"
)
_ADDED = ", ".join(f"{name} = hours.{name} + excluded.{name}" for name in SUMMED)
_ADDED_LATENCIES = (
    "(SELECT array_agg(one + other ORDER BY at) "
    "FROM unnest(hours.latencies, excluded.latencies) WITH ORDINALITY AS pairs (one, other, at) "
    "WHERE hours.latencies IS NOT NULL AND excluded.latencies IS NOT NULL)"
)
_MARKS = ", ".join(f"${number}" for number in range(1, len(SUMMED) + 5))
_ADD_HOURS = (
    f"INSERT INTO hours VALUES ({_MARKS}) ON CONFLICT (dimension, hour, name) "
    f"DO UPDATE SET {_ADDED}, latencies = COALESCE({_ADDED_LATENCIES}, hours.latencies, "
    "excluded.latencies)"
)
_ADD_SPEND = (
    "INSERT INTO spend VALUES ($1, $2, $3, $4) ON CONFLICT (span, start, key) "
    "DO UPDATE SET usd = spend.usd + excluded.usd"
)
_ADD_FEEDBACK = (
    "INSERT INTO feedback VALUES ($1, $2, $3, $4, $5) ON CONFLICT (decision_id, source) "
    "DO UPDATE SET time_s = excluded.time_s, score = excluded.score, "
    "feedback = excluded.feedback WHERE excluded.time_s >= feedback.time_s"
)
_ADD_CONVERSATION = (
    "INSERT INTO conversations VALUES ($1, $2, $3, $4, $5) ON CONFLICT (prefix) DO UPDATE SET "
    "model = excluded.model, endpoint = excluded.endpoint, "
    "cached_tokens = excluded.cached_tokens, seen_s = excluded.seen_s "
    "WHERE excluded.seen_s >= conversations.seen_s"
)
_FEEDBACK_OF = (
    "SELECT decision_id, feedback FROM feedback WHERE decision_id = ANY($1) ORDER BY time_s, source"
)
# What may pass at once: a connection that died while it lay idle, two gateways in each other's way.
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.AdminShutdownError,
    ConnectionError,
)
_OF_VALUES = (
    asyncpg.DataError,
    asyncpg.exceptions.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.UntranslatableCharacterError,
    OverflowError,
    ValueError,
)
_Got = TypeVar("_Got")
_Work = Callable[[Any], Awaitable[_Got]]


class PostgresStore:
    """A `Store` in one database."""

    def __init__(self, address: str) -> None:
        """Make the store; nothing is opened yet.

        Args:
            address: such as `postgresql://user:password@host/name`; it is shown nowhere.
        """
        self._address = address
        self._pool: Any = None
        self._prepared = False
        self._preparing = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="journal-postgres", daemon=True
        )
        self._thread.start()

    def ingest(self, batch: Batch) -> None:
        """Store a batch; see `Store`."""

        async def work(db: Any) -> None:
            async with db.transaction():
                await _add_records(db, batch.records)
                given = sorted(map(_feedback_row, batch.feedback))
                await db.executemany(_ADD_FEEDBACK, given)
                talks = sorted(map(_talk_row, batch.conversations))
                await db.executemany(_ADD_CONVERSATION, talks)

        self._run(work)

    def feedback(self, feedback: Feedback) -> bool:
        """Store a feedback; see `Store`."""

        async def work(db: Any) -> bool:
            known = await db.fetchval(
                "SELECT TRUE FROM decisions WHERE decision_id = $1", _text(feedback.decision_id)
            )
            if known:
                await db.execute(_ADD_FEEDBACK, *_feedback_row(feedback))
            return bool(known)

        return self._run(work)

    def find(self, decision_id: str) -> tuple[Record, list[Feedback]] | None:
        """A decision; see `Store`."""

        async def work(db: Any) -> tuple[Record, list[Feedback]] | None:
            name = _text(decision_id)
            text = await db.fetchval("SELECT record FROM decisions WHERE decision_id = $1", name)
            return None if text is None else (await _judged(db, [(name, text)]))[0]

        return self._run(work)

    def recent(self, limit: int) -> list[Record]:
        """The latest decisions; see `Store`."""

        async def work(db: Any) -> list[Record]:
            rows = await db.fetch(
                "SELECT record FROM decisions ORDER BY time_s DESC, decision_id DESC LIMIT $1",
                limit,
            )
            return [record_of(text) for (text,) in rows]

        return self._run(work)

    def records(self, since_s: float, *, judged: bool) -> Iterator[tuple[Record, list[Feedback]]]:
        """Decisions in the order of time; see `Store`."""
        only = "AND decision_id IN (SELECT decision_id FROM feedback) " if judged else ""
        last: tuple[float, str] = (since_s, "")

        async def work(db: Any) -> tuple[tuple[float, str], list[tuple[Record, list[Feedback]]]]:
            rows = await db.fetch(
                "SELECT time_s, decision_id, record FROM decisions "
                f"WHERE (time_s, decision_id) > ($1, $2) {only}"
                "ORDER BY time_s, decision_id LIMIT $3",
                *(*last, _PAGE_ROWS),
            )
            found = await _judged(db, [(name, text) for _, name, text in rows])
            return (rows[-1][0], rows[-1][1]) if rows else last, found

        while True:
            last, page = self._run(work)
            yield from page
            if len(page) < _PAGE_ROWS:
                return

    def totals(self, since_s: float) -> Totals:
        """Sums; see `Store`."""
        since = hour_start(since_s)
        named = ", ".join(f"SUM({name})" for name in SUMMED)

        async def work(db: Any) -> Totals:
            sums = await db.fetch(
                f"SELECT dimension, name, {named} FROM hours "
                "WHERE dimension IN ('model', 'task', 'key') AND hour >= $1 "
                "GROUP BY dimension, name",
                since,
            )
            hours = await db.fetch(
                f"SELECT hour, {', '.join(SUMMED)}, latencies FROM hours "
                "WHERE dimension = 'all' AND hour >= $1 ORDER BY hour",
                since,
            )
            models = await db.fetch(
                "SELECT name, latencies FROM hours "
                "WHERE dimension = 'model' AND hour >= $1 AND latencies IS NOT NULL",
                since,
            )
            return totals_of(
                since,
                sums,
                [tuple(row)[:-1] for row in hours],
                _counts([row[-1] for row in hours]),
                [name for name, _ in models],
                _counts([counts for _, counts in models]),
            )

        return self._run(work)

    def spent(self, windows: Mapping[str, float]) -> dict[tuple[str, str], float]:
        """Spending; see `Store`."""
        starts = {name: window_starts(since_s)[name] for name, since_s in windows.items()}

        async def work(db: Any) -> dict[tuple[str, str], float]:
            rows = await db.fetch(
                "SELECT key, span, SUM(usd) FROM spend "
                "JOIN unnest($1::text[], $2::bigint[]) AS wanted (name, since) "
                "ON span = name AND start >= since GROUP BY key, span",
                *(list(starts), list(starts.values())),
            )
            return {(key, span): usd for key, span, usd in rows}

        return self._run(work)

    def conversation(self, prefixes: Sequence[str]) -> Conversation | None:
        """A conversation; see `Store`."""

        async def work(db: Any) -> Conversation | None:
            row = await db.fetchrow(
                "SELECT prefix, model, endpoint, cached_tokens, seen_s FROM conversations "
                "WHERE prefix = ANY($1) ORDER BY array_position($1, prefix) LIMIT 1",
                list(prefixes),
            )
            return None if row is None else Conversation(**row)

        return self._run(work)

    def prune(self, before_s: float | None, conversations_before_s: float, most: int) -> int:
        """Delete what is old; see `Store`."""

        async def work(db: Any) -> int:
            async with db.transaction():
                await db.execute(
                    "DELETE FROM conversations WHERE seen_s < $1", conversations_before_s
                )
                return 0 if before_s is None else await _prune_decisions(db, before_s, most)

        return self._run(work)

    def examine(self) -> None:
        """Look whether it could be used; see `Store`."""
        self._run(examine, prepares=False)

    def close(self) -> None:
        """Close all connections, none of which may be in a call."""

        async def ended() -> None:
            if self._pool is not None:
                self._pool.terminate()

        asyncio.run_coroutine_threadsafe(ended(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: _Work[_Got], *, prepares: bool = True) -> _Got:
        """Do something with a connection, from any thread but the loop's.

        Args:
            work: that is done.
            prepares: whether what is not in the database yet is made first.

        Raises:
            Unstorable: a value can never be stored.
            JournalUnavailable: the database cannot be asked now.
        """
        try:
            tried = self._tried(work, prepares=prepares)
            return asyncio.run_coroutine_threadsafe(tried, self._loop).result()
        except _OF_VALUES as error:
            raise Unstorable(f"the journal's database refuses a row ({error})") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            self._prepared = False  # whoever comes back may be another database
            raise JournalUnavailable(
                f"the journal's database cannot be used now ({error or type(error).__name__}); it "
                "is tried again by itself"
            ) from error

    async def _tried(self, work: _Work[_Got], *, prepares: bool) -> _Got:
        """Once more where the failure may have passed: all work may be done twice."""
        async with asyncio.timeout(_DEADLINE_S):
            for _ in range(_TRIES - 1):
                try:
                    return await self._once(work, prepares=prepares)
                except _PASSING:
                    continue
            return await self._once(work, prepares=prepares)

    async def _once(self, work: _Work[_Got], *, prepares: bool) -> _Got:
        db = await self._acquired()
        try:
            async with self._preparing:
                if prepares and not self._prepared:
                    await prepare(db)
                    self._prepared = True
            return await work(db)
        finally:
            await self._pool.release(db)

    async def _acquired(self) -> Any:
        """A connection; the address is read when the first one is made."""
        try:
            if self._pool is None:
                self._pool = await self._opened()
            return await self._pool.acquire(timeout=_CONNECT_S)
        except ValueError as error:
            raise ConfigError(
                "journal.postgres_env: the variable holds no address of a database; write it like "
                "postgresql://user@host/name"
            ) from error

    async def _opened(self) -> Any:
        return await asyncpg.create_pool(
            self._address,
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=_CONNECT_S,
            command_timeout=_COMMAND_S,
            server_settings={"search_path": SCHEMA, "application_name": SCHEMA},
        )


async def _add_records(db: Any, records: Sequence[Record]) -> None:
    # In one order everywhere: two gateways that wait for each other's rows would never end.
    by_id = {record.decision_id: record for record in records}
    rows = [_row(by_id[name]) for name in sorted(by_id)]
    if not rows:
        return
    added = await db.fetch(_ADD_DECISIONS, *map(list, zip(*rows, strict=True)))
    sums = sums_of(by_id[name] for (name,) in added)
    hours = [
        (hour, dimension, _text(name), *row, sums.latencies.get((hour, dimension, name)))
        for (hour, dimension, name), row in sums.hours.items()
    ]
    await db.executemany(_ADD_HOURS, sorted(hours, key=lambda row: row[:3]))
    await db.executemany(
        _ADD_SPEND,
        sorted((span, start, _text(key), usd) for (span, start, key), usd in sums.spend.items()),
    )


async def _prune_decisions(db: Any, before_s: float, most: int) -> int:
    rows = await db.fetch(
        "DELETE FROM decisions WHERE decision_id IN (SELECT decision_id FROM decisions "
        "WHERE time_s < $1 ORDER BY time_s LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING decision_id",
        *(before_s, most),
    )
    names = [name for (name,) in rows]
    await db.execute("DELETE FROM feedback WHERE decision_id = ANY($1)", names)
    await db.execute("DELETE FROM hours WHERE hour < $1", hour_start(before_s))
    return len(names)


async def _judged(db: Any, rows: Sequence[tuple[str, str]]) -> list[tuple[Record, list[Feedback]]]:
    """Records with their feedback, from their ids and texts."""
    given: dict[str, list[Feedback]] = {name: [] for name, _ in rows}
    for name, text in await db.fetch(_FEEDBACK_OF, list(given)):
        given[name].append(feedback_of(text))
    return [(record_of(text), given[name]) for name, text in rows]


def _counts(rows: Sequence[Sequence[int] | None]) -> Counts:
    """Histograms [row, bucket]."""
    nothing = [0] * BUCKETS
    return np.array([row or nothing for row in rows], dtype=np.int64).reshape(-1, BUCKETS)


def _row(record: Record) -> tuple[Any, ...]:
    return (
        record.decision_id, record.time_s, _text(record.key), _text(record.model),
        None if record.task is None else _text(record.task), record.outcome, record.cost_usd,
        _text(record.prompt_id), to_json(record).decode(),
    )  # fmt: skip


def _feedback_row(given: Feedback) -> tuple[Any, ...]:
    text = to_json(given).decode()
    return _text(given.decision_id), _text(given.source), given.time_s, given.score, text


def _talk_row(talk: Conversation) -> tuple[Any, ...]:
    return talk.prefix, talk.model, talk.endpoint, talk.cached_tokens, talk.seen_s


def _text(text: str) -> str:
    """What PostgreSQL takes for a text: no NUL."""
    return text.replace("\0", "")

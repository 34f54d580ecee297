"""The journal in a file of SQLite, which several gateways of one machine may share.

Every thread has its own connection. A file that was replaced under a connection is opened anew.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from finerouter.errors import DataError, JournalUnavailable
from finerouter.gateway.conversation import Conversation
from finerouter.gateway.journal.entries import Batch, Totals
from finerouter.gateway.journal.folders import unwritable
from finerouter.gateway.journal.lines import feedback_of, record_of, to_json
from finerouter.gateway.journal.sqlite_schema import examine, prepare
from finerouter.gateway.journal.store import Unstorable
from finerouter.gateway.journal.sums import BUCKETS, SUMMED, Counts, Sums, sums_of
from finerouter.gateway.journal.totals import totals_of
from finerouter.gateway.journal.windows import hour_start, window_starts
from finerouter.gateway.record import Feedback, Record

_PAGE_ROWS = 1_000
_COUNT = np.dtype("<i8")
_ADDED = ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMMED)
_MARKS = ", ".join("?" * len(SUMMED))
_ADD_HOURS = (
    f"INSERT INTO hours VALUES (?, ?, ?, {_MARKS}, ?) ON CONFLICT (dimension, hour, name) "
    f"DO UPDATE SET {_ADDED}, latencies = added(latencies, excluded.latencies)"
)
_ADD_SPEND = (
    "INSERT INTO spend VALUES (?, ?, ?, ?) ON CONFLICT (span, start, key) "
    "DO UPDATE SET usd = usd + excluded.usd"
)
_ADD_FEEDBACK = (
    "INSERT INTO feedback VALUES (?, ?, ?, ?, ?) ON CONFLICT (decision_id, source) DO UPDATE SET "
    "time_s = excluded.time_s, score = excluded.score, feedback = excluded.feedback "
    "WHERE excluded.time_s >= feedback.time_s"
)
_ADD_CONVERSATION = (
    "INSERT INTO conversations VALUES (?, ?, ?, ?, ?) ON CONFLICT (prefix) DO UPDATE SET "
    "model = excluded.model, endpoint = excluded.endpoint, "
    "cached_tokens = excluded.cached_tokens, seen_s = excluded.seen_s "
    "WHERE excluded.seen_s >= conversations.seen_s"
)
_ADD_DECISION = (
    "INSERT INTO decisions (decision_id, time_s, key, model, task, outcome, cost_usd, prompt_id, "
    "record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# What SQLite or its driver says of a value, not of the database.
_OF_VALUES = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    OverflowError,
    ValueError,
)


class SqliteStore:
    """A `Store` in one file."""

    def __init__(self, path: Path, *, wait_s: float = 5.0, create: bool = True) -> None:
        """Make the store; nothing is opened yet.

        Args:
            path: of the file.
            wait_s: for another process that writes.
            create: whether a file that is not there is made.
        """
        self.path = path
        self._wait_s = wait_s
        self._create = create
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: set[sqlite3.Connection] = set()
        self._closed = False

    def ingest(self, batch: Batch) -> None:
        """Store a batch; see `Store`."""
        with self._writing(durably=bool(batch.feedback)) as db:
            fresh = _unknown(db, batch.records)
            sums = sums_of(fresh)
            db.executemany(_ADD_DECISION, [_row(record) for record in fresh])
            _add(db, sums)
            db.executemany(_ADD_FEEDBACK, [_feedback_row(given) for given in batch.feedback])
            db.executemany(_ADD_CONVERSATION, [_talk_row(talk) for talk in batch.conversations])
        if self._replaced(self._local.of):  # it went into a file that is no longer there
            raise JournalUnavailable(f"{self.path}: was replaced while it was written")

    def feedback(self, feedback: Feedback) -> bool:
        """Store a feedback; see `Store`."""
        with self._writing(durably=True) as db:
            known = db.execute(
                "SELECT 1 FROM decisions WHERE decision_id = ?", (feedback.decision_id,)
            ).fetchone()
            if known is not None:
                db.execute(_ADD_FEEDBACK, _feedback_row(feedback))
        return known is not None

    def find(self, decision_id: str) -> tuple[Record, list[Feedback]] | None:
        """A decision; see `Store`."""
        with self._reading() as db:
            row = db.execute(
                "SELECT record FROM decisions WHERE decision_id = ?", (decision_id,)
            ).fetchone()
            return None if row is None else (record_of(row[0]), _feedback(db, decision_id))

    def recent(self, limit: int) -> list[Record]:
        """The latest decisions; see `Store`."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT record FROM decisions ORDER BY time_s DESC, decision_id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [record_of(text) for (text,) in rows]

    def records(self, since_s: float, *, judged: bool) -> Iterator[tuple[Record, list[Feedback]]]:
        """Decisions in the order of time; see `Store`."""
        only = "AND decision_id IN (SELECT decision_id FROM feedback) " if judged else ""
        last: tuple[float, str] = (since_s, "")
        while True:
            with self._reading() as db:
                rows = db.execute(
                    "SELECT time_s, decision_id, record FROM decisions "
                    f"WHERE (time_s, decision_id) > (?, ?) {only}"
                    "ORDER BY time_s, decision_id LIMIT ?",
                    (*last, _PAGE_ROWS),
                ).fetchall()
                page = [(record_of(text), _feedback(db, name)) for _, name, text in rows]
            yield from page
            if len(rows) < _PAGE_ROWS:
                return
            last = rows[-1][0], rows[-1][1]

    def totals(self, since_s: float) -> Totals:
        """Sums; see `Store`."""
        since = hour_start(since_s)
        named = ", ".join(f"SUM({name})" for name in SUMMED)
        with self._reading() as db:
            sums = db.execute(
                f"SELECT dimension, name, {named} FROM hours "
                "WHERE dimension IN ('model', 'task', 'key') AND hour >= ? "
                "GROUP BY dimension, name",
                (since,),
            ).fetchall()
            hours = db.execute(
                f"SELECT hour, {', '.join(SUMMED)}, latencies FROM hours "
                "WHERE dimension = 'all' AND hour >= ? ORDER BY hour",
                (since,),
            ).fetchall()
            models = db.execute(
                "SELECT name, latencies FROM hours "
                "WHERE dimension = 'model' AND hour >= ? AND latencies IS NOT NULL",
                (since,),
            ).fetchall()
        return totals_of(
            since,
            sums,
            [row[:-1] for row in hours],
            _unpacked([row[-1] for row in hours]),
            [name for name, _ in models],
            _unpacked([blob for _, blob in models]),
        )

    def spent(self, windows: Mapping[str, float]) -> dict[tuple[str, str], float]:
        """Spending; see `Store`."""
        found: dict[tuple[str, str], float] = {}
        with self._reading() as db:
            for window, since_s in windows.items():
                rows = db.execute(
                    "SELECT key, SUM(usd) FROM spend WHERE span = ? AND start >= ? GROUP BY key",
                    (window, window_starts(since_s)[window]),
                )
                found |= {(key, window): usd for key, usd in rows}
        return found

    def conversation(self, prefixes: Sequence[str]) -> Conversation | None:
        """A conversation; see `Store`."""
        with self._reading() as db:
            for prefix in prefixes:
                row = db.execute(
                    "SELECT prefix, model, endpoint, cached_tokens, seen_s FROM conversations "
                    "WHERE prefix = ?",
                    (prefix,),
                ).fetchone()
                if row is not None:
                    names = ("prefix", "model", "endpoint", "cached_tokens", "seen_s")
                    return Conversation(**dict(zip(names, row, strict=True)))
        return None

    def prune(self, before_s: float | None, conversations_before_s: float, most: int) -> int:
        """Delete what is old; see `Store`."""
        with self._writing() as db:
            db.execute("DELETE FROM conversations WHERE seen_s < ?", (conversations_before_s,))
            if before_s is None:
                return 0
            old = db.execute(
                "SELECT row, decision_id FROM decisions WHERE time_s < ? ORDER BY time_s LIMIT ?",
                (before_s, most),
            ).fetchall()
            db.executemany("DELETE FROM feedback WHERE decision_id = ?", [row[1:] for row in old])
            db.executemany("DELETE FROM decisions WHERE row = ?", [row[:1] for row in old])
            db.execute("DELETE FROM hours WHERE hour < ?", (hour_start(before_s),))
        return len(old)

    def examine(self) -> None:
        """Look whether it could be used; see `Store`."""
        if reason := unwritable(self.path.parent):
            raise JournalUnavailable(f"{self.path}: cannot be made ({reason})")
        if not self.path.exists():
            return
        if self.path.is_dir() or not os.access(self.path, os.W_OK):
            raise JournalUnavailable(f"{self.path}: is no file that can be written")
        try:
            examine(self.path)
        except sqlite3.Error as error:
            raise JournalUnavailable(f"{self.path}: cannot be read ({error})") from error

    def close(self) -> None:
        """Close the connections of all threads, none of which may be in a call."""
        with self._lock:
            self._closed = True
            for db in self._open:
                db.close()
            self._open.clear()

    @contextmanager
    def _writing(self, *, durably: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction that alone may write; `durably`: on the disk itself when it ends."""
        with self._reading() as db:
            db.execute(f"PRAGMA synchronous = {'FULL' if durably else 'NORMAL'}")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            yield self._connection()
        except _OF_VALUES as error:
            raise Unstorable(f"{self.path}: a row cannot be stored ({error})") from error
        except (sqlite3.Error, OSError) as error:
            self._forget()
            raise JournalUnavailable(
                f"{self.path}: the journal cannot be used now ({error}); free space or mend the "
                "file: it is tried again by itself"
            ) from error

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is not None and not self._replaced(self._local.of):
            return db
        self._forget()
        db = self._opened()
        self._local.db, self._local.of = db, _identity(self.path)
        return db

    def _opened(self) -> sqlite3.Connection:
        self._make_file()
        db = sqlite3.connect(
            self.path, timeout=self._wait_s, isolation_level=None, check_same_thread=False
        )
        db.create_function("added", 2, _added, deterministic=True)
        try:
            prepare(db, self.path)
            with self._lock:
                if self._closed:
                    raise OSError("the journal is closed")
                self._open.add(db)
        except BaseException:
            db.close()
            raise
        return db

    def _make_file(self) -> None:
        """Make the file so that only its owner reads it; its companions take after it."""
        if self._create:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        elif not self.path.is_file():
            raise DataError(f"{self.path}: no such file; give the journal that a gateway wrote")

    def _replaced(self, identity: tuple[int, int]) -> bool:
        try:
            return _identity(self.path) != identity
        except FileNotFoundError:
            return True

    def _forget(self) -> None:
        """Close this thread's connection; the next call opens another."""
        db = getattr(self._local, "db", None)
        if db is not None:
            self._local.db = None
            with self._lock:
                self._open.discard(db)
            db.close()


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _unknown(db: sqlite3.Connection, records: Sequence[Record]) -> list[Record]:
    """The records that are not stored yet, each once."""
    by_id = {record.decision_id: record for record in records}
    ids = list(by_id)
    for at in range(0, len(ids), _PAGE_ROWS // 2):
        part = ids[at : at + _PAGE_ROWS // 2]
        marks = ", ".join("?" * len(part))
        for (known,) in db.execute(
            f"SELECT decision_id FROM decisions WHERE decision_id IN ({marks})", part
        ):
            del by_id[known]
    return list(by_id.values())


def _add(db: sqlite3.Connection, sums: Sums) -> None:
    adding: tuple[tuple[str, list[tuple[object, ...]]], ...] = (
        (_ADD_HOURS, [(*at, *row, _packed(sums, at)) for at, row in sums.hours.items()]),
        (_ADD_SPEND, [(*at, usd) for at, usd in sums.spend.items()]),
    )
    for statement, rows in adding:
        db.executemany(statement, rows)


def _packed(sums: Sums, at: tuple[int, str, str]) -> bytes | None:
    counts = sums.latencies.get(at)
    return None if counts is None else np.array(counts, dtype=_COUNT).tobytes()


def _unpacked(packed: Sequence[bytes | None]) -> Counts:
    """Histograms [row, bucket]."""
    nothing = bytes(BUCKETS * _COUNT.itemsize)
    whole = b"".join(item or nothing for item in packed)
    return np.frombuffer(whole, dtype=_COUNT).astype(np.int64).reshape(-1, BUCKETS)


def _added(one: bytes | None, other: bytes | None) -> bytes | None:
    """The sum of two packed histograms; SQLite calls it."""
    if one is None or other is None:
        return one or other
    return (np.frombuffer(one, dtype=_COUNT) + np.frombuffer(other, dtype=_COUNT)).tobytes()


def _row(record: Record) -> tuple[object, ...]:
    return (
        record.decision_id, record.time_s, record.key, record.model, record.task, record.outcome,
        record.cost_usd, record.prompt_id, to_json(record).decode(),
    )  # fmt: skip


def _feedback_row(given: Feedback) -> tuple[object, ...]:
    return given.decision_id, given.source, given.time_s, given.score, to_json(given).decode()


def _talk_row(talk: Conversation) -> tuple[object, ...]:
    return talk.prefix, talk.model, talk.endpoint, talk.cached_tokens, talk.seen_s


def _feedback(db: sqlite3.Connection, decision_id: str) -> list[Feedback]:
    rows = db.execute(
        "SELECT feedback FROM feedback WHERE decision_id = ? ORDER BY time_s, source",
        (decision_id,),
    )
    return [feedback_of(text) for (text,) in rows]

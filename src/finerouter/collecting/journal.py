"""The journal of calls: what was started, what came of it, and what it cost.

Takes each call before and after it is made; gives back answers, so that none is paid for twice, and
sums. A file of SQLite that one run at a time may hold. Knows nothing of endpoints or prices, and
holds no key.

A call that has no end when the journal is opened was under way when an earlier run was killed:
nobody knows whether it was paid for.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from finerouter.errors import DataError, OutputError
from finerouter.upstream.apis import Answer
from finerouter.upstream.usage import Usage

_VERSION = 1
_APPLICATION_ID = 0x66726A31  # "frj1": another program's database is left alone
_SCHEMA = """
CREATE TABLE calls (
    call INTEGER PRIMARY KEY,
    key TEXT NOT NULL,          -- of the question: model, parameters and prompt
    model TEXT NOT NULL,        -- as the pool calls it
    prompt_id TEXT NOT NULL,
    state TEXT NOT NULL,        -- started, answered, failed (not billed), lost (perhaps billed)
    started REAL NOT NULL,      -- seconds since 1970
    ended REAL,
    most_usd REAL,              -- what it could cost; NULL where prices are unknown
    cost_usd REAL,              -- what it did cost
    prompt_bytes INTEGER NOT NULL,
    text TEXT,
    finish TEXT,
    usage TEXT,                 -- JSON
    reason TEXT                 -- why there is no answer
);
CREATE INDEX calls_by_key ON calls (key);
"""


@dataclass(frozen=True)
class Question:
    """What identifies a call, and what it could cost.

    Attributes:
        key: the same for the same model, parameters and prompt.
        model: as the pool calls it.
        prompt_id: for people.
        prompt_bytes: length of the request; estimates are made of it.
        most_usd: what it could cost at most, None where unknown.
    """

    key: str
    model: str
    prompt_id: str
    prompt_bytes: int
    most_usd: float | None


@dataclass(frozen=True)
class Kept:
    """An answer and what it cost, None where that is unknown."""

    answer: Answer
    cost_usd: float | None


@dataclass(frozen=True)
class Spending:
    """USD of all runs: surely, and perhaps on calls that were sent and never answered.

    Attributes:
        spent_usd, perhaps_usd: these two.
        unknown: calls in neither, because prices were unknown when they were made.
    """

    spent_usd: float
    perhaps_usd: float
    unknown: int = 0


@dataclass(frozen=True)
class Habit:
    """What a model's calls were like: means over its answers.

    Attributes:
        answers: how many there were.
        input_tokens_per_byte: of the request.
        output_tokens: of an answer.
    """

    answers: int
    input_tokens_per_byte: float
    output_tokens: float


class Journal:
    """An open journal; close it to let another run have it."""

    def __init__(self, path: Path) -> None:
        """Open, or make, the file.

        Raises:
            DataError: it is something else, of another version, or held by another run.
            OutputError: it cannot be made.
        """
        self.path = path
        self._db = _opened(path)
        # From now on, what was under way in an earlier run counts as perhaps billed.
        self._write("UPDATE calls SET state = 'killed', ended = ? WHERE state = 'started'", _now())

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def start(self, question: Question) -> int:
        """A call is about to be made; gives its number."""
        row = (
            question.key, question.model, question.prompt_id, _now(), question.most_usd,
            question.prompt_bytes,
        )  # fmt: skip
        return self._write(
            "INSERT INTO calls (key, model, prompt_id, state, started, most_usd, prompt_bytes) "
            "VALUES (?, ?, ?, 'started', ?, ?, ?)",
            *row,
        )

    def answered(self, call: int, kept: Kept) -> None:
        """A call was answered."""
        answer = kept.answer
        usage = json.dumps(asdict(answer.usage)) if answer.usage else None
        self._write(
            "UPDATE calls SET state = 'answered', ended = ?, cost_usd = ?, text = ?, finish = ?, "
            "usage = ? WHERE call = ?",
            *(_now(), kept.cost_usd, _storable(answer.text), answer.finish, usage, call),
        )

    def failed(self, call: int, reason: str, *, perhaps_billed: bool) -> None:
        """A call came to nothing."""
        state = "lost" if perhaps_billed else "failed"
        self._write(
            "UPDATE calls SET state = ?, ended = ?, reason = ? WHERE call = ?",
            *(state, _now(), _storable(reason), call),
        )

    def find(self, key: str) -> Kept | None:
        """The first answer to a question, None where there is none."""
        row = self._db.execute(
            "SELECT text, finish, usage, cost_usd FROM calls WHERE key = ? AND state = 'answered' "
            "ORDER BY call LIMIT 1",
            (key,),
        ).fetchone()
        if row is None:
            return None
        text, finish, usage, cost_usd = row
        return Kept(Answer(text, finish, Usage(**json.loads(usage)) if usage else None), cost_usd)

    def in_doubt(self, key: str) -> bool:
        """Whether an earlier run was killed while it asked this."""
        found = self._db.execute(
            "SELECT 1 FROM calls WHERE key = ? AND state = 'killed' LIMIT 1", (key,)
        ).fetchone()
        return found is not None

    def spending(self) -> Spending:
        """What all runs of this journal have cost."""
        spent, perhaps, unknown = self._db.execute(
            "SELECT TOTAL(CASE WHEN state = 'answered' THEN COALESCE(cost_usd, most_usd) END), "
            "TOTAL(CASE WHEN state IN ('killed', 'lost', 'started') THEN most_usd END), "
            "COUNT(CASE WHEN state != 'failed' AND COALESCE(cost_usd, most_usd) IS NULL "
            "THEN 1 END) FROM calls"
        ).fetchone()
        return Spending(spent, perhaps, unknown)

    def habit(self, model: str) -> Habit | None:
        """What this model's calls were like; None without an answer that told its tokens."""
        count, per_byte, output = self._db.execute(
            "SELECT COUNT(*), TOTAL(json_extract(usage, '$.input_tokens')) / SUM(prompt_bytes), "
            "AVG(json_extract(usage, '$.output_tokens')) FROM calls "
            "WHERE model = ? AND state = 'answered' AND usage IS NOT NULL",
            (model,),
        ).fetchone()
        return Habit(count, per_byte, output) if count else None

    def _write(self, statement: str, *values: object) -> int:
        try:
            return self._db.execute(statement, values).lastrowid or 0
        except sqlite3.Error as error:
            raise OutputError(
                f"{self.path}: cannot be written ({error}); free space, then run again: what was "
                "paid for is kept"
            ) from error


def _opened(path: Path) -> sqlite3.Connection:
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        # Autocommit: every row is on disk when `execute` returns. Calls are made in one thread.
        db = sqlite3.connect(path, isolation_level=None, timeout=0)
    except (OSError, sqlite3.Error) as error:
        raise OutputError(f"{path}: cannot be made ({error}); choose another journal") from error
    try:
        _prepare(db, path)
    except sqlite3.Error as error:
        db.close()
        if "locked" in str(error):
            raise DataError(
                f"{path}: another run holds this journal; wait for it or choose another"
            ) from error
        raise DataError(f"{path}: is no journal of calls ({error}); choose another file") from error
    except DataError:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    # Set before the first access: one run at a time, and the lock dies with the process.
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if tables and application != _APPLICATION_ID:
        raise DataError(f"{path}: is another program's database; choose another journal")
    if tables and version != _VERSION:
        raise DataError(
            f"{path}: is a journal of version {version}, this package reads {_VERSION}; choose "
            "another journal"
        )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    if not tables:
        db.executescript(
            f"BEGIN EXCLUSIVE; PRAGMA application_id = {_APPLICATION_ID}; "
            f"PRAGMA user_version = {_VERSION}; {_SCHEMA} COMMIT;"
        )
    db.execute("BEGIN EXCLUSIVE")
    db.execute("COMMIT")


def _storable(text: str) -> str:
    # Half a surrogate pair, which JSON can carry, is no text to SQLite.
    return text.encode("utf-8", "replace").decode("utf-8")


def _now() -> float:
    return time.time()

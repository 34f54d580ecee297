"""The thread that moves lines from the spool into the store.

Takes a spool and a store; deletes a segment of the spool when all of it is stored. What fails is
tried again; what the store will never take is left out, counted and told. Also adopts the spools
of dead processes, and deletes what is older than it is to be kept.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from finerouter.errors import JournalUnavailable, UserError
from finerouter.gateway.conversation import Conversation
from finerouter.gateway.journal.entries import Batch
from finerouter.gateway.journal.lines import decoded
from finerouter.gateway.journal.spool import Segment, Spool
from finerouter.gateway.journal.store import Store, Unstorable
from finerouter.gateway.journal.trouble_log import TroubleLog

INTERVAL_S = 0.1
_LONGEST_PAUSE_S = 5.0
_BATCH_ROWS = 500
_PRUNE_ROWS = 500
_TIDY_S = 30.0
_MOST_CONVERSATIONS = 50_000
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Keeping:
    """For how long things are kept: days of decisions (None for ever), seconds of conversations."""

    days: float | None
    conversations_s: float


class Writer:
    """Writes until it is stopped."""

    def __init__(
        self,
        store: Store,
        spool: Spool,
        log: TroubleLog,
        keeping: Keeping,
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._store, self._spool, self._log, self._keeping = store, spool, log, keeping
        self._interval_s = self._pause_s = interval_s
        self._lock = threading.Lock()  # of the two below
        self._conversations: dict[str, Conversation] = {}
        self._waiting: list[Future[bool]] = []
        self._moving = threading.Lock()
        self._wake = threading.Event()
        self._stopping = self._ended = False
        self._tidied_s = float("-inf")
        self._spool_error = ""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Try once more to store everything, and end."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def flush(self) -> Future[bool]:
        """When everything until now has been tried; whether it is stored."""
        done: Future[bool] = Future()
        with self._lock:
            if self._ended:
                done.set_result(False)
            else:
                self._waiting.append(done)
        self._wake.set()
        return done

    def remember(self, conversation: Conversation) -> None:
        """Store a conversation soon; the oldest give way if that takes too long."""
        with self._lock:
            self._conversations.pop(conversation.prefix, None)
            self._conversations[conversation.prefix] = conversation
            if len(self._conversations) > _MOST_CONVERSATIONS:
                del self._conversations[next(iter(self._conversations))]

    def remembered(self, prefix: str) -> Conversation | None:
        """A conversation that is not stored yet."""
        return self._conversations.get(prefix)

    @contextmanager
    def nothing_moving(self, most_s: float) -> Iterator[None]:
        """A moment in which no row is both in the spool and in the store, unless it takes long."""
        held = self._moving.acquire(timeout=most_s)
        try:
            yield
        finally:
            if held:
                self._moving.release()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._pause_s)
            self._wake.clear()
            self._round()
        self._round(last=True)  # what came in the meantime

    def _round(self, *, last: bool = False) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._ended = last
        stored = self._tried()
        self._pause_s = self._interval_s if stored else min(2 * self._pause_s, _LONGEST_PAUSE_S)
        for done in waiting:
            done.set_result(stored)

    def _tried(self) -> bool:
        try:
            self._drain()
            self._tidy()
        except Exception as error:  # this thread must outlive whatever comes
            known = isinstance(error, JournalUnavailable | UserError)
            self._log.failed(str(error) if known else f"{type(error).__name__}: {error}")
            self._spool.back()
            return False
        self._tell_of_spool()
        return True

    def _tell_of_spool(self) -> None:
        error, self._spool.last_error = self._spool.last_error, ""
        if error:
            self._log.failed(f"{error}; rows wait in memory until they are stored")
        else:
            self._log.healed()

    def _drain(self) -> None:
        self._store_conversations()
        while segments := self._spool.take():
            for segment in segments:
                self._move(segment)

    def _move(self, segment: Segment) -> None:
        with self._moving:
            self._store_lines(segment.lines())
            self._spool.done(segment)

    def _store_lines(self, lines: Iterable[bytes]) -> None:
        lines = iter(lines)
        while some := tuple(itertools.islice(lines, _BATCH_ROWS)):
            found = decoded(some)
            if found.unreadable:
                self._log.dropped(found.unreadable, "lines of the spool could not be read")
            self._ingest(Batch(found.records, found.feedback))

    def _ingest(self, batch: Batch) -> None:
        if not len(batch):
            return
        try:
            self._store.ingest(batch)
        except Unstorable as error:
            if len(batch) == 1:
                self._log.dropped(1, str(error))
                return
            for half in batch.halves():
                self._ingest(half)

    def _store_conversations(self) -> None:
        with self._lock:
            some = dict(self._conversations)
        self._ingest(Batch(conversations=tuple(some.values())))
        with self._lock:
            for prefix, conversation in some.items():
                if self._conversations.get(prefix) is conversation:
                    del self._conversations[prefix]

    def _tidy(self) -> None:
        """Now and then: the spools of the dead, and what is too old."""
        if time.monotonic() - self._tidied_s < _TIDY_S:
            return
        for orphan in self._spool.orphans():
            for path in orphan.segments():
                self._store_lines(orphan.lines(path))
            orphan.remove()
        if self._prune() < _PRUNE_ROWS:  # else more of it in the next round
            self._tidied_s = time.monotonic()

    def _prune(self) -> int:
        now, days = time.time(), self._keeping.days
        before = None if days is None else now - days * _DAY_S
        return self._store.prune(before, now - self._keeping.conversations_s, _PRUNE_ROWS)

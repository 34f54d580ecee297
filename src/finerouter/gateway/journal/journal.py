"""The journal of one gateway process: what was decided, what came of it, what was thought of it.

Takes records on the event loop without waiting for any disk; gives them back, with sums, to all
processes that share the store. Everything that waits runs in threads of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from finerouter.errors import JournalUnavailable
from finerouter.gateway.conversation import Conversation
from finerouter.gateway.journal.entries import Totals, Troubles
from finerouter.gateway.journal.lines import decoded, feedback_line, record_line
from finerouter.gateway.journal.opening import spool_of, store_of
from finerouter.gateway.journal.spool import Spool
from finerouter.gateway.journal.store import Store
from finerouter.gateway.journal.trouble_log import TroubleLog
from finerouter.gateway.journal.windows import hour_start
from finerouter.gateway.journal.writer import Keeping, Writer
from finerouter.gateway.record import Feedback, Record
from finerouter.gateway.settings import JournalTable

_THREADS = 4
_CONVERSATIONS_S = 7 * 86_400.0
_SETTLED_S = 0.05
_Given = ParamSpec("_Given")
_Got = TypeVar("_Got")


class Journal:
    """An open journal; `open` makes it."""

    def __init__(self, store: Store, spool: Spool, keeping: Keeping) -> None:
        self._store, self._spool = store, spool
        self._log = TroubleLog()
        self._writer = Writer(store, spool, self._log, keeping)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="journal")

    @classmethod
    async def open(
        cls, settings: JournalTable, folder: Path, *, conversations_s: float = _CONVERSATIONS_S
    ) -> Journal:
        """Open the journal; a store that cannot be reached is tried again while serving.

        Args:
            settings: where it is, and for how long it is kept.
            folder: that paths are relative to.
            conversations_s: for how long conversations are kept.

        Raises:
            DataError: the file is another program's, or of a newer version.
            ConfigError: the database's address is not there, or wrong.
        """
        spool = await asyncio.to_thread(Spool, spool_of(settings, folder))
        keeping = Keeping(settings.keep_days, conversations_s)
        return await cls(store_of(settings, folder), spool, keeping).started()

    async def started(self) -> Journal:
        """Ask the store once, and begin to write; errors as of `open`."""
        try:
            await self._call(self._store.spent, {})
        except JournalUnavailable as error:
            self._log.failed(str(error))
        except BaseException:
            self._let_go()
            raise
        self._writer.start()
        return self

    @property
    def troubles(self) -> Troubles:
        """What went wrong so far."""
        return Troubles(
            lost=self._log.lost + self._spool.lost,
            failures=self._log.failures,
            last=self._log.last,
            waiting=self._spool.waiting,
            standing=self._log.standing,
        )

    def note(self, record: Record) -> None:
        """Keep a record; it is in the spool when this returns. Never waits long, never raises."""
        try:
            line = record_line(record)
            under = (record.key, hour_start(record.time_s)) if record.cost_usd else None
        except Exception as error:  # whatever a record holds, its request must not fail for it
            self._log.dropped(1, f"a record cannot be written as JSON ({error})")
            return
        self._spool.append(line, under, record.cost_usd or 0.0)

    def remember(self, conversation: Conversation) -> None:
        """Let other processes know, soon, which model a conversation is on."""
        self._writer.remember(conversation)

    async def conversation(self, prefixes: Sequence[str]) -> Conversation | None:
        """The entry of the first prefix that is known; None where the store cannot be asked."""
        for at, prefix in enumerate(prefixes):
            if (own := self._writer.remembered(prefix)) is not None:
                stored = await self._conversation(prefixes[:at])
                return stored or own
        return await self._conversation(prefixes)

    async def _conversation(self, prefixes: Sequence[str]) -> Conversation | None:
        if not prefixes:
            return None
        with contextlib.suppress(JournalUnavailable):
            return await self._call(self._store.conversation, prefixes)
        return None

    async def feedback(self, feedback: Feedback) -> bool:
        """Keep a feedback: on the disk itself when this returns; False: no such decision.

        Raises:
            JournalUnavailable: it cannot be kept, or nobody can say now whether there is such a
                decision.
        """
        if await self.find(feedback.decision_id) is None:
            return False
        with contextlib.suppress(JournalUnavailable):  # such as one that takes no writes now
            if await self._call(self._store.feedback, feedback):
                return True
        return await self._call(self._spool_feedback, feedback)

    def _spool_feedback(self, feedback: Feedback) -> bool:
        if not self._spool.append_durably(feedback_line(feedback)):
            raise JournalUnavailable(
                f"{self._spool.folder}: the feedback is not on disk; try again"
            )
        return True

    async def find(self, decision_id: str) -> tuple[Record, list[Feedback]] | None:
        """A decision with its feedback, stored or not yet; None where there is no such decision.

        Raises:
            JournalUnavailable: the store cannot be asked, and it is not in the spool.
        """
        unreachable: JournalUnavailable | None = None
        try:
            found = await self._call(self._store.find, decision_id)
            if found is None and await self.flush():
                found = await self._call(self._store.find, decision_id)
            if found is not None:
                return found
        except JournalUnavailable as error:
            unreachable = error
        spooled = await self._call(self._spooled, decision_id)
        if spooled is None and unreachable is not None:
            raise unreachable
        return spooled

    def _spooled(self, decision_id: str) -> tuple[Record, list[Feedback]] | None:
        """A decision among the lines that wait, of this process and its neighbours."""
        sign = decision_id.encode("utf-8", "replace")
        found = decoded(_with(sign, self._spool.lines(everybody=True)))
        records = [record for record in found.records if record.decision_id == decision_id]
        given = [item for item in found.feedback if item.decision_id == decision_id]
        return (records[0], given) if records else None

    async def recent(self, limit: int) -> list[Record]:
        """The latest decisions that are stored, latest first.

        Raises:
            JournalUnavailable: the store cannot be asked.
        """
        return await self._call(self._store.recent, limit)

    async def totals(self, since_s: float) -> Totals:
        """Sums over all processes since the start of the hour that holds a moment.

        Raises:
            JournalUnavailable: the store cannot be asked.
        """
        return await self._call(self._store.totals, since_s)

    async def spent(self, windows: Mapping[str, float]) -> dict[tuple[str, str], float]:
        """USD by (key, window), key "" for all keys, over all processes.

        Args:
            windows: first second of the running "hour", "day" or "month" (UTC).

        Raises:
            JournalUnavailable: the store cannot be asked.
        """
        return await self._call(self._spent, windows)

    def _spent(self, windows: Mapping[str, float]) -> dict[tuple[str, str], float]:
        with self._writer.nothing_moving(_SETTLED_S):
            waiting = self._spool.tallied()
            spent = self._store.spent(windows)
        for (key, hour), usd in waiting.items():
            for window, since_s in windows.items():
                for name in {key, ""} if hour >= hour_start(since_s) else ():
                    spent[name, window] = spent.get((name, window), 0.0) + usd
        return spent

    async def flush(self) -> bool:
        """Wait until everything noted so far has been offered to the store; whether it took it."""
        return await asyncio.wrap_future(self._writer.flush())

    async def close(self) -> None:
        """Store what can be stored and end; the rest waits in the spool for the next start."""
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        self._threads.shutdown()
        self._store.close()
        self._spool.close()

    async def _call(
        self, function: Callable[_Given, _Got], *given: _Given.args, **named: _Given.kwargs
    ) -> _Got:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*given, **named))


def _with(sign: bytes, lines: Iterable[bytes]) -> Iterable[bytes]:
    return (line for line in lines if sign in line)

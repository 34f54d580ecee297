"""What a store of the journal promises; `sqlite_store.py` and `postgres_store.py` keep it.

A store is called from the journal's threads, never from an event loop. What cannot be reached now
raises `JournalUnavailable`; what can never be stored raises `Unstorable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from finerouter.errors import FinerouterError
from finerouter.gateway.conversation import Conversation
from finerouter.gateway.journal.entries import Batch, Totals
from finerouter.gateway.record import Feedback, Record


class Unstorable(FinerouterError):
    """A batch holds a row that the store will never take, such as a number beyond 64 bits."""


class Store(Protocol):
    """Decisions, feedback, conversations, and the sums over them."""

    def ingest(self, batch: Batch) -> None:
        """Store all of a batch in one transaction, with its sums; rows known already count once."""

    def feedback(self, feedback: Feedback) -> bool:
        """Store a feedback durably; False where its decision is not stored."""

    def find(self, decision_id: str) -> tuple[Record, list[Feedback]] | None:
        """A decision with its feedback, oldest first; None where it is not stored."""

    def recent(self, limit: int) -> list[Record]:
        """The latest decisions, latest first."""

    def records(self, since_s: float, *, judged: bool) -> Iterator[tuple[Record, list[Feedback]]]:
        """Decisions in the order of time; `judged`: only those with feedback."""

    def totals(self, since_s: float) -> Totals:
        """Sums since the start of the hour that holds a moment."""

    def spent(self, windows: Mapping[str, float]) -> dict[tuple[str, str], float]:
        """USD by (key or "" for all, window) since each window's start."""

    def conversation(self, prefixes: Sequence[str]) -> Conversation | None:
        """The entry of the first prefix that is known."""

    def prune(self, before_s: float | None, conversations_before_s: float, most: int) -> int:
        """Delete at most so many decisions older than a moment, and old conversations.

        Returns:
            How many decisions went.
        """

    def examine(self) -> None:
        """Look whether it could be used; nothing is made or changed.

        Raises:
            DataError: it is another program's, or of a newer version.
            ConfigError: its address is none.
            JournalUnavailable: it cannot be used now.
        """

    def close(self) -> None:
        """Let go of the store."""

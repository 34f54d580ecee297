"""What the journal hands around: sums, what waits to be stored, and what went wrong.

Values only. How records look stands in `gateway/record.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finerouter.gateway.conversation import Conversation
from finerouter.gateway.record import Feedback, Record


@dataclass(frozen=True)
class Percentiles:
    """Milliseconds until the answer ended, as read off a histogram: within a tenth."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Tally:
    """Sums over some requests.

    Attributes:
        requests: all of them; ok: those that were answered whole.
        cost_usd: of those whose cost is known; unpriced: how many are not among them.
        best_usd, baseline_usd: what the best model and the baseline would have cost, over the
            requests for which that and the cost are known.
        cost_beside_best_usd, cost_beside_baseline_usd: cost of these same requests; the saving is
            the difference.
        input_tokens, output_tokens, cached_input_tokens: where known.
        latency: None where nothing was answered, or where it is not kept (tasks and keys).
    """

    requests: int = 0
    ok: int = 0
    unpriced: int = 0
    cost_usd: float = 0.0
    best_usd: float = 0.0
    cost_beside_best_usd: float = 0.0
    baseline_usd: float = 0.0
    cost_beside_baseline_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    latency: Percentiles | None = None


@dataclass(frozen=True)
class Totals:
    """Sums since the start of an hour.

    Attributes:
        since_s: that hour (UTC), seconds since 1970.
        all: over everything.
        models, tasks, keys: by name; "" for requests without one.
        hours: by the hour's first second; hours without requests are left out.
    """

    since_s: float
    all: Tally
    models: dict[str, Tally]
    tasks: dict[str, Tally]
    keys: dict[str, Tally]
    hours: dict[int, Tally]


@dataclass(frozen=True)
class Batch:
    """What is stored in one transaction."""

    records: Sequence[Record] = ()
    feedback: Sequence[Feedback] = ()
    conversations: Sequence[Conversation] = ()

    def __len__(self) -> int:
        return len(self.records) + len(self.feedback) + len(self.conversations)

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of about half of it each."""
        middle = [len(part) // 2 for part in (self.records, self.feedback, self.conversations)]
        if not any(middle):  # at most one of each: the records alone, then the rest
            return Batch(self.records), Batch((), self.feedback, self.conversations)
        first = Batch(
            self.records[: middle[0]],
            self.feedback[: middle[1]],
            self.conversations[: middle[2]],
        )
        rest = Batch(
            self.records[middle[0] :],
            self.feedback[middle[1] :],
            self.conversations[middle[2] :],
        )
        return first, rest


@dataclass(frozen=True)
class Troubles:
    """What went wrong with the journal since the process began.

    Attributes:
        lost: rows that are in no store and no spool.
        failures: tries of the store or the spool that failed.
        last: what the latest of them said, "" for none.
        waiting: rows that are not in the store yet.
        standing: whether the latest try failed.
    """

    lost: int = 0
    failures: int = 0
    last: str = ""
    waiting: int = 0
    standing: bool = False

"""Records to the sums that stores keep: by hour, of spending, of latency.

Pure: stores add what this gives to what they have, in the transaction that stores the records.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from finerouter.gateway.journal.entries import Percentiles
from finerouter.gateway.journal.windows import hour_start, starts_of_hour
from finerouter.gateway.record import OK, Record

# Columns of an hour's sums, in the order of `Tally`'s fields.
SUMMED = (
    "requests",
    "ok",
    "unpriced",
    "cost_usd",
    "best_usd",
    "cost_beside_best_usd",
    "baseline_usd",
    "cost_beside_baseline_usd",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
)
ALL, MODEL, TASK, KEY = "all", "model", "task", "key"
# Four buckets a doubling: a percentile is wrong by less than a tenth.
_PER_DOUBLING = 4
BUCKETS = 23 * _PER_DOUBLING + 1  # the last one: more than two hours
_SHARES = (0.50, 0.95, 0.99)
Counts = NDArray[np.int64]


@dataclass
class Sums:
    """What some records add.

    Attributes:
        hours: by (hour, dimension, name), as many numbers as `SUMMED` has names.
        spend: USD by (window, its start, key); the key "" stands for all keys.
        latencies: answers by bucket, by (hour, dimension, name); of all and of models only.
    """

    hours: dict[tuple[int, str, str], list[float]] = field(default_factory=dict)
    spend: dict[tuple[str, int, str], float] = field(default_factory=dict)
    latencies: dict[tuple[int, str, str], list[int]] = field(default_factory=dict)


def sums_of(records: Iterable[Record]) -> Sums:
    """Sum some records up."""
    sums = Sums()
    for record in records:
        hour = hour_start(record.time_s)
        numbers = _numbers(record)
        for dimension, name in _dimensions(record):
            row = sums.hours.setdefault((hour, dimension, name), [0] * len(SUMMED))
            for at, number in enumerate(numbers):
                row[at] += number
        if record.latency_ms is not None and record.outcome == OK:
            for dimension, name in ((ALL, ""), (MODEL, record.model)):
                counts = sums.latencies.setdefault((hour, dimension, name), [0] * BUCKETS)
                counts[bucket(record.latency_ms)] += 1
        _add_spend(sums.spend, record)
    return sums


def _dimensions(record: Record) -> tuple[tuple[str, str], ...]:
    return (ALL, ""), (MODEL, record.model), (TASK, record.task or ""), (KEY, record.key)


def _numbers(record: Record) -> tuple[float, ...]:
    cost, tokens = record.cost_usd, record.tokens
    best = (0.0, 0.0) if cost is None or record.best_usd is None else (record.best_usd, cost)
    baseline = (
        (0.0, 0.0) if cost is None or record.baseline_usd is None else (record.baseline_usd, cost)
    )
    counted = (tokens.input, tokens.output, tokens.cached_input) if tokens else (0, 0, 0)
    return (
        1,
        int(record.outcome == OK),
        int(cost is None),
        cost or 0.0,
        *best,
        *baseline,
        *counted,
    )


def _add_spend(spend: dict[tuple[str, int, str], float], record: Record) -> None:
    if not record.cost_usd:
        return
    for window, start in starts_of_hour(hour_start(record.time_s)):
        for key in {record.key, ""}:
            at = window, start, key
            spend[at] = spend.get(at, 0.0) + record.cost_usd


def bucket(latency_ms: float) -> int:
    """The bucket of a latency; the lowest holds all below a millisecond."""
    if not latency_ms > 1:
        return 0
    return min(math.ceil(_PER_DOUBLING * math.log2(latency_ms)), BUCKETS - 1)


def percentiles(counts: Counts) -> list[Percentiles | None]:
    """Percentiles of histograms [histogram, bucket], each the geometric middle of its bucket."""
    reached = counts.cumsum(axis=1)
    total = reached[:, -1]
    at = [(reached >= share * total[:, None]).argmax(axis=1) for share in _SHARES]
    middles = 2.0 ** ((np.stack(at, axis=1) - 0.5) / _PER_DOUBLING)
    return [
        Percentiles(*row) if some else None
        for row, some in zip(middles.tolist(), total.tolist(), strict=True)
    ]

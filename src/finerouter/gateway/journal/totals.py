"""Rows of a store's sums to `Totals`. Pure; the same for every store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from finerouter.gateway.journal.entries import Percentiles, Tally, Totals
from finerouter.gateway.journal.sums import KEY, MODEL, SUMMED, TASK, percentiles

_COUNTS = frozenset(
    ("requests", "ok", "unpriced", "input_tokens", "output_tokens", "cached_input_tokens")
)


def totals_of(
    since: int,
    sums: Iterable[Sequence[Any]],
    hours: Iterable[Sequence[Any]],
    latencies: Iterable[Sequence[Any]],
) -> Totals:
    """Put a store's answers together.

    Args:
        since: the first hour.
        sums: dimension, name, and the numbers of `SUMMED`.
        hours: first second of an hour, and the numbers.
        latencies: hour, model, bucket and how many answers.
    """
    by_hour, by_model, overall = _histograms(latencies)
    named: dict[str, dict[str, Tally]] = {MODEL: {}, TASK: {}, KEY: {}}
    for dimension, name, *numbers in sums:
        counts = by_model.get(name, Counter()) if dimension == MODEL else Counter()
        named[dimension][name] = _tally(numbers, percentiles(counts))
    rows = [(int(hour), numbers) for hour, *numbers in hours]
    return Totals(
        since_s=since,
        all=_tally([sum(column) for column in zip(*(r for _, r in rows), strict=True)]
                   or [0] * len(SUMMED), percentiles(overall)),
        models=named[MODEL],
        tasks=named[TASK],
        keys=named[KEY],
        hours={hour: _tally(row, percentiles(by_hour.get(hour, {}))) for hour, row in rows},
    )  # fmt: skip


def _histograms(
    latencies: Iterable[Sequence[Any]],
) -> tuple[dict[int, Counter[int]], dict[str, Counter[int]], Mapping[int, int]]:
    by_hour: dict[int, Counter[int]] = {}
    by_model: dict[str, Counter[int]] = {}
    overall: Counter[int] = Counter()
    for hour, model, at, answers in latencies:
        by_hour.setdefault(hour, Counter())[at] += answers
        by_model.setdefault(model, Counter())[at] += answers
        overall[at] += answers
    return by_hour, by_model, overall


def _tally(numbers: Sequence[Any], latency: Percentiles | None) -> Tally:
    named = dict(zip(SUMMED, numbers, strict=True))
    kept = {name: int(n) if name in _COUNTS else float(n) for name, n in named.items()}
    return Tally(**kept, latency=latency)  # type: ignore[arg-type]

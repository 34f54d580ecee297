"""Rows of a store's sums to `Totals`. Pure; the same for every store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from finerouter.gateway.journal.entries import Percentiles, Tally, Totals
from finerouter.gateway.journal.sums import KEY, MODEL, SUMMED, TASK, Counts, percentiles

_COUNTS = frozenset(
    ("requests", "ok", "unpriced", "input_tokens", "output_tokens", "cached_input_tokens")
)


def totals_of(
    since: int,
    sums: Iterable[Sequence[Any]],
    hours: Sequence[Sequence[Any]],
    hour_latencies: Counts,
    models: Sequence[str],
    model_latencies: Counts,
) -> Totals:
    """Put a store's answers together.

    Args:
        since: the first hour.
        sums: dimension, name, and the numbers of `SUMMED`.
        hours: first second of an hour, and the numbers.
        hour_latencies: [hour, bucket], answers of these hours.
        models: names, several times each, of the rows of `model_latencies` [row, bucket].
    """
    of_model = _by_name(models, model_latencies)
    named: dict[str, dict[str, Tally]] = {MODEL: {}, TASK: {}, KEY: {}}
    for dimension, name, *numbers in sums:
        latency = of_model.get(name) if dimension == MODEL else None
        named[dimension][name] = _tally(numbers, latency)
    (overall,) = percentiles(hour_latencies.sum(axis=0, keepdims=True))
    rows = [(int(hour), numbers) for hour, *numbers in hours]
    whole = [sum(column) for column in zip(*(row for _, row in rows), strict=True)]
    return Totals(
        since_s=since,
        all=_tally(whole or [0] * len(SUMMED), overall),
        models=named[MODEL],
        tasks=named[TASK],
        keys=named[KEY],
        hours={
            hour: _tally(row, latency)
            for (hour, row), latency in zip(rows, percentiles(hour_latencies), strict=True)
        },
    )


def _by_name(names: Sequence[str], counts: Counts) -> dict[str, Percentiles | None]:
    if not names:
        return {}
    found, codes = np.unique(np.array(names), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    firsts = np.searchsorted(codes[order], np.arange(len(found)))
    summed = np.add.reduceat(counts[order], firsts, axis=0)
    return dict(zip(found.tolist(), percentiles(summed), strict=True))


def _tally(numbers: Sequence[Any], latency: Percentiles | None) -> Tally:
    named = dict(zip(SUMMED, numbers, strict=True))
    kept = {name: int(n) if name in _COUNTS else float(n) for name, n in named.items()}
    return Tally(**kept, latency=latency)  # type: ignore[arg-type]

"""What the dashboard shows, as JSON values.

Takes sums and records of the journal and the state of the endpoints; gives one object. Prompts are
in it only where the journal keeps them.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from finerouter.gateway.journal import Tally, Totals, Troubles
from finerouter.gateway.record import Record
from finerouter.gateway.setup import Setup

_SHOWN = 50


def figures(
    setup: Setup,
    totals: Totals,
    recent: Sequence[Record],
    endpoints: Sequence[Any],
    troubles: Troubles,
) -> dict[str, Any]:
    """Everything on the page.

    Args:
        setup: what is served with.
        totals: since the start of the shown time.
        recent: the newest records first.
        endpoints: their standing.
        troubles: of the journal.
    """
    expected = _expected_quality(recent)
    return {
        "time_s": time.time(),
        "always_best": setup.always_best,
        "baseline": setup.settings.baseline,
        "totals": _tally(totals.all),
        "by_hour": [{"hour_s": hour, **_tally(t)} for hour, t in sorted(totals.hours.items())],
        "by_model": [
            {"model": name, "quality": expected.get(name), **_tally(tally)}
            for name, tally in _largest(totals.models)
        ],
        "by_task": [{"task": name, **_tally(tally)} for name, tally in _largest(totals.tasks)],
        "by_key": [{"key": name, **_tally(tally)} for name, tally in _largest(totals.keys)],
        "recent": [_record(record) for record in recent[:_SHOWN]],
        "endpoints": [msgspec.to_builtins(item) for item in endpoints],
        "journal": {
            "message": _trouble(troubles),
            "lost": troubles.lost,
            "waiting": troubles.waiting,
        },
    }


def _tally(tally: Tally) -> dict[str, Any]:
    latency = tally.latency
    return {
        "requests": tally.requests,
        "errors": tally.requests - tally.ok,
        "cost_usd": tally.cost_usd,
        # Savings compare the same requests only: those whose every price is known.
        "best_usd": _beside(tally, tally.best_usd, tally.cost_beside_best_usd),
        "baseline_usd": _beside(tally, tally.baseline_usd, tally.cost_beside_baseline_usd),
        "unpriced": tally.unpriced,
        "input_tokens": tally.input_tokens,
        "output_tokens": tally.output_tokens,
        "latency_p50_ms": latency.p50_ms if latency else None,
        "latency_p95_ms": latency.p95_ms if latency else None,
    }


def _beside(tally: Tally, other_usd: float, cost_usd: float) -> float:
    """What another model would have cost, had it been asked all that was paid for."""
    return other_usd + (tally.cost_usd - cost_usd)


def _largest(tallies: dict[str, Tally]) -> list[tuple[str, Tally]]:
    return sorted(tallies.items(), key=lambda item: (-item[1].requests, item[0]))


def _expected_quality(records: Sequence[Record]) -> dict[str, float]:
    """Mean quality that was expected of each model where it was the first choice, lately."""
    found: dict[str, list[float]] = defaultdict(list)
    for record in records:
        for estimate in record.estimates:
            if estimate.model == record.first_choice:
                found[estimate.model].append(estimate.quality)
    return {name: sum(values) / len(values) for name, values in found.items()}


def _record(record: Record) -> dict[str, Any]:
    shown = msgspec.to_builtins(record)
    del shown["session"]
    return shown


def _trouble(troubles: Troubles) -> str:
    if not troubles.standing:
        return ""
    return f"{troubles.last}; {troubles.waiting} rows wait, {troubles.lost} are lost"

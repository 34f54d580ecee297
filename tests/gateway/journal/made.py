"""Records for tests of the journal."""

from __future__ import annotations

import time
from typing import Any

from finerouter.gateway.record import Attempt, Feedback, ModelEstimate, Record, Tokens

NOON_S = 1_788_004_800.0  # 2026-08-29 12:00 UTC


def record(number: int = 0, **fields: Any) -> Record:
    """A record that says something in every place; `fields` replace."""
    told: dict[str, Any] = {
        "decision_id": f"{number:032x}",
        "time_s": NOON_S + number,
        "api": "chat",
        "requested": "auto",
        "key": "team",
        "policy": "best",
        "task": "sums",
        "task_probability": 0.9,
        "first_choice": "small",
        "model": "small",
        "endpoint": "here",
        "estimates": tuple(
            ModelEstimate(model=name, quality=0.5, quality_std=0.1, cost_usd=1e-4)
            for name in ("small", "large")
        ),
        "attempts": (
            Attempt(model="small", endpoint="here", status=200, reason="", latency_ms=20.0),
        ),
        "tokens": Tokens(input=100, output=20, cached_input=10),
        "cost_usd": 0.25,
        "best_usd": 1.0,
        "baseline_usd": 0.5,
        "latency_ms": 100.0,
        "prompt_id": "0123456789abcdef",
        "prompt_bytes": 12,
    }
    return Record(**(told | fields))


def feedback(number: int = 0, score: float = 1.0, **fields: Any) -> Feedback:
    """A feedback to `record(number)`."""
    told: dict[str, Any] = {
        "decision_id": f"{number:032x}",
        "score": score,
        "time_s": NOON_S + 60,
    }
    return Feedback(**(told | fields))


def recent_record(number: int = 0, **fields: Any) -> Record:
    """A record of right now."""
    return record(number, **({"time_s": time.time()} | fields))

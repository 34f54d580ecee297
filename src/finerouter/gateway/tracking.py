"""What is known of one request so far; becomes its record when it ends.

The one mutable thing in the life of a request. Knows nothing of HTTP.
"""

from __future__ import annotations

import os
import time
from typing import Any

from msgspec import Struct, field

from finerouter.gateway.money.metering import cost_usd
from finerouter.gateway.observing.tracing import UNTRACED, Trace
from finerouter.gateway.planning import Plan
from finerouter.gateway.record import OK, Attempt, Record, Tokens
from finerouter.gateway.setup import Setup

# Of what clients and endpoints wrote: a record is for looking at, not for keeping bodies.
_MOST_NAME_CHARS, _MOST_ERROR_CHARS = 200, 1_000


def decision_id() -> str:
    """32 hexadecimal digits: microseconds since 1970, then chance."""
    return f"{time.time_ns() // 1_000:014x}{os.urandom(9).hex()}"


class Track(Struct):
    """Of one request; see `Record` for what the fields mean."""

    api: str
    decision_id: str = field(default_factory=decision_id)
    time_s: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)
    key: str = ""
    requested: str = ""
    streamed: bool = False
    plan: Plan | None = None
    model: str = ""
    endpoint: str = ""
    attempts: tuple[Attempt, ...] = ()
    status: int = 0
    outcome: str = OK
    error: str = ""
    tokens: Tokens | None = None
    first_byte_ms: float | None = None
    latency_ms: float | None = None
    trace: Trace = UNTRACED
    ended: bool = False
    planned: dict[str, Any] | None = None

    def elapsed_ms(self) -> float:
        """Milliseconds since the request came."""
        return (time.perf_counter() - self.started) * 1e3

    def attempted(self, attempt: Attempt) -> None:
        """Note a call of an endpoint; it may be billed although the client has gone."""
        self.attempts += (attempt,)
        self.trace.attempted(attempt)

    def failed(self, outcome: str, status: int, error: str) -> None:
        """Note that it did not end well; the first reason stands."""
        if self.outcome == OK:
            self.outcome, self.status, self.error = outcome, status, error[:_MOST_ERROR_CHARS]

    def cost_usd(self, setup: Setup) -> float | None:
        """What it cost so far, None where that is not known."""
        model = setup.models.get(self.model)
        return None if self.tokens is None or model is None else cost_usd(self.tokens, model)

    def describe(self, setup: Setup) -> dict[str, Any]:
        """What the record will say of the plan; known before the request has ended."""
        if self.planned is None:
            self.planned = _planned(self.plan, keep_prompt=setup.settings.journal.prompts)
        return self.planned

    def record(self, setup: Setup) -> Record:
        """The record of a request that has ended."""
        # Where a model was asked for by its name nothing was chosen, and nothing saved.
        chosen = self.tokens if self.plan and self.plan.choice else None
        return Record(
            decision_id=self.decision_id,
            time_s=self.time_s,
            api=self.api,
            requested=self.requested[:_MOST_NAME_CHARS],
            key=self.key,
            model=self.model,
            endpoint=self.endpoint,
            attempts=self.attempts,
            status=self.status,
            outcome=self.outcome,
            error=self.error,
            streamed=self.streamed,
            tokens=self.tokens,
            cost_usd=self.cost_usd(setup),
            best_usd=setup.elsewhere.best_usd(chosen),
            baseline_usd=setup.elsewhere.baseline_usd(chosen),
            first_byte_ms=self.first_byte_ms,
            latency_ms=self.latency_ms,
            **self.describe(setup),
        )


def _planned(plan: Plan | None, *, keep_prompt: bool) -> dict[str, Any]:
    """The fields that the plan fills."""
    if plan is None:
        return {}
    fields: dict[str, Any] = {
        "policy": plan.policy,
        "session": plan.session or None,
        "first_choice": plan.order[0],
        "sticky": plan.sticky,
        "tier_down": plan.tier_down,
        "prompt_id": plan.prompt_id,
        "prompt_bytes": len(plan.text.encode("utf-8", "surrogatepass")),
        "prompt": plan.text if keep_prompt and plan.text else None,
    }
    if plan.choice is not None:
        choice = plan.choice
        fields |= {
            "task": choice.task,
            "task_probability": choice.task_probability,
            "propensity": choice.propensity,
            "explored": choice.explored,
            "estimates": choice.estimates,
            "routing_ms": plan.routing_ms,
        }
    return fields

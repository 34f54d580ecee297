"""Records of requests, as the gateway makes them."""

from __future__ import annotations

from typing import Any

import msgspec

from finerouter.gateway.record import Attempt, Record, Tokens

ANSWERED = Record(
    decision_id="0" * 31 + "1",
    time_s=1_700_000_000.0,
    api="chat",
    requested="auto",
    key="team",
    policy="best",
    session="5e55",
    task="arithmetic",
    first_choice="small",
    model="small",
    endpoint="near",
    attempts=(Attempt(model="small", endpoint="near", status=200, reason="", latency_ms=30.0),),
    tokens=Tokens(input=100, output=50, cached_input=40, cache_write=10, reasoning=20),
    cost_usd=0.25,
    best_usd=1.0,
    baseline_usd=0.125,
    routing_ms=0.3,
    first_byte_ms=300.0,
    latency_ms=2_000.0,
    prompt="the secret prompt",
    prompt_bytes=17,
)


def answered(**changes: Any) -> Record:
    """A request that went well, but for the changes."""
    return msgspec.structs.replace(ANSWERED, **changes)

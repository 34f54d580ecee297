"""Why a model was chosen: as headers of an answer, and as the answer of /v1/route.

Takes plans; gives texts and JSON values. Calls nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from finerouter.gateway.choosing import Choice
from finerouter.gateway.planning import Plan
from finerouter.gateway.setup import Setup
from finerouter.policy import Decision, decide
from finerouter.prompt import text_bytes

_PREFIX = "x-finerouter-"


def explain_headers(
    decision_id: str, choice: Choice | None, model: str, cost_usd: float | None
) -> dict[str, str]:
    """Headers of an answer.

    Args:
        decision_id: of the request.
        choice: the decision, None where a model was asked for by name.
        model: that answers.
        cost_usd: what it cost; None for what it was expected to.
    """
    expected = choice.cost_usd if choice else None
    cost = cost_usd if cost_usd is not None else expected
    headers = {
        "model": model,
        "decision-id": decision_id,
        "task": (choice.task or "none") if choice else "",
        "cost-usd": "" if cost is None else f"{cost:.10g}",
    }
    return {_PREFIX + name: _plain(value) for name, value in headers.items() if value}


def explanation(plan: Plan, setup: Setup, hidden: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Which model and why, as JSON values, for a plan that was routed.

    Args:
        plan: that was made.
        setup: that it was made with.
        hidden: models that are not for the caller's eyes.
    """
    choice = plan.choice
    assert choice is not None
    ruled_out = frozenset(item.model for item in choice.estimates if item.filtered)
    rule = replace(plan.rule, deny=plan.rule.deny | ruled_out)
    decision = decide(choice.estimate, rule, setup.router.pool)
    return {
        "model": plan.order[0],
        "fallbacks": list(plan.order[1:]),
        "task": choice.task,
        "task_probability": choice.task_probability,
        "policy": plan.policy,
        "reason": _reason(plan, decision),
        "cost_usd": choice.cost_usd,
        "flips": [
            {
                "dial": flip.dial,
                "value": flip.value,
                "direction": "above" if flip.upward else "below",
                "model": flip.model,
            }
            for flip in decision.flips
        ],
        "propensity": choice.propensity,
        "candidates": [
            {
                "model": item.model,
                "quality": item.quality,
                "quality_std": item.quality_std,
                "cost_usd": item.cost_usd,
                "filtered": item.filtered,
            }
            for item in sorted(choice.estimates, key=lambda item: -item.quality)
            if item.model not in hidden
        ],
        "always_best": None if setup.always_best in hidden else setup.always_best,
        "routed_text_bytes": text_bytes(plan.text) if plan.text else 0,
        "routing_ms": plan.routing_ms,
    }


def _reason(plan: Plan, decision: Decision) -> str:
    """One sentence for people."""
    assert plan.choice is not None
    if plan.choice.explored:
        return "drawn by chance, so that the journal can teach what the router would not try"
    if plan.tier_down:
        return "the cheapest that fits, for a budget nears its end"
    if plan.sticky and decision.model != plan.order[0]:
        return "the conversation is on it, and no other model is better by enough to switch"
    return decision.reason


def _plain(text: str) -> str:
    """Text that a header can carry; other characters become question marks."""
    if text.isascii() and text.isprintable():
        return text
    return (
        "".join(char if char.isprintable() else " " for char in text)
        .encode("ascii", "replace")
        .decode("ascii")
    )

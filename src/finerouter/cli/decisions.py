"""Decisions as text and as JSON values."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from finerouter.cli.output import console, usd
from finerouter.policy import Decision, Flip
from finerouter.router import Explanation


def decision_json(decision: Decision) -> dict[str, Any]:
    """A decision as JSON values."""
    return {
        "model": decision.model,
        "task": decision.task,
        "task_probability": decision.task_probability,
        "quality": decision.quality,
        "quality_std": decision.quality_std,
        "cost_usd": decision.cost_usd,
        "within_budget": decision.within_budget,
        "reason": decision.reason,
        "filtered": dict(decision.filtered),
        "flips": [flip_json(flip) for flip in decision.flips],
    }


def flip_json(flip: Flip) -> dict[str, Any]:
    """A flip as JSON values."""
    return {
        "dial": flip.dial,
        "value": flip.value,
        "direction": "above" if flip.upward else "below",
        "model": flip.model,
    }


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """An explanation as JSON values."""
    return {
        **decision_json(explanation.decision),
        "none_probability": explanation.none_probability,
        "tasks": [
            {
                "task": evidence.task.name,
                "probability": evidence.probability,
                "size": evidence.task.size,
                "terms_in_prompt": evidence.terms_in_prompt,
                "exemplars": evidence.task.exemplars,
            }
            for evidence in explanation.tasks
        ],
        "candidates": [vars(candidate) for candidate in explanation.candidates],
    }


def print_decision(decision: Decision) -> None:
    """Print a decision for people."""
    out = console()
    out.print(decision.model, style="bold")
    out.print(
        f"  expected quality {decision.quality:.2f} (± {decision.quality_std:.2f}), "
        f"cost {usd(decision.cost_usd)} a call"
    )
    out.print(f"  why: {decision.reason}")
    for flip in decision.flips:
        side = "above" if flip.upward else "below"
        out.print(f"  {flip.model} instead {side} {flip.dial} {flip.value:.4g}")


def print_explanation(explanation: Explanation) -> None:
    """Print an explanation for people."""
    print_decision(explanation.decision)
    out = console()
    out.print()
    for evidence in explanation.tasks:
        out.print(
            f"task {evidence.task.name!r}: {evidence.probability:.0%}, {evidence.task.size} "
            "training prompts",
        )
        if evidence.terms_in_prompt:
            out.print(f"  its terms here: {', '.join(evidence.terms_in_prompt)}")
        for text in evidence.task.exemplars[:1]:
            out.print(f"  such as: {text[:110]}")
    out.print(f"none of the known tasks: {explanation.none_probability:.0%}")
    out.print()
    out.print(_candidate_table(explanation))


def _candidate_table(explanation: Explanation) -> Table:
    table = Table(box=None)
    for name, justify in (
        ("model", "left"),
        ("quality", "right"),
        ("90 %", "right"),
        ("USD a call", "right"),
        ("", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for candidate in explanation.candidates:
        notes = "chosen" if candidate.model == explanation.decision.model else ""
        notes = (
            candidate.filtered or notes or ("task candidate" if candidate.is_task_candidate else "")
        )
        table.add_row(
            candidate.model,
            f"{candidate.quality:.3f}",
            f"{candidate.quality_low:.2f} to {candidate.quality_high:.2f}",
            usd(candidate.cost_usd),
            notes,
        )
    return table

"""What `finerouter collect` tells of a run: where outcomes are, what they cost, what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from finerouter.cli.output import print_json, usd
from finerouter.collecting import Collected, Wanted
from finerouter.gaps import column_means

_ODD_ANSWERS = {
    "answers_cut": "were cut off by max_tokens, and graded as they are",
    "answers_filtered": "were stopped by a content filter, and graded as they are",
    "answers_without_usage": "came without token counts: cost unknown",
}


@dataclass(frozen=True)
class Places:
    """Where a run's dataset, calls and grades are."""

    out: Path
    journal: Path
    grades: Path


@dataclass(frozen=True)
class Asked:
    """The file that said what to ask alone, and what it says."""

    only: Path
    wanted: Wanted


def print_result(
    collected: Collected, places: Places, bad_rows: int, asked: Asked | None, *, as_json: bool
) -> None:
    """Print what a run gave, with so many bad rows left out; what went wrong to standard error."""
    summary = _summary(collected, places, bad_rows)
    if asked is not None:
        summary |= _of_wanted(collected, asked)
    if as_json:
        print_json(summary)
        return
    money = f"{usd(summary['spent_usd'])} spent, {usd(summary['spent_in_all_usd'])} in all runs"
    click.echo(
        f"{places.out}: {summary['scored']} of {summary['pairs']} outcomes, "
        f"{summary['calls']} calls, {summary['from_journal']} answers known before; {money}"
    )
    if "only" in summary:
        click.echo(f"{summary['only']}: {summary['wanted_scored']} of {summary['wanted']} outcomes")
    for model, score in summary["mean_score"].items():
        click.echo(f"  {model}: mean score {score:.3f}")
    for line in _warnings(collected, summary):
        click.echo(line, err=True)
    click.echo(f"{places.grades}: each answer with its score and why")
    if collected.outcomes is not None:
        click.echo(f"next: finerouter train {places.out} --out my-router")


def _summary(collected: Collected, places: Places, bad_rows: int) -> dict[str, Any]:
    spending, earlier = collected.spending, collected.earlier
    outcomes = collected.outcomes
    means = (
        [] if outcomes is None else zip(outcomes.models, column_means(outcomes.score), strict=True)
    )
    return {
        "out": str(places.out) if outcomes is not None else None,
        "journal": str(places.journal),
        "grades": str(places.grades),
        "prompts": len({prompt_id for prompt_id, _ in collected.cells}),
        "bad_rows": bad_rows,
        "pairs": len(collected.cells),
        "scored": collected.scored,
        "mean_score": {model: float(mean) for model, mean in means},
        "missing": collected.missing,
        "calls": collected.tally.calls,
        "from_journal": collected.tally.from_journal,
        "in_doubt": collected.tally.in_doubt,
        "spent_usd": spending.spent_usd - earlier.spent_usd,
        "spent_in_all_usd": spending.spent_usd,
        "perhaps_spent_in_all_usd": spending.perhaps_usd,
        "calls_of_unknown_cost_in_all": spending.unknown,
        "answers_cut": sum(kept.answer.cut for kept in collected.answers),
        "answers_filtered": sum(kept.answer.filtered for kept in collected.answers),
        "answers_without_usage": sum(kept.answer.usage is None for kept in collected.answers),
        "stopped": collected.tally.stopped,
        "stopped_models": collected.tally.stopped_models,
        "notes": list(collected.notes),
    }


def _of_wanted(collected: Collected, asked: Asked) -> dict[str, Any]:
    pairs = asked.wanted.pairs
    scored = sum(collected.cells[pair].reason == "" for pair in pairs)
    return {"only": str(asked.only), "wanted": len(pairs), "wanted_scored": scored}


def _warnings(collected: Collected, summary: dict[str, Any]) -> Iterator[str]:
    for model, reasons in collected.missing.items():
        for reason, count in reasons.items():
            yield f"{model}: {count} missing: {reason}"
    for model, reason in collected.tally.stopped_models.items():
        yield f"{model}: was asked no more: {reason}"
    if collected.tally.stopped:
        yield f"stopped: {collected.tally.stopped}; run the same again to go on"
    if summary["in_doubt"]:
        yield f"{summary['in_doubt']} calls were under way when a run was killed: --ask-again"
    if summary["perhaps_spent_in_all_usd"]:
        perhaps = usd(summary["perhaps_spent_in_all_usd"])
        yield f"perhaps spent, at most, on calls without an answer: {perhaps}"
    if summary["calls_of_unknown_cost_in_all"]:
        count = summary["calls_of_unknown_cost_in_all"]
        yield f"{count} calls were made without prices, and are in no sum and no budget"
    for name, what in _ODD_ANSWERS.items():
        if summary[name]:
            yield f"{summary[name]} answers {what}"
    yield from collected.notes

"""Compares collected outcomes with others; takes one or two folders, prints how far they agree.

    python -m recipes.starter.reproduce OUTCOMES [BEFORE]

BEFORE is an earlier collection that holds the same prompts; without it, what ships. No texts ship,
so only two collections are compared letter by letter, by their journals.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from finerouter import OutcomeTable
from finerouter.starter import starter_outcomes

_HEAD = (
    "| arm | same score | same input tokens | same output tokens | same text | mean now | "
    "mean before |\n|---|---:|---:|---:|---:|---:|---:|\n"
)
_ANSWERS = "SELECT key, model, text FROM calls WHERE state = 'answered' ORDER BY call DESC"


def main(argv: Sequence[str] | None = None) -> None:
    """Print a table with a line for each arm."""
    parser = argparse.ArgumentParser(description="Compare outcomes of the starter dataset.")
    parser.add_argument("outcomes", type=Path)
    parser.add_argument("before", type=Path, nargs="?")
    args = parser.parse_args(argv)
    fresh = OutcomeTable.read(args.outcomes)
    before = OutcomeTable.read(args.before) if args.before else starter_outcomes()
    texts = same_texts(args.outcomes, args.before) if args.before else {}
    sys.stdout.write(_HEAD + "".join(_lines(fresh, matching(fresh, before), texts)))


def matching(fresh: OutcomeTable, before: OutcomeTable) -> OutcomeTable:
    """The earlier outcomes of the same prompts and models."""
    at = {prompt_id: row for row, prompt_id in enumerate(before.prompt_ids)}
    same = before.rows([at[prompt_id] for prompt_id in fresh.prompt_ids])
    return same.select_models(fresh.models)


def same_texts(fresh: Path, before: Path) -> dict[str, int]:
    """How many questions of each model the two collections' journals answer letter by letter."""
    new, old = _answers(fresh), _answers(before)
    same: dict[str, int] = {}
    for question in new.keys() & old.keys():
        model = question[1]
        same[model] = same.get(model, 0) + (new[question] == old[question])
    return same


def _answers(outcomes: Path) -> dict[tuple[str, str], str]:
    path = outcomes.with_name(f"{outcomes.name}.journal.sqlite")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        # The newest first, so that the first answer to a question is the one that stays.
        return {(key, model): text for key, model, text in journal.execute(_ANSWERS)}


def _lines(fresh: OutcomeTable, before: OutcomeTable, texts: dict[str, int]) -> Iterator[str]:
    for at, model in enumerate(fresh.models):
        yield _line(model, fresh, before, at, texts.get(model))
    yield _line("all", fresh, before, slice(None), sum(texts.values()) if texts else None)


def _line(
    name: str, fresh: OutcomeTable, before: OutcomeTable, at: int | slice, texts: int | None
) -> str:
    new, old = fresh.score[:, at], before.score[:, at]
    there = np.isfinite(new)
    same = np.isclose(new, old, atol=1e-6)[there]
    asked = (fresh.input_tokens[:, at] == before.input_tokens[:, at])[there]
    tokens = (fresh.output_tokens[:, at] == before.output_tokens[:, at])[there]
    return (
        f"| {name} | {same.sum()} of {same.size} | {asked.sum()} | {tokens.sum()} | "
        f"{'-' if texts is None else texts} | {new[there].mean():.3f} | {old[there].mean():.3f} |\n"
    )


if __name__ == "__main__":
    main()

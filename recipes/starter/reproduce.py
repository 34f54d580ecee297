"""Compares collected outcomes with those that ship; takes a folder, prints how far they agree.

    python -m recipes.starter.reproduce OUTCOMES

The folder may hold any part of the prompts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finerouter import OutcomeTable
from finerouter.starter import starter_outcomes


def main(argv: Sequence[str] | None = None) -> None:
    """Print a line for each arm."""
    parser = argparse.ArgumentParser(description="Compare outcomes with the starter dataset.")
    parser.add_argument("outcomes", type=Path)
    fresh = OutcomeTable.read(parser.parse_args(argv).outcomes)
    shipped = matching(fresh, starter_outcomes())
    for at, model in enumerate(fresh.models):
        sys.stdout.write(_line(model, fresh, shipped, at))
    sys.stdout.write(_line("all", fresh, shipped, slice(None)))


def matching(fresh: OutcomeTable, shipped: OutcomeTable) -> OutcomeTable:
    """The shipped outcomes of the same prompts and models."""
    at = {prompt_id: row for row, prompt_id in enumerate(shipped.prompt_ids)}
    same = shipped.rows([at[prompt_id] for prompt_id in fresh.prompt_ids])
    return same.select_models(fresh.models)


def _line(name: str, fresh: OutcomeTable, shipped: OutcomeTable, at: int | slice) -> str:
    new, old = fresh.score[:, at], shipped.score[:, at]
    there = np.isfinite(new)
    same = np.isclose(new, old, atol=1e-6)[there]
    tokens = (fresh.output_tokens[:, at] == shipped.output_tokens[:, at])[there]
    asked = (fresh.input_tokens[:, at] == shipped.input_tokens[:, at])[there]
    return (
        f"{name}: {same.sum()} of {same.size} scores the same, mean {new[there].mean():.4f} "
        f"(shipped {old[there].mean():.4f}); the same number of input tokens in {asked.sum()}, "
        f"of output tokens in {tokens.sum()}\n"
    )


if __name__ == "__main__":
    main()

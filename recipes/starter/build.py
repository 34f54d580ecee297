"""Turns collected outcomes into the starter dataset: takes a folder, writes the package's files.

    python -m recipes.starter.build OUTCOMES [--collected DATE]

Refuses to write unless every arm has answered every prompt.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finerouter import OutcomeTable
from recipes.starter.arms import ARMS, CONTEXT, Arm
from recipes.starter.families import Item, generate
from recipes.starter.provenance import Scores, provenance
from recipes.starter.weights import WEIGHTS

TARGET = Path(__file__).parents[2] / "src" / "finerouter" / "starter"

_PROMPTS = pa.schema(
    [(name, pa.string()) for name in ("prompt_id", "benchmark", "category", "prompt")]
)
_OUTCOMES = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("model", pa.string()),
        ("score", pa.float32()),
        ("input_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("cost_usd", pa.float64()),
    ]
)


def main(argv: Sequence[str] | None = None) -> None:
    """Writes the four files."""
    parser = argparse.ArgumentParser(description="Write the starter dataset.")
    parser.add_argument("outcomes", type=Path)
    parser.add_argument("--collected", default=date.today().isoformat(), metavar="DATE")
    args = parser.parse_args(argv)
    items = generate()
    rows = _rows(items, OutcomeTable.read(args.outcomes))
    TARGET.mkdir(parents=True, exist_ok=True)
    _write(_prompt_rows(items), _PROMPTS, "prompts.parquet")
    _write(rows, _OUTCOMES, "outcomes.parquet")
    (TARGET / "pool.toml").write_text(_pool())
    scores = Scores.of(items, rows)
    (TARGET / "PROVENANCE.md").write_text(provenance(scores, args.collected))


def _rows(items: list[Item], outcomes: OutcomeTable) -> list[dict[str, object]]:
    at = {prompt_id: row for row, prompt_id in enumerate(outcomes.prompt_ids)}
    missing = len(items) * len(ARMS) - int(np.isfinite(outcomes.score).sum())
    if missing or set(at) != {item.prompt_id for item in items}:
        raise ValueError(f"{missing} outcomes are missing: run finerouter collect again")
    return [_row(item, arm, outcomes, at[item.prompt_id]) for item in items for arm in ARMS]


def _row(item: Item, arm: Arm, outcomes: OutcomeTable, row: int) -> dict[str, object]:
    column = outcomes.models.index(arm.name)
    return {
        "prompt_id": item.prompt_id,
        "model": arm.name,
        "score": outcomes.score[row, column],
        "input_tokens": int(outcomes.input_tokens[row, column]),
        "output_tokens": int(outcomes.output_tokens[row, column]),
        "cost_usd": outcomes.cost_usd[row, column],
    }


def _prompt_rows(items: list[Item]) -> list[dict[str, object]]:
    return [
        {
            "prompt_id": item.prompt_id,
            "benchmark": item.family,
            "category": item.category,
            "prompt": item.prompt,
        }
        for item in items
    ]


def _write(rows: list[dict[str, object]], schema: pa.Schema, name: str) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema), TARGET / name, compression="zstd")


def _pool() -> str:
    head = "# The models of the starter dataset. The prices are illustrative: nobody sells these.\n"
    return head + "".join(f"\n[[models]]\n{_model(arm)}" for arm in ARMS)


def _model(arm: Arm) -> str:
    price = WEIGHTS[arm.weights]
    return (
        f'model = "{arm.name}"\n'
        'provider = "local"\n'
        f"input_usd_per_mtok = {price.input_usd_per_mtok}\n"
        f"output_usd_per_mtok = {price.output_usd_per_mtok}\n"
        f"context_window = {CONTEXT}\n"
        f'note = "illustrative price; {arm.note}"\n'
    )


if __name__ == "__main__":
    main()

"""Turns the journal into the starter dataset: takes graded answers, writes the package's files.

    python -m recipes.starter.build [--collected DATE]

Refuses to write unless every arm has answered every prompt.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recipes.starter.arms import ARMS, CONTEXT, Arm
from recipes.starter.families import Item, generate
from recipes.starter.graders import grade
from recipes.starter.journal import FOLDER, Answer, Journal
from recipes.starter.prices import PRICES
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
    """Grades the journal and writes the four files."""
    parser = argparse.ArgumentParser(description="Write the starter dataset.")
    parser.add_argument("--collected", default=date.today().isoformat(), metavar="DATE")
    args = parser.parse_args(argv)
    items = generate()
    rows = _rows(items, _answers())
    TARGET.mkdir(parents=True, exist_ok=True)
    _write(_prompt_rows(items), _PROMPTS, "prompts.parquet")
    _write(rows, _OUTCOMES, "outcomes.parquet")
    (TARGET / "pool.toml").write_text(_pool())
    scores = Scores.of(items, rows)
    (TARGET / "PROVENANCE.md").write_text(provenance(scores, args.collected))


def _answers() -> dict[tuple[str, str], Answer]:
    """The first answer of each (prompt, arm): a resumed run may have asked one twice."""
    found: dict[tuple[str, str], Answer] = {}
    for weights in WEIGHTS:
        for answer in Journal(FOLDER / f"{weights}.jsonl").read():
            found.setdefault((answer.prompt_id, answer.model), answer)
    return found


def _rows(items: list[Item], answers: dict[tuple[str, str], Answer]) -> list[dict[str, object]]:
    pairs = [(item, arm) for item in items for arm in ARMS]
    missing = sum((item.prompt_id, arm.name) not in answers for item, arm in pairs)
    if missing:
        raise ValueError(f"the journal lacks {missing} answers: run recipes.starter.collect again")
    return [_row(item, arm, answers[item.prompt_id, arm.name]) for item, arm in pairs]


def _row(item: Item, arm: Arm, answer: Answer) -> dict[str, object]:
    return {
        "prompt_id": item.prompt_id,
        "model": arm.name,
        "score": grade(item, answer.text),
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cost_usd": PRICES[arm.weights].cost_usd(answer.input_tokens, answer.output_tokens),
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
    price = PRICES[arm.weights]
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

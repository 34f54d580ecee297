"""finerouter cells: which outcomes to collect next."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from finerouter.cli.bad_rows import bad_rows_option, say_left_out
from finerouter.cli.jsonl import read_lines, write_lines
from finerouter.cli.output import print_json, usd
from finerouter.collecting import read_prompts
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.reading import dataset_prompts
from finerouter.selection import Cell, CellChooser, table_of


@click.command(
    "cells",
    epilog="Example: finerouter cells prompts.jsonl --pool pool.toml --outcomes so_far.csv "
    "--count 500 --out next.jsonl",
)
@click.argument("prompts", type=click.Path(path_type=Path))
@click.option("--pool", required=True, type=click.Path(path_type=Path), help="The models to ask.")
@click.option("--outcomes", type=click.Path(path_type=Path), help="Outcomes so far; none at first.")
@click.option(
    "--tried",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file that --out wrote before: its cells are not chosen again, answered or not.",
)
@click.option("--count", type=click.IntRange(min=1), default=500, show_default=True)
@click.option("--budget-usd", type=click.FloatRange(min=0, min_open=True), help="Expected cost.")
@click.option("--per-usd", is_flag=True, help="Rank by expected gain per USD, not per call.")
@click.option("--out", type=click.Path(path_type=Path), help="JSONL to write: prompt_id, model.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@bad_rows_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    prompts: Path,
    pool: Path,
    outcomes: Path | None,
    tried: tuple[Path, ...],
    count: int,
    budget_usd: float | None,
    per_usd: bool,
    out: Path | None,
    seed: int,
    bad_rows: float,
    as_json: bool,
) -> None:
    """Choose the next prompts and models to ask, by what their outcomes add to a router.

    PROMPTS is a table with a column prompt (JSONL, CSV, Parquet) or a routing-dataset folder. Ask
    what it chose with finerouter collect --only, then call it again with the outcomes so far, the
    same prompts and the same seed.
    """
    entries = ModelPool.read(pool)
    so_far = OutcomeTable.read(outcomes) if outcomes else None
    table = table_of(_texts(prompts, bad_rows), entries, so_far)
    chooser = CellChooser.of(table.prompts, seed=seed)
    cells = chooser.choose(
        table, count=count, per_usd=per_usd, budget_usd=budget_usd, tried=_tried(table, tried)
    )
    if out is not None:
        write_lines(out, [asdict(cell) for cell in cells])
        _say(cells, out)
        click.echo(
            f"next: finerouter collect {prompts} --only {out} --pool {pool} --grader GRADER "
            "--out OUTCOMES",
            err=True,
        )
    if as_json:
        print_json([asdict(cell) for cell in cells])
    elif out is None:
        for cell in cells:
            click.echo(f"{cell.prompt_id}\t{cell.model}")


def _texts(path: Path, bad_rows: float) -> dict[str, str]:
    """Text by prompt id; rows of a file are read, and left out, as `finerouter collect` does."""
    if path.is_dir():
        return dataset_prompts(path)
    found = read_prompts(path, most_bad=bad_rows, long_table=True)
    say_left_out(path, found.bad_rows)
    return {prompt.prompt_id: prompt.text for prompt in found.prompts}


def _tried(table: OutcomeTable, files: tuple[Path, ...]) -> NDArray[np.bool_]:
    found = np.zeros(table.score.shape, dtype=bool)
    row = {name: at for at, name in enumerate(table.prompt_ids)}
    column = {name: at for at, name in enumerate(table.models)}
    for path in files:
        for record in read_lines(path, ("prompt_id", "model")):
            if record["prompt_id"] in row and record["model"] in column:
                found[row[record["prompt_id"]], column[record["model"]]] = True
    return found


def _say(cells: list[Cell], out: Path) -> None:
    asked = Counter(cell.model for cell in cells)
    listed = ", ".join(f"{name} {number}" for name, number in asked.most_common())
    cost = float(np.sum([cell.cost_usd for cell in cells]))
    click.echo(f"{out}: {len(cells)} cells, expected {usd(cost)} ({listed or 'none'})", err=True)

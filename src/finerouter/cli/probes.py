"""finerouter probes: what to ask a new model before it joins a router."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
from rich.table import Table

from finerouter.cli.jsonl import write_lines
from finerouter.cli.output import console, print_json
from finerouter.outcomes import OutcomeTable
from finerouter.router import Router
from finerouter.selection import Probe, choose_probes

_SHOWN = 70


@click.command(
    "probes",
    epilog="Example: finerouter probes my-router outcomes.csv --count 50 --out probes.jsonl",
)
@click.argument("router", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(min=1), default=50, show_default=True)
@click.option(
    "--model", help="The new model's name: written into each row, so that it alone is asked."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="JSONL to write for collect --only: prompt_id, prompt, and the model.",
)
@click.option(
    "--asked",
    type=click.Path(path_type=Path),
    help="Outcomes of probes asked already; of the new model's alone, where it is named.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--allow-remote", is_flag=True, help="Let the router use its embeddings endpoint.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    router: Path,
    data: Path,
    count: int,
    model: str | None,
    out: Path | None,
    asked: Path | None,
    seed: int,
    allow_remote: bool,
    as_json: bool,
) -> None:
    """Choose the prompts of DATA that tell most about a model that is to join ROUTER.

    DATA holds outcomes of the router's models; where they differ, a newcomer's answer tells most.
    The most telling come first. Ask the new model with finerouter collect --only, which takes what
    graders need from the prompts file; then: finerouter join
    """
    loaded = Router.load(router, allow_remote=allow_remote)
    before = _answered(OutcomeTable.read(asked), model) if asked else None
    probes = choose_probes(loaded, OutcomeTable.read(data), count=count, asked=before, seed=seed)
    if out is not None:
        named = {"model": model} if model else {}
        rows = [{"prompt_id": it.prompt_id, "prompt": it.prompt} | named for it in probes]
        write_lines(out, rows)
    if as_json:
        print_json([asdict(probe) for probe in probes])
    elif out is None:
        _print(probes)
    if out is not None:
        click.echo(
            f"{out}: {len(probes)} probes\n"
            f"next: finerouter collect PROMPTS --only {out} --pool POOL --grader GRADER "
            "--out PROBED\n"
            f"then: finerouter join {router} {model or 'MODEL'} --outcomes PROBED --known {data} "
            "--out ROUTER",
            err=True,
        )


def _answered(asked: OutcomeTable, model: str | None) -> OutcomeTable:
    """The prompts that the newcomer has answered; all where nobody said which model it is."""
    if model is None:
        return asked
    there = model in asked.models
    own = asked.score[:, asked.models.index(model)] if there else np.full(len(asked), np.nan)
    return asked.rows(np.flatnonzero(~np.isnan(own)))


def _print(probes: list[Probe]) -> None:
    table = Table(box=None)
    for name in ("", "± points", "task", "prompt"):
        table.add_column(name, justify="right" if name in ("", "± points") else "left")
    for number, probe in enumerate(probes, 1):
        text = " ".join(probe.prompt.split())
        shown = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
        table.add_row(str(number), f"{100 * probe.quality_std:.1f}", probe.task or "-", shown)
    console().print(table)

"""finerouter report: an evaluation as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from finerouter.atomic import check_replaceable
from finerouter.cli.judging import judge, judging_parameters, say_what_was_left_out
from finerouter.cli.output import print_json
from finerouter.errors import OutputError
from finerouter.evaluation import write_csv, write_predictions, write_report
from finerouter.evaluation.export import MARKER
from finerouter.evaluation.report import PROMPTS_PER_MONTH, read_evaluation, without_prompts


@click.command(
    "report", epilog="Example: finerouter report my-router outcomes.csv --out report.html"
)
@judging_parameters
@click.option("--out", type=click.Path(path_type=Path), default="report.html", show_default=True)
@click.option(
    "--volume",
    type=click.IntRange(min=1),
    default=PROMPTS_PER_MONTH,
    show_default=True,
    help="Prompts a month, for amounts of money.",
)
@click.option("--no-prompts", is_flag=True, help="Leave out every text taken from a prompt.")
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    help="Say what changed since: an earlier page, or JSON of evaluate.",
)
@click.option("--csv", "csv_folder", type=click.Path(path_type=Path), help="Folder of tables.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    help="File of the decisions in RouterArena's format.",
)
@click.option("--balanced", is_flag=True, help="--predictions at the balanced cost weight.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON too.")
def command(
    out: Path,
    volume: int,
    no_prompts: bool,
    previous: Path | None,
    csv_folder: Path | None,
    predictions: Path | None,
    balanced: bool,
    as_json: bool,
    **judging: Any,
) -> None:
    """Judge ROUTER as `evaluate` does, and write a page about it.

    The page needs no network and no script; it can be sent by mail and opened from disk. It holds
    excerpts of prompts unless --no-prompts is given. docs/report.md says how to read it.
    """
    _check(out, predictions, csv_folder, balanced=balanced, no_prompts=no_prompts)
    earlier = None if previous is None else read_evaluation(previous)
    result, outcomes = judge(**judging)
    if no_prompts:
        result = without_prompts(result)
    write_report(result, out, volume=volume, prompts=not no_prompts, previous=earlier)
    if csv_folder is not None:
        write_csv(result, csv_folder)
    if predictions is not None:
        write_predictions(result, outcomes, predictions, balanced=balanced)
    if as_json:
        print_json(result.to_json())
        return
    say_what_was_left_out(result)
    click.echo(f"{out}: {result.data.prompts} held-out prompts, {len(result.models)} models")


def _check(
    out: Path,
    predictions: Path | None,
    csv_folder: Path | None,
    *,
    balanced: bool,
    no_prompts: bool,
) -> None:
    """Refuse, before long work, what could not be done at its end."""
    if balanced and predictions is None:
        raise click.UsageError("--balanced is for --predictions FILE; give that too")
    if no_prompts and predictions is not None:
        raise click.UsageError("--predictions holds every prompt; leave it or --no-prompts out")
    if csv_folder is not None:
        check_replaceable(csv_folder, MARKER)
    for path, example in ((out, "report.html"), (predictions, "predictions.json")):
        if path is not None and path.is_dir():
            raise OutputError(f"{path}: is a folder; name a file, such as {path / example}")

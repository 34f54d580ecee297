"""finerouter evaluate: how good is a router on outcomes it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from finerouter.atomic import check_replaceable
from finerouter.cli.figures import SECTIONS, print_evaluation
from finerouter.cli.judging import judge, judging_parameters, say_what_was_left_out
from finerouter.cli.output import print_json
from finerouter.evaluation import write_csv, write_predictions
from finerouter.evaluation.export import MARKER


@click.command("evaluate", epilog="Example: finerouter evaluate my-router outcomes.csv --all")
@judging_parameters
@click.option("--all", "everything", is_flag=True, help="Print every section.")
@click.option("--section", type=click.Choice(list(SECTIONS)), multiple=True, help="Print one more.")
@click.option("--csv", "csv_folder", type=click.Path(path_type=Path), help="Folder of tables.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    help="File of the decisions in RouterArena's format.",
)
@click.option("--balanced", is_flag=True, help="--predictions at the balanced cost weight.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    everything: bool,
    section: Sequence[str],
    csv_folder: Path | None,
    predictions: Path | None,
    balanced: bool,
    as_json: bool,
    **judging: Any,
) -> None:
    """Judge ROUTER on the prompts of DATA that it was not trained on.

    Compares with the best single model, the cheapest, a random one, the best of each benchmark and
    the oracle, with paired 95 % bootstrap intervals. docs/evaluation.md explains every figure.
    """
    if balanced and predictions is None:
        raise click.UsageError("--balanced is for --predictions FILE; give that too")
    if csv_folder is not None:
        check_replaceable(csv_folder, MARKER)
    result, outcomes = judge(**judging)
    if csv_folder is not None:
        write_csv(result, csv_folder)
    if predictions is not None:
        write_predictions(result, outcomes, predictions, balanced=balanced)
    if as_json:
        print_json(result.to_json())
        return
    say_what_was_left_out(result)
    print_evaluation(result, list(SECTIONS) if everything else section)
    if not everything:
        click.echo("more: --all, --section NAME, --json, --csv FOLDER; finerouter report", err=True)

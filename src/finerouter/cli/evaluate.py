"""finerouter evaluate: how good is a router on outcomes it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from finerouter.atomic import check_replaceable
from finerouter.cli.figures import SECTIONS, print_evaluation
from finerouter.cli.output import print_json
from finerouter.cli.progress import progress_bar
from finerouter.evaluation import EvaluationResult, evaluate, write_csv, write_predictions
from finerouter.evaluation.export import MARKER
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.router import Router


@click.command("evaluate", epilog="Example: finerouter evaluate my-router outcomes.csv --all")
@click.argument("router", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--pool", type=click.Path(path_type=Path), help="Prices to judge by.")
@click.option("--resamples", type=click.IntRange(min=100), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--force", is_flag=True, help="Judge on training prompts too; says so.")
@click.option("--allow-remote", is_flag=True, help="Let the router use its embeddings endpoint.")
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
    router: Path,
    data: Path,
    pool: Path | None,
    resamples: int,
    seed: int,
    force: bool,
    allow_remote: bool,
    everything: bool,
    section: Sequence[str],
    csv_folder: Path | None,
    predictions: Path | None,
    balanced: bool,
    as_json: bool,
) -> None:
    """Judge ROUTER on the prompts of DATA that it was not trained on.

    Compares with the best single model, the cheapest, a random one, the best of each benchmark and
    the oracle, with paired 95 % bootstrap intervals. docs/evaluation.md explains every figure.
    """
    if balanced and predictions is None:
        raise click.UsageError("--balanced is for --predictions FILE; give that too")
    if csv_folder is not None:
        check_replaceable(csv_folder, MARKER)
    loaded = Router.load(router, allow_remote=allow_remote)
    outcomes = OutcomeTable.read(data, pool=ModelPool.read(pool) if pool else None)
    with progress_bar() as progress:
        result = evaluate(
            loaded, outcomes, force=force, resamples=resamples, seed=seed, progress=progress
        )
    if csv_folder is not None:
        write_csv(result, csv_folder)
    if predictions is not None:
        write_predictions(result, outcomes, predictions, balanced=balanced)
    if as_json:
        print_json(result.to_json())
        return
    _say_what_was_left_out(result)
    print_evaluation(result, list(SECTIONS) if everything else section)
    if not everything:
        click.echo("more: --all, --section NAME, --json, --csv FOLDER", err=True)


def _say_what_was_left_out(result: EvaluationResult) -> None:
    data = result.data
    if data.seen:
        click.echo("warning: judged on training prompts; the figures flatter", err=True)
    if data.left_out or data.left_out_near:
        near = f" and {data.left_out_near} that nearly repeat one" if data.left_out_near else ""
        click.echo(
            f"left out {data.left_out} prompts that the router was trained on{near}", err=True
        )

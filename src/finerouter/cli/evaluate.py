"""finerouter evaluate: how good is a router on outcomes it has not seen."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from finerouter.cli.figures import print_evaluation
from finerouter.cli.output import print_json
from finerouter.errors import DataError
from finerouter.evaluation import evaluate
from finerouter.outcomes import OutcomeTable
from finerouter.router import Router


@click.command("evaluate", epilog="Example: finerouter evaluate my-router outcomes.csv --json")
@click.argument("router", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--resamples", type=click.IntRange(min=100), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--force", is_flag=True, help="Judge on training prompts too; says so.")
@click.option("--allow-remote", is_flag=True, help="Let the router use its embeddings endpoint.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    router: Path,
    data: Path,
    resamples: int,
    seed: int,
    force: bool,
    allow_remote: bool,
    as_json: bool,
) -> None:
    """Judge ROUTER on the prompts of DATA that it was not trained on.

    Compares with the best single model, the cheapest, a random one and the oracle, with paired
    95 % bootstrap intervals.
    """
    loaded = Router.load(router, allow_remote=allow_remote)
    outcomes = OutcomeTable.read(data)
    seen = loaded.was_trained_on(outcomes.prompts)
    held_out = outcomes if force else outcomes.rows(np.flatnonzero(~seen))
    if not len(held_out):
        raise DataError(
            f"{data}: the router was trained on all of its prompts; train with --holdout 0.2, "
            "give other outcomes, or use --force to judge on training prompts"
        )
    training = outcomes.rows(np.flatnonzero(seen)) if seen.any() and not force else None
    result = evaluate(loaded, held_out, training=training, resamples=resamples, seed=seed)
    trained_on = int(seen.sum())
    if as_json:
        forced = {"judged_on_training_prompts": bool(force and trained_on)}
        print_json(
            {**forced, "training_prompts_left_out": 0 if force else trained_on, **result.to_json()}
        )
        return
    if trained_on:
        click.echo(
            f"warning: {trained_on} of these prompts were trained on; the figures flatter"
            if force
            else f"left out {trained_on} prompts that the router was trained on",
            err=True,
        )
    print_evaluation(result)

"""finerouter crossval: train on a part of the data, judge on the rest, split after split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from finerouter.cli.encoder_option import EncoderChoice, encoder_options
from finerouter.cli.figures import print_cross_validation
from finerouter.cli.output import print_json
from finerouter.cli.progress import progress_bar
from finerouter.config import read_training_config
from finerouter.evaluation import (
    Split,
    benchmark_splits,
    cross_validate,
    random_splits,
    time_splits,
)
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.training import TrainingConfig


@click.command(
    "crossval",
    epilog="Example: finerouter crossval outcomes.csv --pool pool.toml --split benchmark",
)
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(["random", "benchmark", "time"]),
    default="random",
    show_default=True,
    help="Random folds; each benchmark left out in turn; earlier prompts for later ones.",
)
@click.option(
    "--folds",
    type=click.IntRange(2, 50),
    default=5,
    show_default=True,
    help="Of random and time splits.",
)
@click.option("--pool", type=click.Path(path_type=Path), help="Prices: pool.toml or models.json.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML of training settings.")
@click.option("--resamples", type=click.IntRange(min=100), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@encoder_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    data: Path,
    split: str,
    folds: int,
    pool: Path | None,
    config: Path | None,
    resamples: int,
    seed: int,
    encoder: EncoderChoice,
    as_json: bool,
) -> None:
    """Train on splits of DATA and judge each router on the prompts that were held out.

    Says how routing would do on prompts like these (random), on work never seen before
    (benchmark), and on what comes next (time). Nothing is saved.
    """
    settings = replace(read_training_config(config) if config else TrainingConfig(), seed=seed)
    outcomes = OutcomeTable.read(data, pool=ModelPool.read(pool) if pool else None)
    splits = _splits(outcomes, split, folds, seed)
    built = encoder.build()
    with progress_bar() as progress:
        result = cross_validate(
            outcomes,
            splits,
            kind=split,
            config=settings,
            encoder=built,
            resamples=resamples,
            seed=seed,
            progress=progress,
        )
    if as_json:
        print_json(result.to_json())
    else:
        print_cross_validation(result)


def _splits(outcomes: OutcomeTable, kind: str, folds: int, seed: int) -> tuple[Split, ...]:
    if kind == "benchmark":
        return benchmark_splits(outcomes)
    if kind == "time":
        return time_splits(outcomes, folds=folds)
    return random_splits(outcomes, folds=folds, seed=seed)

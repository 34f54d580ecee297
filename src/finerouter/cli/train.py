"""finerouter train: outcomes in, a router out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from finerouter.artifact import check_output
from finerouter.cli.encoder_option import EncoderChoice, encoder_options
from finerouter.cli.llm_options import LlmOptions, llm_options
from finerouter.cli.output import print_json
from finerouter.cli.progress import progress_bar
from finerouter.cli.unpriced import say_what_is_unpriced
from finerouter.config import read_training_config
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.router import Router
from finerouter.tasks.taxonomy import read_task_file
from finerouter.training import TrainingConfig, train


@click.command(
    "train",
    epilog="Example: finerouter train outcomes.csv --pool pool.toml --out my-router",
)
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--pool", type=click.Path(path_type=Path), help="Prices: pool.toml or models.json.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML of training settings.")
@click.option("--tasks", type=click.Path(path_type=Path), help="An edited task file.")
@click.option("--rediscover", is_flag=True, help="Keep only pinned tasks of --tasks.")
@click.option(
    "--holdout",
    type=click.FloatRange(0, 0.9),
    default=0.2,
    show_default=True,
    help="Share of prompts kept back for `finerouter evaluate`; 0 trains on all.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Overrides the configuration's.")
@encoder_options
@llm_options
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(
    data: Path,
    out: Path,
    pool: Path | None,
    config: Path | None,
    tasks: Path | None,
    rediscover: bool,
    holdout: float,
    seed: int | None,
    encoder: EncoderChoice,
    llm: LlmOptions,
    as_json: bool,
) -> None:
    """Train a router on DATA: a routing-dataset folder, or a CSV, JSONL or Parquet table.

    A table needs the columns prompt, model and score (0 to 1); input_tokens, output_tokens,
    cost_usd and benchmark are used when they are there.
    """
    if rediscover and tasks is None:
        raise click.UsageError("--rediscover keeps the pinned tasks of a file; give --tasks FILE")
    models = ModelPool.read(pool) if pool else None
    llm.check(models, tasks_given=tasks is not None and not rediscover)
    settings = read_training_config(config) if config else TrainingConfig()
    if seed is not None:
        settings = replace(settings, seed=seed)
    edits = read_task_file(tasks) if tasks else None
    check_output(out)
    outcomes = OutcomeTable.read(data, pool=models)
    if holdout:
        outcomes, _ = outcomes.split(test_size=holdout, seed=settings.seed)
    built = encoder.build()
    with progress_bar() as progress:
        router = train(
            outcomes,
            settings,
            encoder=built,
            edits=edits,
            rediscover=rediscover,
            descriptions=llm.descriptions(outcomes.prompts, models, out, progress),
            progress=progress,
        )
        router.save(out)
        # The endpoint may fail now; the router is kept either way.
        names = llm.names(router.tasks, models, out, progress)
    if names is not None:
        router = router.renamed(names)
        router.save(out)
    if as_json:
        print_json({"router": str(out), "tasks": len(router.tasks), **router.training.info})
    else:
        _print_summary(router, data, out, holdout)


def _print_summary(router: Router, data: Path, out: Path, holdout: float) -> None:
    info = router.training.info
    found = info["cross_validation"]
    click.echo(
        f"{out}: {len(router.tasks)} tasks, {len(router.models)} models, "
        f"{info['data']['prompts']} prompts"
    )
    gain = 100 * (found["quality"] - found["best_single_quality"])
    click.echo(
        f"cross-validated: {gain:+.1f} points of quality against the best single model "
        f"({found['best_single']})"
    )
    saved = found["cost_saved_at_best_single_quality"]
    if saved is not None:
        click.echo(
            f"cross-validated: {saved:.0%} of its cost saved at its quality, at the best dial"
        )
    say_what_is_unpriced(router, router.models)
    following = f"finerouter evaluate {out} {data}" if holdout else f"finerouter tasks {out}"
    click.echo(f"next: {following}")

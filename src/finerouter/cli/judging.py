"""What the commands that judge a router share: their options, and the evaluation itself.

Takes what the user typed; gives an `EvaluationResult` and the outcomes it judged.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from finerouter.cli.progress import progress_bar
from finerouter.evaluation import EvaluationResult, evaluate
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.router import Router

_PARAMETERS = (
    click.argument("router", type=click.Path(path_type=Path)),
    click.argument("data", type=click.Path(path_type=Path)),
    click.option("--pool", type=click.Path(path_type=Path), help="Prices to judge by."),
    click.option("--resamples", type=click.IntRange(min=100), default=1000, show_default=True),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
    click.option("--force", is_flag=True, help="Judge on training prompts too; says so."),
    click.option(
        "--allow-remote", is_flag=True, help="Let the router use its embeddings endpoint."
    ),
)


def judging_parameters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ROUTER, DATA and the options of an evaluation to a command."""
    for parameter in reversed(_PARAMETERS):
        command = parameter(command)
    return command


def judge(
    router: Path,
    data: Path,
    *,
    pool: Path | None,
    resamples: int,
    seed: int,
    force: bool,
    allow_remote: bool,
) -> tuple[EvaluationResult, OutcomeTable]:
    """Evaluate the router on the data, with a progress bar; gives also the data as read."""
    loaded = Router.load(router, allow_remote=allow_remote)
    outcomes = OutcomeTable.read(data, pool=ModelPool.read(pool) if pool else None)
    with progress_bar() as progress:
        result = evaluate(
            loaded, outcomes, force=force, resamples=resamples, seed=seed, progress=progress
        )
    return result, outcomes


def say_what_was_left_out(result: EvaluationResult) -> None:
    """Say on standard error which prompts were not judged, or were although trained on."""
    data = result.data
    if data.seen:
        click.echo("warning: judged on training prompts; the figures flatter", err=True)
    if data.left_out or data.left_out_near:
        prompts = "prompt" if data.left_out == 1 else "prompts"
        repeat = "repeats" if data.left_out_near == 1 else "repeat"
        near = f" and {data.left_out_near} that nearly {repeat} one" if data.left_out_near else ""
        click.echo(
            f"left out {data.left_out} {prompts} that the router was trained on{near}", err=True
        )

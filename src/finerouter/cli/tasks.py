"""finerouter tasks: what was discovered, and a file to edit it by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from finerouter.cli.output import console, print_json
from finerouter.router import Router
from finerouter.tasks.taxonomy import write_task_file

_BEST_SHOWN = 3


@click.command("tasks", epilog="Example: finerouter tasks my-router --write tasks.toml")
@click.argument("router", type=click.Path(path_type=Path))
@click.option(
    "--write",
    type=click.Path(path_type=Path),
    help="Write a file in which tasks can be renamed, merged and pinned.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(router: Path, write: Path | None, as_json: bool) -> None:
    """Show the tasks that ROUTER discovered.

    Coverage is the share of a task's prompts for which one of its candidate models is as good as
    any.
    """
    # Nothing is embedded here, so an embeddings endpoint is not asked either.
    loaded = Router.load(router, allow_remote=True)
    if write is not None:
        record = loaded.training
        write_task_file(write, loaded.tasks, record.labels, record.prompt_ids)
        click.echo(
            f"{write}: {len(loaded.tasks)} tasks; edit it, then: finerouter train DATA "
            f"--out ROUTER --tasks {write}",
            err=True,
        )
        return
    if as_json:
        print_json([_record(loaded, at) for at in range(len(loaded.tasks))])
    else:
        _print(loaded)


def _best_models(router: Router, at: int) -> list[tuple[str, float]]:
    """Models by their task-level quality."""
    mean = router.quality.priors[0].mean[at]
    return [(router.models[column], float(mean[column])) for column in (-mean).argsort()]


def _record(router: Router, at: int) -> dict[str, Any]:
    task = router.tasks[at]
    best = [{"model": name, "quality": quality} for name, quality in _best_models(router, at)]
    return {**task.to_json(), "models": best}


def _print(router: Router) -> None:
    out = console()
    for at, task in enumerate(router.tasks):
        pinned = ", pinned" if task.pinned else ""
        out.print(
            f"{at + 1:3}. {task.name}  ({task.size} prompts, coverage {task.coverage:.0%}{pinned})",
        )
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 5))
        best = _best_models(router, at)[:_BEST_SHOWN]
        table.add_row("best", ", ".join(f"{name} {100 * quality:.0f}" for name, quality in best))
        table.add_row("terms", ", ".join(task.terms))
        for text in task.exemplars[:2]:
            table.add_row("such as", text[:110])
        out.print(table)

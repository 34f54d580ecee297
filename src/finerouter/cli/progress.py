"""Progress bars on standard error; a line a minute where that is not a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from finerouter.cli.progress_lines import progress_lines
from finerouter.training import Progress as Report


@contextmanager
def progress_bar() -> Iterator[Report]:
    """Give a function to report with: stage, steps done, steps in all."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with progress_lines() as lines:
            yield lines.report
        return
    columns = (
        TextColumn("{task.description:>12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        stages = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage, total=total)
            bars.update(stages[stage], completed=done, total=total)

        yield report

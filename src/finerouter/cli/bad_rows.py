"""Bad rows of a file of prompts: how many are put up with, and which were left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

bad_rows_option = click.option(
    "--bad-rows",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="Leave out so many bad rows of a file; more stop the run.",
)


def say_left_out(path: Path, bad_rows: Sequence[str]) -> None:
    """Name each row of a file that was left out, and why, on standard error."""
    for row in bad_rows:
        click.echo(f"{path}: left out {row}", err=True)

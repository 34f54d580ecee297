"""finerouter import: outcomes that other tools wrote, to a routing dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from finerouter.atomic import check_replaceable
from finerouter.cli.import_summary import print_import
from finerouter.cli.output import print_json
from finerouter.cli.progress_lines import progress_lines
from finerouter.errors import ConfigError
from finerouter.importers import FORMATS, Choices, Rules, import_outcomes
from finerouter.importers.aliases import read_aliases
from finerouter.importers.prices import PriceTable
from finerouter.importers.scale import Scale

_WIDTH = max(len(item.name) for item in FORMATS)
_HELP = """Turn the outcomes at PATH, a file or folder of FORMAT, into a routing dataset.

    Missing is never zero, repeats are averaged and counted, and a bad row is named and left out.

    \b
    Formats:
    """ + "\n    ".join(f"{item.name:{_WIDTH}}  {item.summary}" for item in FORMATS)


@contextmanager
def _row_counter() -> Iterator[Callable[[int], None]]:
    """Give a function that shows rows on standard error; how many there will be nobody knows."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with progress_lines() as lines:
            yield lambda rows: lines.report("rows", rows, None)
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} rows"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("rows", total=None)
        yield lambda rows: bars.update(bar, completed=rows)


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise ConfigError(f"--column is OURS=THEIRS such as prompt=Question, not {pair!r}")
        columns[ours] = theirs
    return columns


@click.command(
    "import",
    help=_HELP,
    epilog="Example: finerouter import lm-eval results --out data",
)
@click.argument("format_", metavar="FORMAT", type=click.Choice([item.name for item in FORMATS]))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--dry-run", is_flag=True, help="Show what would be read; write nothing.")
@click.option(
    "--aliases", type=click.Path(path_type=Path), help='TOML or JSON: "their name" = "our name".'
)
@click.option(
    "--prices", type=click.Path(path_type=Path), help="TOML or JSON: date, and [[models]]."
)
@click.option(
    "--keep", multiple=True, metavar="MODEL", help="Keep these models only; * matches any text."
)
@click.option(
    "--scale",
    default="0:1",
    show_default=True,
    help="WORST:BEST of the scores, such as 0:100, or 1:0 where lower is better.",
)
@click.option(
    "--max-bad",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Share of bad rows up to which the rest is used.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="Where a field is: prompt=Question, prompt=doc.question, score=*_score.",
)
@click.option("--metric", help="Which score, where a file has several.")
@click.option("--filter", "filter_", help="Which of lm-eval's answer filters.")
@click.option("--model", help="The model, where the file does not name it.")
@click.option("--prompts", type=click.Path(path_type=Path), help="Prompts by id.")
@click.option("--scores", type=click.Path(path_type=Path), help="Scores by id.")
@click.option("--json", "as_json", is_flag=True, help="Print what was read as JSON.")
def command(
    format_: str,
    path: Path,
    out: Path | None,
    dry_run: bool,
    aliases: Path | None,
    prices: Path | None,
    keep: tuple[str, ...],
    scale: str,
    max_bad: float,
    columns: tuple[str, ...],
    metric: str | None,
    filter_: str | None,
    model: str | None,
    prompts: Path | None,
    scores: Path | None,
    as_json: bool,
) -> None:
    """Read, then write or only show; the help that a user sees is `_HELP`."""
    if out is None and not dry_run:
        raise click.UsageError("say where to write: --out DATA (or look first: --dry-run)")
    if out is not None and not dry_run:
        check_replaceable(out, marker="outcomes.parquet")
    rules = Rules(
        scale=Scale.parse(scale),
        max_bad=max_bad,
        keep=keep,
        aliases=read_aliases(aliases) if aliases else {},
        prices=PriceTable.read(prices) if prices else None,
    )
    choices = Choices(_columns(columns), metric, filter_, model, prompts, scores)
    with _row_counter() as progress:
        imported = import_outcomes(format_, path, choices=choices, rules=rules, progress=progress)
        if out is not None and not dry_run:
            imported.write(out)
    if as_json:
        print_json(imported.report.to_json())
    else:
        print_import(imported.report, None if dry_run else out)

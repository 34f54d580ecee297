"""finerouter collect: prompts and a pool in, a routing dataset out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from finerouter.atomic import check_replaceable
from finerouter.cli.bad_rows import bad_rows_option, say_left_out
from finerouter.cli.collected import Asked, Places, print_result
from finerouter.cli.output import usd
from finerouter.cli.progress_lines import progress_lines
from finerouter.cli.quotes import print_quotes, quotes_of
from finerouter.collecting import (
    GRADERS,
    JUDGES,
    Collected,
    Panel,
    Progress,
    Prompts,
    Wanted,
    build_grader,
    collect,
    read_prompts,
    read_wanted,
)
from finerouter.collecting.grades import check_grades, write_grades
from finerouter.errors import ConfigError, EndpointError
from finerouter.pool import ModelPool


@click.command(
    "collect",
    epilog="Example: finerouter collect prompts.jsonl --pool pool.toml --grader numeric "
    "--budget 5 --out outcomes",
)
@click.argument("prompts", type=click.Path(path_type=Path))
@click.option(
    "--pool",
    "pool_file",
    required=True,
    type=click.Path(path_type=Path),
    help="pool.toml with the models and their endpoints.",
)
@click.option(
    "--grader",
    "spec",
    required=True,
    metavar="NAME[:OPTION]",
    help=f"{', '.join((*GRADERS, *JUDGES))}, or by-row for each prompt's own (column grader).",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option(
    "--only",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Ask only these: rows of prompt_id (or prompt), and model where not all are meant.",
)
@click.option("--budget", type=click.FloatRange(0), metavar="USD", help="Spend no more in all.")
@click.option("--estimate", is_flag=True, help="Say what it would cost, and ask nothing.")
@click.option("--judges", type=click.Path(path_type=Path), help="Pool file of LLM judges.")
@click.option("--rubric", type=click.Path(path_type=Path), help="Text: what a good answer is.")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help="File of all calls; what it holds is not paid for again. [default: OUT.journal.sqlite]",
)
@click.option(
    "--grades",
    type=click.Path(path_type=Path),
    help="File of each answer's score and the reason for it. [default: OUT.grades.jsonl]",
)
@click.option(
    "--ask-again", is_flag=True, help="Also ask what a killed run may have paid for already."
)
@bad_rows_option
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(
    prompts: Path,
    pool_file: Path,
    spec: str,
    out: Path,
    only: Path | None,
    budget: float | None,
    estimate: bool,
    judges: Path | None,
    rubric: Path | None,
    journal: Path | None,
    grades: Path | None,
    ask_again: bool,
    bad_rows: float,
    as_json: bool,
) -> None:
    """Ask every model of a pool about PROMPTS, grade the answers, and write outcomes to train on.

    PROMPTS is JSONL, CSV or Parquet with the column prompt; prompt_id, benchmark, and reference or
    answer (the right one, or a list of them) are used when they are there. Run it again to go on
    after any interruption: what was answered is not asked, or paid for, twice.

    With --only, FILE is what finerouter cells or finerouter probes wrote. The folder then holds all
    that the journal knows of PROMPTS and the pool so far: it grows with each FILE.
    """
    pool = ModelPool.read(pool_file)
    grader = build_grader(spec, _panel(pool, judges, rubric))
    check_replaceable(out, "outcomes.parquet")
    grades = grades or Path(f"{out}.grades.jsonl")
    check_grades(grades)
    found = read_prompts(prompts, check=grader.lacks, most_bad=bad_rows)
    say_left_out(prompts, found.bad_rows)
    wanted = _wanted(only, found, pool, bad_rows) if only else None
    for doubt in grader.doubts(found.prompts, pool.models):
        click.echo(doubt, err=True)
    journal = journal or Path(f"{out}.journal.sqlite")
    pairs = wanted.pairs if wanted else None
    if estimate:
        print_quotes(quotes_of(found.prompts, pool, grader, journal, pairs), as_json=as_json)
        return
    if wanted:
        _check_grows(out, journal)
    with _progress_bar() as report:
        collected = collect(
            found.prompts,
            pool,
            grader,
            journal=journal,
            pairs=pairs,
            keep_known=True,
            budget_usd=budget,
            ask_again=ask_again,
            progress=report,
        )
    if collected.outcomes is not None:
        collected.outcomes.write(out)
    write_grades(grades, found.prompts, pool.names, collected.cells)
    asked = Asked(only, wanted) if only and wanted else None
    places = Places(out, journal, grades)
    print_result(collected, places, len(found.bad_rows), asked, as_json=as_json)
    _end(collected)


def _wanted(only: Path, found: Prompts, pool: ModelPool, bad_rows: float) -> Wanted:
    wanted = read_wanted(only, found, pool, most_bad=bad_rows)
    say_left_out(only, wanted.bad_rows)
    if wanted.left_out:
        click.echo(f"{only}: left out {wanted.left_out} rows of prompts left out above", err=True)
    return wanted


def _check_grows(out: Path, journal: Path) -> None:
    """Refuse to put a few new outcomes in the place of others that nothing remembers."""
    if out.exists() and not journal.exists():
        raise ConfigError(
            f"{out}: holds outcomes that {journal} knows nothing of, and --only would lose them; "
            "give the journal they were collected with (--journal), or another --out"
        )


def _panel(pool: ModelPool, judges: Path | None, rubric: Path | None) -> Panel | None:
    if judges is None:
        if rubric:
            raise ConfigError("--rubric is read by judges; give --judges FILE too")
        return None
    panel = Panel(ModelPool.read(judges), _text(rubric) if rubric else "")
    panel.check(pool)
    return panel


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); give a text file") from error


def _end(collected: Collected) -> None:
    """Tell the shell: 130 for an interrupt, 1 where nothing was had."""
    if collected.tally.stopped == "interrupted":
        raise click.exceptions.Exit(130)
    if collected.outcomes is None:
        reasons = (reason for counts in collected.missing.values() for reason in counts)
        raise EndpointError(f"no outcome was had: {next(reasons, 'nothing was asked')}")


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None]]:
    """Give a function to report with; a line a minute where standard error is not a terminal."""
    err = Console(stderr=True)
    if not err.is_terminal:
        with progress_lines() as lines:
            yield lambda now: lines.report("collecting", now.done, now.total, now.spent_usd)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=err, transient=True) as bars:
        line = bars.add_task("collecting", total=None)

        def report(now: Progress) -> None:
            spent = f"collecting, {usd(now.spent_usd)} spent"
            bars.update(line, description=spent, completed=now.done, total=now.total)

        yield report

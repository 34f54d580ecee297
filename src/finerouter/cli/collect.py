"""finerouter collect: prompts and a pool in, a routing dataset out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from finerouter.atomic import check_replaceable
from finerouter.cli.bad_rows import bad_rows_option, say_left_out
from finerouter.cli.output import print_json, usd
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
from finerouter.errors import ConfigError, EndpointError
from finerouter.gaps import column_means
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
    summary = _summary(collected, found, out, journal)
    if wanted and only:
        summary |= _of_wanted(collected, wanted, only)
    _print_result(collected, summary, out, as_json=as_json)
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


def _print_result(
    collected: Collected, summary: dict[str, Any], out: Path, *, as_json: bool
) -> None:
    if as_json:
        print_json(summary)
        return
    money = f"{usd(summary['spent_usd'])} spent, {usd(summary['spent_in_all_usd'])} in all runs"
    click.echo(
        f"{out}: {summary['scored']} of {summary['pairs']} outcomes, "
        f"{summary['calls']} calls, {summary['from_journal']} answers known before; {money}"
    )
    if "only" in summary:
        click.echo(f"{summary['only']}: {summary['wanted_scored']} of {summary['wanted']} outcomes")
    for model, score in summary["mean_score"].items():
        click.echo(f"  {model}: mean score {score:.3f}")
    for line in _warnings(collected, summary):
        click.echo(line, err=True)
    if collected.outcomes is not None:
        click.echo(f"next: finerouter train {out} --out my-router")


def _summary(collected: Collected, found: Prompts, out: Path, journal: Path) -> dict[str, Any]:
    spending, earlier = collected.spending, collected.earlier
    outcomes = collected.outcomes
    means = (
        [] if outcomes is None else zip(outcomes.models, column_means(outcomes.score), strict=True)
    )
    return {
        "out": str(out) if outcomes is not None else None,
        "journal": str(journal),
        "prompts": len(found.prompts),
        "bad_rows": len(found.bad_rows),
        "pairs": len(collected.cells),
        "scored": collected.scored,
        "mean_score": {model: float(mean) for model, mean in means},
        "missing": collected.missing,
        "calls": collected.tally.calls,
        "from_journal": collected.tally.from_journal,
        "in_doubt": collected.tally.in_doubt,
        "spent_usd": spending.spent_usd - earlier.spent_usd,
        "spent_in_all_usd": spending.spent_usd,
        "perhaps_spent_in_all_usd": spending.perhaps_usd,
        "calls_of_unknown_cost_in_all": spending.unknown,
        "answers_cut": sum(kept.answer.cut for kept in collected.answers),
        "answers_without_usage": sum(kept.answer.usage is None for kept in collected.answers),
        "stopped": collected.tally.stopped,
        "stopped_models": collected.tally.stopped_models,
        "notes": list(collected.notes),
    }


def _of_wanted(collected: Collected, wanted: Wanted, only: Path) -> dict[str, Any]:
    scored = sum(collected.cells[pair].reason == "" for pair in wanted.pairs)
    return {"only": str(only), "wanted": len(wanted.pairs), "wanted_scored": scored}


def _warnings(collected: Collected, summary: dict[str, Any]) -> Iterator[str]:
    for model, reasons in collected.missing.items():
        for reason, count in reasons.items():
            yield f"{model}: {count} missing: {reason}"
    for model, reason in collected.tally.stopped_models.items():
        yield f"{model}: was asked no more: {reason}"
    if collected.tally.stopped:
        yield f"stopped: {collected.tally.stopped}; run the same again to go on"
    if summary["in_doubt"]:
        yield f"{summary['in_doubt']} calls were under way when a run was killed: --ask-again"
    if summary["perhaps_spent_in_all_usd"]:
        perhaps = usd(summary["perhaps_spent_in_all_usd"])
        yield f"perhaps spent, at most, on calls without an answer: {perhaps}"
    if summary["calls_of_unknown_cost_in_all"]:
        count = summary["calls_of_unknown_cost_in_all"]
        yield f"{count} calls were made without prices, and are in no sum and no budget"
    if summary["answers_cut"]:
        yield f"{summary['answers_cut']} answers were cut off by max_tokens, and graded as they are"
    if summary["answers_without_usage"]:
        yield f"{summary['answers_without_usage']} answers came without token counts: cost unknown"
    yield from collected.notes


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

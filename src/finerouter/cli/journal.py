"""finerouter journal: what a gateway decided and what was thought of it, to learn from."""

from __future__ import annotations

import importlib.util
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finerouter.atomic import atomic_file, check_replaceable
from finerouter.cli.output import json_values, print_json
from finerouter.errors import ConfigError
from finerouter.pool import ModelPool

if TYPE_CHECKING:
    from finerouter.gateway.journal.exporting import ExportReport
    from finerouter.gateway.journal.store import Store

_UNITS_S = {"h": 3_600, "d": 86_400, "w": 604_800}


@click.command(
    "journal",
    epilog="Example: finerouter journal gateway.toml --since 30d --pool pool.toml --out data",
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the dataset to write.")
@click.option(
    "--jsonl", type=click.Path(path_type=Path), help="File of all records with their feedback."
)
@click.option("--since", help="2026-03-01, 2026-03-01T12:00 (UTC), or 12h, 30d, 4w ago.")
@click.option("--source", "sources", multiple=True, help="Feedback of this source only.")
@click.option("--pool", type=click.Path(path_type=Path), help="The models, for their prices.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(
    path: Path,
    out: Path | None,
    jsonl: Path | None,
    since: str | None,
    sources: tuple[str, ...],
    pool: Path | None,
    as_json: bool,
) -> None:
    """Turn a gateway's journal into a routing dataset to train the next router on.

    PATH is the journal's SQLite file, or the gateway.toml that names it or a database. The dataset
    holds the decisions that have feedback and whose prompt was kept; scores of the same prompt and
    model are averaged and counted. Both outputs hold prompts: only you may read them.
    """
    if out is None and jsonl is None:
        raise click.UsageError("say what to write: --out DATA or --jsonl FILE")
    if out is not None:
        check_replaceable(out, marker="outcomes.parquet")
    since_s = _moment(since) if since else 0.0
    models = ModelPool.read(pool) if pool else None
    with _opened(path) as store:
        if jsonl is not None:
            _say(f"{jsonl}: {_write_lines(store, jsonl, since_s, sources)} records")
        if out is not None:
            _tell(_write_dataset(store, out, since_s, sources, models), out, as_json)


@contextmanager
def _opened(path: Path) -> Iterator[Store]:
    # Here, not above: `finerouter --help` reads this file, with or without the extra.
    if importlib.util.find_spec("msgspec") is None:
        raise ConfigError("journals need the extra serve; run: pip install 'finerouter[serve]'")
    from finerouter.gateway.journal.opening import journal_at

    store = journal_at(path)
    try:
        yield store
    finally:
        store.close()


def _write_dataset(
    store: Store, out: Path, since_s: float, sources: Sequence[str], pool: ModelPool | None
) -> ExportReport:
    from finerouter.gateway.journal.exporting import export

    exported = export(store, since_s=since_s, sources=sources, pool=pool)
    exported.write(out)
    return exported.report


def _write_lines(store: Store, path: Path, since_s: float, sources: Sequence[str]) -> int:
    from finerouter.gateway.journal.exporting import judged_record

    count = 0
    with (
        atomic_file(path, private=True) as temporary,
        temporary.open("w", encoding="utf-8") as file,
    ):
        for record, given in store.records(since_s, judged=bool(sources)):
            kept = [item for item in given if not sources or item.source in sources]
            if kept or not sources:
                line = json_values(judged_record(record, kept))
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += 1
    return count


def _moment(text: str) -> float:
    """Seconds since 1970 of `--since`."""
    ago = re.fullmatch(r"(\d+)([hdw])", text)
    if ago:
        return time.time() - int(ago[1]) * _UNITS_S[ago[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"--since is a date such as 2026-03-01, or 12h, 30d or 4w, not {text!r}"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _tell(report: ExportReport, out: Path, as_json: bool) -> None:
    if as_json:
        print_json(asdict(report))
        return
    click.echo(
        f"{out}: {report.outcomes} outcomes of {report.prompts} prompts and {report.models} models"
    )
    click.echo(f"{report.judged} decisions have feedback, {report.explored} of them by chance")
    if report.unkept:
        click.echo(f"left out {report.unkept} whose prompt was not kept")
    if report.unanswered:
        click.echo(f"left out {report.unanswered} that no model answered")
    click.echo(f"next: finerouter train {out} --out my-router")


def _say(text: str) -> None:
    click.echo(text, err=True)

"""An outside file to a routing dataset.

Takes a format's name and a path; gives outcomes with a report, and writes them. What is the same
for all formats happens here: aliases, the scale, repeats, bad rows, prices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from finerouter.atomic import atomic_folder
from finerouter.errors import ConfigError, DataError
from finerouter.importers.findings import Findings
from finerouter.importers.gathering import Codes, Gathered, Gatherer
from finerouter.importers.peeking import peek
from finerouter.importers.prices import PriceTable
from finerouter.importers.protocol import Choices, Format, MissingColumn, Row
from finerouter.importers.registry import FORMATS, format_named, formats_that_fit
from finerouter.importers.report import ImportReport, report_on
from finerouter.importers.scale import Scale
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.prompt import prompt_id

REPORT_FILE = "import.json"
_PROGRESS_ROWS = 20_000


@dataclass(frozen=True)
class Rules:
    """What is done with the rows of any format.

    Attributes:
        scale: the range of the source's scores.
        max_bad: share of bad rows up to which the rest is used.
        keep: patterns of the models to keep; none keeps all.
        aliases: names as written to names wanted.
        prices: prices of the models, with their day.
    """

    scale: Scale = field(default_factory=Scale)
    max_bad: float = 0.05
    keep: Sequence[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    prices: PriceTable | None = None


@dataclass(frozen=True, eq=False)
class Imported:
    """Outcomes that were read, not yet written.

    Attributes:
        table: the outcomes, with the pool.
        repeats: [prompt, model], rows behind each score; 0 where missing.
        report: what was read.
    """

    table: OutcomeTable
    repeats: Codes
    report: ImportReport

    def write(self, folder: str | Path) -> None:
        """Write the routing dataset and its report, all or nothing.

        Raises:
            OutputError: it cannot be written.
        """
        with atomic_folder(Path(folder), marker="outcomes.parquet") as out:
            self.table.write(out, repeats=self.repeats)
            report = json.dumps(self.report.to_json(), indent=1, ensure_ascii=False)
            (out / REPORT_FILE).write_text(report + "\n", "utf-8")


def import_outcomes(
    name: str,
    source: str | Path,
    *,
    choices: Choices | None = None,
    rules: Rules | None = None,
    progress: Callable[[int], None] | None = None,
) -> Imported:
    """Read outcomes of an outside format.

    Args:
        name: one of `registry.FORMATS`.
        source: file or folder.
        choices: how to read this format.
        rules: what to do with the rows.
        progress: called now and then with the number of rows read.

    Raises:
        DataError: the source is of another format, holds nothing, has too many bad rows, or a
            score outside the scale; names file, line and the next step.
        ConfigError: the format does not heed a choice.
    """
    source, choices, rules = Path(source), choices or Choices(), rules or Rules()
    format_ = format_named(name)
    _check_choices(format_, choices)
    _check_fits(format_, source)
    findings = Findings()
    gatherer = Gatherer(findings, rules.scale, rules.aliases, rules.keep)
    for number, row in enumerate(_rows(format_, source, choices, findings), 1):
        gatherer.add(row)
        if progress and number % _PROGRESS_ROWS == 0:
            progress(findings.rows)
    findings.check(str(source), rules.max_bad)
    gathered = gatherer.finish(str(source))
    table = _table(gathered, rules)
    report = report_on(
        name,
        str(source),
        gathered,
        table,
        findings=findings,
        prices=rules.prices,
        warnings=_idle(gatherer, rules),
    )
    return Imported(table, gathered.repeats, report)


def _check_choices(format_: Format, choices: Choices) -> None:
    for item in fields(Choices):
        if getattr(choices, item.name) and item.name not in format_.heeds:
            option = "--column" if item.name == "columns" else f"--{item.name}"
            heeding = [other.name for other in FORMATS if item.name in other.heeds]
            raise ConfigError(
                f"{format_.name} has no use for {option}; only {', '.join(heeding)} heed it"
            )


def _check_fits(format_: Format, source: Path) -> None:
    seen = peek(source)
    if format_.fits(seen):
        return
    advice = _other_format(format_, source, formats_that_fit(seen))
    raise DataError(
        f"{source}: not {format_.name}, which holds {format_.expects}; "
        f"{advice or 'it looks like none of the formats'}"
    )


def _rows(format_: Format, source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    """The format's rows; where a column is missing, the refusal names a format that fits."""
    try:
        yield from format_.read(source, choices, findings)
    except MissingColumn as error:
        # Looked at again, since a first look can hold a large file whole.
        advice = _other_format(format_, source, formats_that_fit(peek(source)))
        raise DataError(f"{error}; {advice}" if advice else str(error)) from error


def _other_format(format_: Format, source: Path, fitting: Sequence[str]) -> str:
    """Which other format to try, "" where none fits."""
    others = [name for name in fitting if name != format_.name]
    if not others:
        return ""
    return f"it looks like {' or '.join(others)}: try finerouter import {others[0]} {source}"


def _table(gathered: Gathered, rules: Rules) -> OutcomeTable:
    benchmarks = gathered.benchmarks
    named = any(name is not None for name in benchmarks)
    return OutcomeTable(
        prompt_ids=tuple(prompt_id(text) for text in gathered.prompts),
        prompts=gathered.prompts,
        benchmarks=tuple(name or "" for name in benchmarks) if named else None,
        models=gathered.models,
        score=gathered.score,
        input_tokens=gathered.input_tokens,
        output_tokens=gathered.output_tokens,
        cost_usd=gathered.cost_usd,
        pool=(
            rules.prices.pool_of(gathered.models, rules.aliases)
            if rules.prices
            else ModelPool.of(gathered.models)
        ),
    )


def _idle(gatherer: Gatherer, rules: Rules) -> list[str]:
    """Aliases of which no row used any: most likely misspelt, or of other data."""
    if not rules.aliases or gatherer.used_aliases:
        return []
    return [f"no row names a model of the aliases, such as {next(iter(rules.aliases))!r}"]

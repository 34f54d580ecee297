"""Any table, long or wide, with a column map.

Long: a row an outcome, columns `prompt, model, score` and, where there are, `input_tokens,
output_tokens, cost_usd, benchmark, split`; `--column OURS=THEIRS` says where they are called
otherwise. Wide: a row a prompt; `--column score=PATTERN` with one `*` names a column for each
model, and the star stands for the model's name: `score=*_score` reads `gpt-4o_score` as gpt-4o's.
The same holds for `cost_usd`, `input_tokens` and `output_tokens`. Where there are only ids of
prompts, `--prompts` joins the texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.errors import ConfigError
from finerouter.importers.findings import Findings
from finerouter.importers.lookups import prompt_of_id, prompts_by_id
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek, fitting_files, peek
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, MissingColumn, Row
from finerouter.importers.records import Record, nested, records, split_of

_OURS = (
    "prompt",
    "model",
    "score",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "benchmark",
    "split",
)


def _fits(seen: Peek) -> bool:
    return bool(seen.records)


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    table = _Table(choices)
    rows = table.wide_rows if "*" in table.columns["score"] else table.long_rows
    for file in fitting_files(source, _fits, findings, ".csv", ".jsonl", ".parquet", ".json"):
        table.check(file)
        split = split_of(file)
        for place, record in records(file, findings):
            yield from rows(place, record, split)


class _Table:
    """The columns of a table, and how a record becomes rows by them."""

    def __init__(self, choices: Choices) -> None:
        self.columns = {name: name for name in _OURS} | dict(choices.columns)
        unknown = sorted(set(self.columns) - set(_OURS))
        if unknown:
            raise ConfigError(f"--column {unknown[0]}=...: our columns are {', '.join(_OURS)}")
        self.model = choices.model
        self.prompts = prompts_by_id(choices.prompts) if choices.prompts else {}
        self.stars = {name: _star(theirs) for name, theirs in self.columns.items() if "*" in theirs}

    def check(self, file: Path) -> None:
        """Refuse a file without a column; a line that lacks a field is a matter of that line.

        Raises:
            MissingColumn: none of the first records has it.
        """
        seen = peek(file).records
        given = {"prompt": bool(self.prompts), "model": bool(self.model or self.stars)}
        for name in ("prompt", "model", "score"):
            if not given.get(name) and not any(self._has(record, name) for record in seen):
                hint = " (or score='*_score' for a wide table)" if name != "prompt" else ""
                raise MissingColumn(
                    f"{file}: has no column {self.columns[name]!r} for {name}; it has "
                    f"{', '.join(map(str, seen[0]))}. Say which it is: --column {name}=NAME{hint}"
                )

    def _has(self, record: Record, name: str) -> bool:
        if name in self.stars:
            return bool(self._starred(record, name))
        return self.columns[name] in record or self._field(record, name) is not None

    def _field(self, record: Record, name: str) -> Any:
        column = self.columns[name]
        return nested(record, column) if "." in column else record.get(column)

    def _prompt(self, record: Record) -> str | None:
        text = prompt_text(self._field(record, "prompt"))
        return text or (prompt_of_id(record, self.prompts) if self.prompts else None)

    def long_rows(self, place: Place, record: Record, split: str | None) -> Iterator[Row]:
        """One row: the record is an outcome."""
        yield Row(
            place,
            self._prompt(record),
            self.model or self._field(record, "model"),
            self._field(record, "score"),
            self._field(record, "input_tokens"),
            self._field(record, "output_tokens"),
            self._field(record, "cost_usd"),
            self._field(record, "benchmark"),
            self._field(record, "split") or split,
        )

    def wide_rows(self, place: Place, record: Record, split: str | None) -> Iterator[Row]:
        """A row a model: the record is a prompt."""
        prompt = self._prompt(record)
        tokens_in, tokens_out, cost = (
            self._starred(record, name) for name in ("input_tokens", "output_tokens", "cost_usd")
        )
        for model, score in self._starred(record, "score").items():
            yield Row(
                place,
                prompt,
                model,
                score,
                tokens_in.get(model),
                tokens_out.get(model),
                cost.get(model),
                self._field(record, "benchmark"),
                self._field(record, "split") or split,
            )

    def _starred(self, record: Record, name: str) -> Mapping[str, Any]:
        """Models and their cells: columns of a pattern, but for those with another meaning."""
        star = self.stars.get(name)
        if star is None:
            return {}
        meant = set(self.columns.values())
        hits = ((star.fullmatch(str(column)), column) for column in record if column not in meant)
        return {hit[1]: record[column] for hit, column in hits if hit}


def _star(pattern: str) -> re.Pattern[str]:
    before, _, after = pattern.partition("*")
    return re.compile(re.escape(before) + "(.+)" + re.escape(after))


FORMAT = Format(
    name="table",
    summary="any long or wide table (CSV, JSONL, JSON, Parquet), with --column OURS=THEIRS",
    expects="rows with a prompt and scores",
    fits=_fits,
    read=_read,
    heeds=frozenset({"columns", "model", "prompts"}),
)

"""Any table, long or wide, with a column map.

Long: a row an outcome, columns `prompt, model, score` and, where there are, `input_tokens,
output_tokens, cost_usd, benchmark, split`; `--column OURS=THEIRS` says where they are called
otherwise. Wide: a row a prompt; `--column score=PATTERN` with one `*` names a column for each
model, and the star stands for the model's name: `score=*_score` reads `gpt-4o_score` as gpt-4o's.
The same holds for `cost_usd`, `input_tokens` and `output_tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.errors import ConfigError, DataError
from finerouter.importers.findings import Findings
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, files_under, nested, records, split_of

_MEASURES = ("score", "input_tokens", "output_tokens", "cost_usd")
_OURS = ("prompt", "model", *_MEASURES, "benchmark", "split")


def _fits(seen: Peek) -> bool:
    return bool(seen.records)


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    columns = {name: name for name in _OURS} | dict(choices.columns)
    unknown = sorted(set(columns) - set(_OURS))
    if unknown:
        raise ConfigError(f"--column {unknown[0]}=...: our columns are {', '.join(_OURS)}")
    rows = _wide_rows if "*" in columns["score"] else _long_rows
    for file in files_under(source, ".csv", ".jsonl", ".parquet", ".json"):
        for place, record in records(file, findings):
            yield from rows(place, record, columns, choices.model, split_of(file), file)


def _long_rows(
    place: Place,
    record: Record,
    columns: Mapping[str, str],
    model: str | None,
    split: str | None,
    file: Path,
) -> Iterator[Row]:
    for name in ("prompt", "score") if model else ("prompt", "model", "score"):
        if columns[name] not in record and nested(record, columns[name]) is None:
            _check(record, columns, name, file)
    field = _getter(record, columns)
    yield Row(
        place,
        prompt_text(field("prompt")),
        model or field("model"),
        field("score"),
        field("input_tokens"),
        field("output_tokens"),
        field("cost_usd"),
        field("benchmark"),
        field("split") or split,
    )


def _getter(record: Record, columns: Mapping[str, str]) -> Any:
    def field(name: str) -> Any:
        column = columns[name]
        return record[column] if column in record else nested(record, column)

    return field


def _check(record: Record, columns: Mapping[str, str], name: str, file: Path) -> None:
    """A CSV or Parquet file lacks a column for good; a JSON line may just leave a field out."""
    if file.suffix.lower() in (".csv", ".parquet") or name != "score":
        raise DataError(
            f"{file}: has no column {columns[name]!r} for {name}; it has "
            f"{', '.join(map(str, record))}. Say which it is: --column {name}=NAME"
            + (" (or score='*_score' for a wide table)" if name in ("model", "score") else "")
        )


def _wide_rows(
    place: Place,
    record: Record,
    columns: Mapping[str, str],
    _: str | None,
    split: str | None,
    file: Path,
) -> Iterator[Row]:
    models = _starred(record, columns["score"], columns)
    if not models:
        raise DataError(
            f"{file}: no column matches {columns['score']!r}; it has {', '.join(map(str, record))}"
        )
    prompt = prompt_text(record.get(columns["prompt"]))
    tokens_in, tokens_out, cost = (
        _starred(record, columns[name], columns) if "*" in columns[name] else {}
        for name in _MEASURES[1:]
    )
    for model, score in models.items():
        yield Row(
            place,
            prompt,
            model,
            score,
            tokens_in.get(model),
            tokens_out.get(model),
            cost.get(model),
            record.get(columns["benchmark"]),
            record.get(columns["split"]) or split,
        )


def _starred(record: Record, pattern: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """Models and their cells: the columns that a pattern matches, but for those with a meaning."""
    before, _, after = pattern.partition("*")
    match = re.compile(re.escape(before) + "(.+)" + re.escape(after)).fullmatch
    meant = {columns[name] for name in _OURS}
    found = ((match(str(name)), name) for name in record if name not in meant)
    return {hit[1]: record[name] for hit, name in found if hit}


FORMAT = Format(
    name="table",
    summary="any long or wide table (CSV, JSONL, JSON, Parquet), with --column OURS=THEIRS",
    expects="rows with a prompt and scores",
    fits=_fits,
    read=_read,
    heeds=frozenset({"columns", "model"}),
)

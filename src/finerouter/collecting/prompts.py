"""A file of prompts, with what is needed to grade answers to them.

Takes JSONL, CSV or Parquet with the column `prompt`; gives `Prompts`. A bad row is counted and left
out, named by its line, unless there are too many of them. Knows nothing of models or graders
beyond the columns that one may need; whoever chooses what to ask reads the same file through it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.prompt import prompt_id

_REFERENCES = ("reference", "answer")
_SHOWN = 3
_MOST_CELL_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Attributes:
        prompt_id: unique.
        text: what is asked.
        benchmark: where it came from, None when nobody said.
        references: right answers, any of which will do; empty when there are none.
        fields: the whole row, for graders that need more of it.
    """

    prompt_id: str
    text: str
    benchmark: str | None = None
    references: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prompts:
    """What a file held.

    Attributes:
        prompts: its good rows.
        bad_rows: for each bad one, what is wrong with it.
        left_out: prompts among the bad rows, which only lack what their grader needs.
    """

    prompts: tuple[Prompt, ...]
    bad_rows: tuple[str, ...] = ()
    left_out: tuple[Prompt, ...] = ()


Check = Callable[[Prompt], str | None]


def read_prompts(
    path: Path,
    *,
    check: Check = lambda _: None,
    most_bad: float = 0.01,
    long_table: bool = False,
) -> Prompts:
    """Read a file of prompts.

    Args:
        path: ends in .jsonl, .csv or .parquet.
        check: what else is wrong with a prompt, such as that its grader needs a reference.
        most_bad: the share of bad rows that is put up with.
        long_table: whether the same prompt may come again, as in a table of outcomes.

    Raises:
        DataError: it cannot be read, holds no good row, or too many bad ones.
    """
    good: dict[str, Prompt] = {}
    bad: list[str] = []
    left_out: list[Prompt] = []
    rows = 0
    for place, row in rows_of(path):
        rows += 1
        try:
            prompt = prompt_of(row)
        except BadRow as error:
            bad.append(f"{place}: {error}")
            continue
        first = good.setdefault(prompt.prompt_id, prompt)
        lacks = check(prompt) if first is prompt else None
        if lacks:
            del good[prompt.prompt_id]
            left_out.append(prompt)
            bad.append(f"{place}: {lacks}")
        elif first is not prompt and not (long_table and first.text == prompt.text):
            bad.append(f"{place}: prompt_id {prompt.prompt_id} comes twice")
    check_bad_rows(path, bad, rows, most_bad)
    if not good:
        raise DataError(f"{path}: holds no prompts; add rows with the column prompt")
    return Prompts(tuple(good.values()), tuple(bad), tuple(left_out))


def check_bad_rows(path: Path, bad: Sequence[str], rows: int, most_bad: float) -> None:
    """Refuse a file of which too large a share is bad.

    Args:
        path: of the file, for people.
        bad: what is wrong with each bad row.
        rows: how many it has in all.
        most_bad: the share that is put up with.

    Raises:
        DataError: more than that is bad.
    """
    shown = "; ".join(bad[:_SHOWN]) + (" and more" if len(bad) > _SHOWN else "")
    if len(bad) > most_bad * rows:
        raise DataError(
            f"{path}: {len(bad)} of {rows} rows are bad, more than {most_bad:.0%}: "
            f"{shown}; mend them, or allow more with --bad-rows"
        )


class BadRow(Exception):
    """A row that cannot be used, in words."""


def prompt_of(row: Any) -> Prompt:
    """The prompt in a row.

    Raises:
        BadRow: there is none.
    """
    if isinstance(row, BadRow):
        raise row
    if not isinstance(row, dict):
        raise BadRow("is not a JSON object")
    text = row.get("prompt")
    if not isinstance(text, str) or not text.strip():
        raise BadRow("the prompt is empty" if "prompt" in row else "has no prompt")
    return Prompt(
        prompt_id=cell_text(row.get("prompt_id")) or prompt_id(text),
        text=text,
        benchmark=cell_text(row.get("benchmark")) or None,
        references=_references(row),
        fields=row,
    )


def _references(row: Mapping[str, Any]) -> tuple[str, ...]:
    value = next((row[name] for name in _REFERENCES if row.get(name) not in (None, "")), None)
    values = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(cell_text(item) for item in values)


def cell_text(value: Any) -> str:
    """What a cell holds, as text; "" for nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    # A number or an object as the reference: as JSON writes it.
    return json.dumps(value, ensure_ascii=False, default=str)


def rows_of(path: Path) -> Iterator[tuple[str, Any]]:
    """Rows of a JSONL, CSV or Parquet file with their places; what is no row is a `BadRow`.

    Raises:
        DataError: the file cannot be read.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; give JSON lines, CSV or Parquet")
    readers = {".jsonl": _jsonl_rows, ".csv": _csv_rows, ".parquet": _parquet_rows}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise DataError(f"{path}: prompts must end in {', '.join(readers)}; convert or rename")
    try:
        yield from read(path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 ({error.reason}); save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check it") from error


def _jsonl_rows(path: Path) -> Iterator[tuple[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield f"line {number}", json.loads(line)
                except (ValueError, RecursionError) as error:
                    yield f"line {number}", BadRow(f"is not JSON ({error})")


def _csv_rows(path: Path) -> Iterator[tuple[str, Any]]:
    csv.field_size_limit(_MOST_CELL_BYTES)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        names: list[str] = []
        begins = 1  # a cell may hold several lines
        try:
            for cells in reader:
                if names and cells:
                    yield f"line {begins}", _csv_row(names, cells)
                names = names or cells
                begins = reader.line_num + 1
        except csv.Error as error:
            raise DataError(f"{path}: line {reader.line_num}: {error}; mend the quoting") from error


def _csv_row(names: Sequence[str], cells: Sequence[str]) -> Mapping[str, Any] | BadRow:
    if len(cells) > len(names):
        return BadRow("has too many cells; quote its commas")
    return dict(zip_longest(names, cells))


def _parquet_rows(path: Path) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            rows = (row for batch in file.iter_batches() for row in batch.to_pylist())
            yield from ((f"row {number}", row) for number, row in enumerate(rows, 1))
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a whole Parquet file ({reason}); copy it again") from error

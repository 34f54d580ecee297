"""Files of records, one record at a time: JSONL, JSON lists, CSV, Parquet.

Takes a path; gives `(Place, record)` pairs without holding the file. What a file is, its content
says, not its name. A row that cannot be parsed goes to the findings and reading goes on; a file
that cannot be parsed at all is refused. Knows nothing of formats.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.json_list import json_list
from finerouter.importers.places import Place

Record = Mapping[str, Any]
Records = Iterator[tuple[Place, Record]]
_PARQUET_ROWS = 8_192
_HEAD, _LONGEST_LINE = 1 << 16, 1 << 26
_CELL_BYTES = 64 * 1024 * 1024
_SPLIT = re.compile(r"(?:^|[-_.])(train|test|validation|valid|val|dev)(?=$|[-_.])", re.IGNORECASE)
_SHARD = re.compile(r"[-_.]\d{5}-of-\d{5}")
_SAME = {"valid": "validation", "val": "validation", "dev": "validation"}


def kind_of(path: Path) -> str:
    """What a file holds: jsonl, json list, json object, csv, parquet, pickle, npy, zip, or empty.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head.lstrip().startswith(b"{") and b"\n" not in head:
                head += file.readline(_LONGEST_LINE) + file.read(_HEAD)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    for start, kind in ((b"PAR1", "parquet"), (b"PK\x03\x04", "zip"), (b"\x93NUMPY", "npy")):
        if head.startswith(start):
            return kind
    if head[:1] == b"\x80" or path.suffix.lower() in (".pkl", ".pickle"):
        return "pickle"
    return _text_kind(head.removeprefix(b"\xef\xbb\xbf").lstrip())


def _text_kind(head: bytes) -> str:
    if not head:
        return "empty"
    if head.startswith(b"["):
        return "json list"
    if not head.startswith(b"{"):
        return "csv"
    line, newline, rest = head.partition(b"\n")
    if not newline:
        return "jsonl" if _is_json(line) else "json object"
    # A broken first line must not hide that the rest are objects, one a line.
    return "jsonl" if _is_json(line) or rest.lstrip(b" \r\n").startswith(b'{"') else "json object"


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def files_under(path: Path, *suffixes: str) -> list[Path]:
    """The file itself, or the folder's files with these suffixes, in order of their names.

    Raises:
        DataError: there is nothing, or no such file in the folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder; check the path")
    found = sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not found:
        raise DataError(f"{path}: holds no {' or '.join(suffixes)} file; check the path")
    return found


def split_of(path: Path) -> str | None:
    """Which part of a dataset a file name says it is: train, test, validation, or None."""
    found = _SPLIT.search(path.stem)
    if found is None:
        return None
    name = found.group(1).lower()
    return _SAME.get(name, name)


def stem_without_split(path: Path) -> str | None:
    """The file's name without ending, shard and split: often the benchmark's name."""
    return _SPLIT.sub("", _SHARD.sub("", path.stem)).strip("-_.") or None


def records(path: Path, findings: Findings) -> Records:
    """All records of a file of records, whichever kind it is.

    Raises:
        DataError: the file is of another kind, or cannot be parsed at all.
    """
    kind = kind_of(path)
    readers: dict[str, Callable[[Path, Findings], Records]] = {
        "jsonl": jsonl_records,
        "json list": json_list_records,
        "csv": csv_records,
        "parquet": parquet_records,
    }
    if kind not in readers:
        raise DataError(
            f"{path}: is {kind}, not a file of records; give JSONL, a JSON list, CSV or Parquet"
        )
    return readers[kind](path, findings)


def jsonl_records(path: Path, findings: Findings) -> Records:
    """One JSON object a line."""
    name = str(path)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.isspace():
                continue
            findings.rows += 1
            place = Place(name, "line", number)
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:  # UnicodeDecodeError is one too
                findings.reject(place, f"not JSON ({error})")
                continue
            if isinstance(record, dict):
                yield place, record
            else:
                findings.reject(place, "not a JSON object")


def json_list_records(path: Path, findings: Findings) -> Records:
    """The objects of one JSON list."""
    name = str(path)
    for number, record in enumerate(json_list(path), 1):
        findings.rows += 1
        place = Place(name, "item", number)
        if isinstance(record, dict):
            yield place, record
        else:
            findings.reject(place, "not a JSON object")


def csv_records(path: Path, findings: Findings) -> Records:
    """Rows by their header; an empty cell is None. A place is the line on which the row begins."""
    name = str(path)
    # The limit guards against a forgotten quote; a prompt of some megabytes is fine.
    csv.field_size_limit(_CELL_BYTES)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True, delimiter=_delimiter(path))
        header = _header(path, reader)
        began = reader.line_num + 1
        while True:
            place = Place(name, "line", began)
            try:
                cells = next(reader, None)
            except csv.Error as error:
                # A quote that nobody closed swallows lines, of which each may be a row.
                lost = max(1, reader.line_num + 1 - began)
                findings.rows += lost
                findings.reject(place, f"{error}; mend the quoting", lost)
                began = reader.line_num + 1
                continue
            except UnicodeDecodeError as error:
                raise DataError(f"{place}: not UTF-8 nearby; save the file as UTF-8") from error
            if cells is None:
                return
            began = reader.line_num + 1
            if not cells:
                continue
            findings.rows += 1
            if len(cells) != len(header):
                findings.reject(place, f"{len(cells)} cells under {len(header)} column names")
                continue
            yield place, {key: cell or None for key, cell in zip(header, cells, strict=True)}


def _delimiter(path: Path) -> str:
    """What parts the column names: a comma, unless there is none but semicolons or tabs."""
    with path.open("rb") as file:
        line = file.readline(_HEAD)
    others = max(("\t", ";"), key=lambda mark: line.count(mark.encode()))
    return others if b"," not in line and others.encode() in line else ","


def _header(path: Path, reader: Any) -> list[str]:
    try:
        header: list[str] = next(reader, [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: line 1: no readable column names ({error})") from error
    if not header:
        raise DataError(f"{path}: is empty; give a file with column names and rows")
    return header


def parquet_records(path: Path, findings: Findings) -> Records:
    """Rows of a Parquet file; a place is the row's number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name, number = str(path), 0
    try:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=_PARQUET_ROWS):
            for record in batch.to_pylist():
                number += 1
                findings.rows += 1
                yield Place(name, "row", number), record
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: not a whole Parquet file ({reason}); copy it again") from error


def whole_json(path: Path) -> Any:
    """A JSON file as one value.

    Raises:
        DataError: it is not JSON.
    """
    try:
        with path.open("rb") as file:
            return json.load(file)
    except (ValueError, OSError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error}); mend or remove it") from error


def nested(record: Any, path: str) -> Any:
    """The field at a dotted path, None where there is none; a field with dots in its name first."""
    if isinstance(record, Mapping) and path in record:
        return record[path]
    for key in path.split("."):
        if not isinstance(record, Mapping):
            return None
        record = record.get(key)
    return record


def first_of(record: Record, *names: str) -> Any:
    """The first of these fields that is there and not None."""
    for name in names:
        value = record.get(name)
        if value is not None:
            return value
    return None

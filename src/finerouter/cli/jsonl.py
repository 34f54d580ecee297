"""JSON lines to a file, whole or not at all, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finerouter.atomic import atomic_file
from finerouter.cli.output import json_values
from finerouter.errors import DataError


def write_lines(path: Path, records: Sequence[Any]) -> None:
    """Write a JSON line per record; NaN becomes null.

    Raises:
        OutputError: the file cannot be written.
    """
    lines = [json.dumps(json_values(record), ensure_ascii=False) + "\n" for record in records]
    with atomic_file(path) as temporary:
        temporary.write_text("".join(lines), "utf-8")


def read_lines(path: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Read JSON objects that have these fields, one a line.

    Raises:
        DataError: the file cannot be read, or a line is no such object; names the line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); give a file of JSON lines") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}: line {number} is not JSON ({error}); mend it") from error
        if not isinstance(record, dict) or not set(names) <= set(record):
            raise DataError(f"{path}: line {number} lacks one of {', '.join(names)}; add it")
        records.append(record)
    return records

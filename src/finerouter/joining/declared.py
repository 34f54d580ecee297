"""Benchmark scores that somebody declares, from a small table.

Takes a CSV file with the columns model, benchmark and score; gives benchmark -> model -> score.
Knows nothing of which models there are; `join` asks for the newcomer and two others on each.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from finerouter.errors import DataError

_COLUMNS = ("model", "benchmark", "score")


def read_benchmarks(path: Path) -> dict[str, dict[str, float]]:
    """Read declared scores, on any scale, the same within a benchmark.

    A file without the column `benchmark` holds one overall score per model.

    Raises:
        DataError: the file cannot be used; names file, row and field.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}); give a CSV file") from error
    found: dict[str, dict[str, float]] = {}
    for number, row in enumerate(rows, 1):
        where = f"{path}: row {number}"
        benchmark = row.get("benchmark") or "overall"
        model = row.get("model")
        if not model:
            raise DataError(f"{where}: field model is empty; name the model")
        if model in found.setdefault(benchmark, {}):
            raise DataError(f"{where}: {model!r} has two scores on {benchmark!r}; keep one")
        found[benchmark][model] = _score(row.get("score"), where)
    if not found:
        raise DataError(f"{path}: holds no scores; give the columns {', '.join(_COLUMNS)}")
    return found


def _score(cell: str | None, where: str) -> float:
    try:
        value = float(cell or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: score is {cell!r}, not a number; mend it")
    return value

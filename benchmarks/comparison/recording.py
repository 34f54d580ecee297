"""The record of a comparison: `comparison_DATASET_PART.json` in the folder of results.

Takes figures with intervals; gives them as JSON and back. Knows nothing of how they came about.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.evaluation.intervals import Interval

Summary = Mapping[str, Mapping[str, Interval]]
_DIGITS = 6


def name(dataset: str, part: str) -> str:
    """Of the file, without its ending."""
    return f"comparison_{dataset}_{part}"


def read(folder: Path, dataset: str, part: str) -> dict[str, Any]:
    """A record.

    Raises:
        DataError: there is none.
    """
    path = folder / f"{name(dataset, part)}.json"
    if not path.exists():
        raise DataError(f"{path} is not there; make it by a run without --recorded or --kept")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def methods_to_json(summary: Summary) -> dict[str, dict[str, dict[str, float | None]]]:
    """Figures of every method, to six digits; what is unknown is None."""
    return {
        method: {
            key: {
                part: None if math.isnan(number) else round(number, _DIGITS)
                for part, number in asdict(interval).items()
            }
            for key, interval in figures.items()
        }
        for method, figures in summary.items()
    }


def methods_from_json(methods: Mapping[str, Any]) -> dict[str, dict[str, Interval]]:
    """What `methods_to_json` wrote."""
    return {
        method: {
            key: Interval(*(math.nan if number is None else number for number in parts.values()))
            for key, parts in figures.items()
        }
        for method, figures in methods.items()
    }


def made_anew(record: Mapping[str, Any], summary: Summary, code: str) -> dict[str, Any]:
    """A record with its figures computed again from the outcomes that it was made of.

    Args:
        record: its run, machine and commit stay what they were.
        summary: the figures.
        code: commit of the program that computed them.

    Raises:
        DataError: a figure differs from the record's: these are other outcomes.
    """
    methods = methods_to_json(summary)
    for method, figures in methods.items():
        for key, parts in figures.items():
            before = record["methods"].get(method, {}).get(key, {}).get("value")
            if not _same(before, parts["value"]):
                raise DataError(
                    f"the kept outcomes of {method!r} give {key} {parts['value']}, the record says "
                    f"{before}: they are of another run; compare without --kept"
                )
    recomputed = {"date": datetime.now(UTC).date().isoformat(), "code": code}
    return {**record, "recomputed": recomputed, "methods": methods}


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) <= 2 * 10**-_DIGITS

"""An evaluation as tables of CSV, and as RouterArena's predictions.

Takes an `EvaluationResult`; gives files, atomically. Knows nothing of routers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from math import isnan
from pathlib import Path
from typing import Any

from finerouter.atomic import atomic_file, atomic_folder
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.result import EvaluationResult
from finerouter.outcomes import OutcomeTable

MARKER = "lines.csv"
# Columns of tables that are often empty: readers of CSV stumble over a file without a header.
_ALWAYS = {"notes": ("note",)}


def write_csv(result: EvaluationResult, folder: str | Path) -> None:
    """Write every table of an evaluation as a CSV file of a folder.

    An interval is three columns: its name, and with _low and _high behind it. An empty cell is
    unknown.

    Raises:
        OutputError: the folder is something else, or cannot be written.
    """
    with atomic_folder(Path(folder), marker=MARKER) as out:
        for name, rows in _tables(result).items():
            _write(out / f"{name}.csv", [_flat(row) for row in rows], _ALWAYS.get(name, ()))


def write_predictions(
    result: EvaluationResult, outcomes: OutcomeTable, path: str | Path, *, balanced: bool = False
) -> None:
    """Write the decisions as RouterArena's prediction file: a JSON list, one object a prompt.

    Fields as in github.com/RouteWorks/RouterArena: "global index" is the prompt's id, "prediction"
    the model; accuracy and cost (USD of the call) are those recorded, null where unknown; answers
    are not recorded, so generated_result is null.

    Args:
        outcomes: that were evaluated, for the prompts' texts.
        balanced: decisions at the cost weight that training chose; else at cost weight 0.

    Raises:
        OutputError: the file cannot be written.
    """
    texts = dict(zip(outcomes.prompt_ids, outcomes.prompts, strict=True))
    records = [
        {
            "global index": row.prompt_id,
            "prompt": texts[row.prompt_id],
            "prediction": row.balanced_model if balanced else row.model,
            "generated_result": None,
            "cost": row.balanced_cost_usd if balanced else row.cost_usd,
            "accuracy": row.balanced_score if balanced else row.score,
            "for_optimality": False,
        }
        for row in result.prompts
    ]
    with atomic_file(Path(path)) as temporary:
        # ASCII escapes keep lone surrogates, which UTF-8 cannot hold.
        temporary.write_text(json.dumps(records, indent=1) + "\n", "utf-8")


def _tables(result: EvaluationResult) -> dict[str, Iterable[Mapping[str, Any]]]:
    curve = result.curve
    single = {} if curve is None else curve.single_models
    return {
        "lines": _records(result.lines),
        "headline": [
            {"figure": name, "value": value} for name, value in vars(result.headline).items()
        ],
        "metrics": _records(result.metrics),
        "benchmarks": _records(result.benchmarks),
        "tasks": _records(result.tasks, without=("models",)),
        "task_models": [
            {"task": task.task, **record}
            for task in result.tasks
            for record in _records(task.models)
        ],
        "models": _records(result.models, without=("bins",)),
        "calibration": [
            {"model": model.model, **record}
            for model in result.models
            for record in _records(model.bins)
        ],
        "curve": [] if curve is None else _records(curve.points),
        "hull": [] if curve is None else _records(curve.hull),
        "band": [] if curve is None else _records(curve.band),
        "single_models": [{"model": name, **vars(point)} for name, point in single.items()],
        "flip_rates": _records(result.flip_rates),
        "regrets": _records(result.regrets),
        "prompts": _records(result.prompts),
        "notes": [{"note": note} for note in result.notes],
    }  # fmt: skip


def _records(values: Sequence[Any], without: Sequence[str] = ()) -> list[dict[str, Any]]:
    return [
        {item.name: getattr(value, item.name) for item in fields(value) if item.name not in without}
        for value in values
        if is_dataclass(value)
    ]


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with intervals as three columns and lists as one text."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Interval):
            flat |= {key: value.value, f"{key}_low": value.low, f"{key}_high": value.high}
        else:
            flat[key] = "; ".join(value) if isinstance(value, tuple) else value
    return {key: _cell(value) for key, value in flat.items()}


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _write(path: Path, rows: Sequence[Mapping[str, Any]], always: Sequence[str]) -> None:
    names = list(dict.fromkeys([*always, *(name for row in rows for name in row)]))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)

"""An evaluation as tables of CSV, and as RouterArena's predictions.

Takes an `EvaluationResult`; gives files, atomically. Knows nothing of routers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import isnan
from pathlib import Path
from typing import Any, get_args, get_type_hints

from finerouter.atomic import atomic_file, atomic_folder
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.result import (
    BandPoint,
    BenchmarkFigures,
    CalibrationBin,
    CurvePoint,
    EvaluationResult,
    FlipRate,
    HullPoint,
    Latency,
    Line,
    Metric,
    ModelFigures,
    PromptFigures,
    Regret,
    TaskFigures,
    TaskModelFigures,
)
from finerouter.outcomes import OutcomeTable

MARKER = "lines.csv"


@dataclass(frozen=True)
class _Table:
    """A table with its header, which an empty one has too: readers of CSV stumble without."""

    header: tuple[str, ...]
    rows: list[dict[str, Any]]


def write_csv(result: EvaluationResult, folder: str | Path) -> None:
    """Write every table of an evaluation as a CSV file of a folder.

    An interval is three columns: its name, and with _low and _high behind it. An empty cell is
    unknown.

    Raises:
        OutputError: the folder is something else, or cannot be written.
    """
    with atomic_folder(Path(folder), marker=MARKER) as out:
        for name, table in _tables(result).items():
            _write(out / f"{name}.csv", table)


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


def _tables(result: EvaluationResult) -> dict[str, _Table]:
    curve = result.curve
    single = {} if curve is None else curve.single_models
    figures = vars(result.headline).items()
    return {
        "lines": _table(Line, result.lines),
        "headline": _Table(
            ("figure", *_interval_columns("value")),
            [{"figure": name, "value": value} for name, value in figures],
        ),
        "metrics": _table(Metric, result.metrics),
        "benchmarks": _table(BenchmarkFigures, result.benchmarks),
        "tasks": _table(TaskFigures, result.tasks, without=("models",)),
        "task_models": _table_of_parts(
            "task", TaskModelFigures, [(task.task, task.models) for task in result.tasks]
        ),
        "models": _table(ModelFigures, result.models, without=("bins",)),
        "calibration": _table_of_parts(
            "model", CalibrationBin, [(model.model, model.bins) for model in result.models]
        ),
        "curve": _table(CurvePoint, () if curve is None else curve.points),
        "hull": _table(HullPoint, () if curve is None else curve.hull),
        "band": _table(BandPoint, () if curve is None else curve.band),
        "single_models": _table_of_parts(
            "model", HullPoint, [(name, (point,)) for name, point in single.items()]
        ),
        "flip_rates": _table(FlipRate, result.flip_rates),
        "latency": _table(Latency, () if result.latency is None else (result.latency,)),
        "regrets": _table(Regret, result.regrets),
        "prompts": _table(PromptFigures, result.prompts),
        "notes": _Table(("note",), [{"note": note} for note in result.notes]),
    }


def _table(kind: type, values: Sequence[Any], without: Sequence[str] = ()) -> _Table:
    names = [item.name for item in fields(kind) if item.name not in without]
    rows = [{name: getattr(value, name) for name in names} for value in values]
    hints = get_type_hints(kind)
    columns = [_interval_columns(name) if _holds_interval(hints[name]) else (name,)
               for name in names]  # fmt: skip
    return _Table(tuple(column for some in columns for column in some), rows)


def _table_of_parts(
    lead: str, kind: type, parts: Sequence[tuple[str | None, Sequence[Any]]]
) -> _Table:
    """A row per value of each part, the part's name before it."""
    rows = [{lead: name, **row} for name, part in parts for row in _table(kind, part).rows]
    return _Table((lead, *_table(kind, ()).header), rows)


def _interval_columns(name: str) -> tuple[str, ...]:
    return name, f"{name}_low", f"{name}_high"


def _holds_interval(hint: Any) -> bool:
    return Interval in (hint, *get_args(hint))


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with intervals as three columns and lists as one text."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, Interval):
            bounds = (value.value, value.low, value.high)
            flat |= dict(zip(_interval_columns(key), bounds, strict=True))
        else:
            flat[key] = "; ".join(value) if isinstance(value, tuple) else value
    return {key: _cell(value) for key, value in flat.items()}


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _write(path: Path, table: _Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table.header, restval="")
        writer.writeheader()
        writer.writerows(_flat(row) for row in table.rows)

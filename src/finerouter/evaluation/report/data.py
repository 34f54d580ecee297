"""The evaluation inside the page, and reading it back from a page or a JSON file.

Takes an `EvaluationResult` or a file; gives the other. Knows nothing of how the page looks.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finerouter.errors import DataError
from finerouter.evaluation.result import EvaluationResult

_BLOCK = re.compile(r'<script type="application/json" id="evaluation">(.*?)</script>', re.DOTALL)


def data_block(result: EvaluationResult) -> Markup:
    """The evaluation as JSON in an element that no browser runs; `<` is written as an escape."""
    # ASCII escapes keep lone surrogates, which UTF-8 cannot hold.
    record = json.dumps(_short(result.to_json()), separators=(",", ":"))
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        record = record.replace(character, escaped)
    return Markup('<script type="application/json" id="evaluation">' + record + "</script>")


def read_evaluation(path: str | Path) -> EvaluationResult:
    """Read an earlier evaluation: a page of `finerouter report`, or JSON of `finerouter evaluate`.

    Raises:
        DataError: the file cannot be read, or holds no evaluation.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    block = _BLOCK.search(text)
    try:
        record = json.loads(block.group(1) if block else text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}: holds no evaluation; give a page that finerouter report made, or what "
            "finerouter evaluate ROUTER DATA --json printed"
        ) from error
    try:
        return EvaluationResult.from_json(record)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def without_prompts(result: EvaluationResult) -> EvaluationResult:
    """The evaluation without a word of any prompt: no excerpts, exemplars or terms of tasks.

    Names of tasks stay: they are made of terms, or given by a person or a model.
    """
    return replace(
        result,
        tasks=tuple(replace(task, terms=(), exemplars=()) for task in result.tasks),
        regrets=tuple(replace(regret, excerpt="") for regret in result.regrets),
    )


def _short(value: Any) -> Any:
    """Numbers with six significant digits: enough to compare by, and half the size."""
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value

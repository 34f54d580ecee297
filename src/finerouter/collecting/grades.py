"""A file of grades: why each answer got its score, or why there is none.

Takes what became of prompts with models; gives JSON lines with prompt_id, model, score, reason,
answer and finish. It holds answers in clear, as the journal does, and so stands beside the dataset,
not in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from finerouter.atomic import atomic_file
from finerouter.collecting.prompts import Prompt
from finerouter.collecting.run import Cell
from finerouter.collecting.work import Pair
from finerouter.errors import OutputError

_KEYS = ("prompt_id", "model", "score", "reason", "answer", "finish")


def write_grades(
    path: Path, prompts: Iterable[Prompt], models: Sequence[str], cells: Mapping[Pair, Cell]
) -> None:
    """Write the grades of all cells, prompt by prompt in the order given, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    pairs = ((prompt.prompt_id, model) for prompt in prompts for model in models)
    with (
        atomic_file(path) as temporary,
        # Half a surrogate pair, which JSON can carry, is no text to UTF-8.
        temporary.open("w", encoding="utf-8", errors="replace") as file,
    ):
        for pair in pairs:
            if pair in cells:
                values = (*pair, *_grade(cells[pair]))
                row = dict(zip(_KEYS, values, strict=True))
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def check_grades(path: Path) -> None:
    """Check, before anything is spent, that grades may be written there.

    Raises:
        OutputError: there is something else than earlier grades.
    """
    if path.exists() and not _holds_grades(path):
        raise OutputError(f"{path}: exists and holds no grades; choose another file with --grades")


def _grade(cell: Cell) -> tuple[float | None, str, str | None, str | None]:
    score, why = (cell.grade.score, cell.grade.reason) if cell.grade else (None, "")
    answer = cell.kept.answer if cell.kept else None
    return (
        score,
        cell.reason or why,
        answer.text if answer else None,
        answer.finish if answer else None,
    )


def _holds_grades(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline()
            first: Any = json.loads(line) if line else None
    except (OSError, ValueError, RecursionError):
        return False
    return not line or (isinstance(first, dict) and tuple(first) == _KEYS)

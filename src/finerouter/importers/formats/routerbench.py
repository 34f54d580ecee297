"""RouterBench: one row a prompt, wide, as a pandas pickle or CSV.

Columns `sample_id, prompt, eval_name`, then a score column for each model and
`MODEL|model_response`, `MODEL|total_cost`. The models are those with a response or cost column;
`oracle_model_to_route_to` is none. A prompt is a Python list as text: `['...']`. Source:
https://github.com/withmartian/routerbench
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.places import Place
from finerouter.importers.plain_pickle import Frame, read_plain_pickle
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Records, kind_of, records, split_of

_RESPONSE, _COST = "|model_response", "|total_cost"


def _fits(seen: Peek) -> bool:
    if seen.kind == "pickle":
        return _is_frame(seen.first)
    return seen.any(lambda record: "prompt" in record and bool(_models(record)))


def _is_frame(path: Path) -> bool:
    """Whether a pickle mentions such a column; the whole is read later, and only once."""
    tail = b""
    with path.open("rb") as file:
        while block := file.read(1 << 24):
            if _COST.encode() in tail + block or _RESPONSE.encode() in tail + block:
                return True
            tail = block[-len(_RESPONSE) :]
    return False


def _read(source: Path, _: Choices, findings: Findings) -> Iterator[Row]:
    for file in fitting_files(source, _fits, findings, ".csv", ".parquet", ".pkl", ".pickle"):
        split = split_of(file)
        rows = _frame_rows(file, findings) if kind_of(file) == "pickle" else records(file, findings)
        for place, record in rows:
            prompt = _prompt(record.get("prompt"))
            for model in _models(record):
                yield Row(
                    place,
                    prompt,
                    model,
                    record.get(model),
                    cost_usd=record.get(model + _COST),
                    benchmark=record.get("eval_name"),
                    split=split,
                )


def _models(columns: Iterable[str]) -> list[str]:
    marked = {
        name.removesuffix(end)
        for name in columns
        for end in (_RESPONSE, _COST)
        if isinstance(name, str) and name.endswith(end)
    }
    return [name for name in columns if name in marked]


def _frame_rows(path: Path, findings: Findings) -> Records:
    frame = read_plain_pickle(path)
    if not isinstance(frame, Frame):
        raise DataError(f"{path}: the pickle holds no pandas DataFrame; RouterBench's files do")
    # Answers are not used here, and are most of the file.
    names = [name for name in frame.columns if not name.endswith(_RESPONSE)]
    columns = [frame.columns[name].tolist() for name in names]
    for number, cells in enumerate(zip(*columns, strict=True), 1):
        findings.rows += 1
        # pandas has no other way to say "missing" than NaN.
        known = (None if _is_nan(cell) else cell for cell in cells)
        yield Place(str(path), "row", number), dict(zip(names, known, strict=True))


def _is_nan(cell: Any) -> bool:
    return isinstance(cell, float) and cell != cell


def _prompt(text: Any) -> Any:
    """The words within `['...']`; several are joined by empty lines."""
    if not isinstance(text, str) or not text.startswith(("['", '["')):
        return text
    try:
        parts = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return "\n\n".join(map(str, parts)) if isinstance(parts, list) else text


FORMAT = Format(
    name="routerbench",
    summary="RouterBench, wide, as CSV or pickle (read without running it)",
    expects="a prompt column and MODEL, MODEL|model_response, MODEL|total_cost columns",
    fits=_fits,
    read=_read,
)

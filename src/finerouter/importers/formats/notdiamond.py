"""Not Diamond: one row a prompt, wide, `PROVIDER/MODEL/score` and `PROVIDER/MODEL/response`.

Its own evaluation adds `PROVIDER/MODEL/cost`, and `notdiamond/score`, which is that of the router
and no model. The prompt column is `prompt`, `input`, `query` or `question` in any case, or what
`--column prompt=NAME` says. Sources: https://docs.notdiamond.ai, and `toolkit/custom_router.py` of
https://github.com/Not-Diamond/notdiamond-python
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, records, split_of

_SCORE = "/score"
_ROUTER = "notdiamond/score"
_PROMPTS = ("prompt", "input", "query", "question")


def _fits(seen: Peek) -> bool:
    return seen.any(lambda record: bool(_models(record)))


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    for file in fitting_files(source, _fits, findings, ".csv", ".parquet", ".jsonl"):
        split = split_of(file)
        for place, record in records(file, findings):
            prompt = record.get(_prompt_column(file, record, choices.columns))
            for model, column in _models(record).items():
                cost = record.get(f"{model}/cost")
                yield Row(place, prompt, model, record[column], cost_usd=cost, split=split)


def _models(record: Record) -> dict[str, str]:
    """Names of models to their score columns."""
    return {
        name.removesuffix(_SCORE): name
        for name in record
        if name.endswith(_SCORE) and name != _ROUTER
    }


def _prompt_column(file: Path, record: Record, columns: Mapping[str, Any]) -> str:
    if "prompt" in columns:
        name = str(columns["prompt"])
        if name not in record:
            raise DataError(f"{file}: has no column {name!r}; it has {', '.join(record)}")
        return name
    for name in record:
        if name.lower() in _PROMPTS:
            return name
    raise DataError(
        f"{file}: has no column {' or '.join(_PROMPTS)}; say which it is: --column prompt=NAME"
    )


FORMAT = Format(
    name="notdiamond",
    summary="Not Diamond CSV, wide, MODEL/score and MODEL/response",
    expects="a prompt column and a column MODEL/score for each model",
    fits=_fits,
    read=_read,
    heeds=frozenset({"columns"}),
)

"""EmbedLLM: a long CSV, `prompt_id, model_id, category_id, label, model_name, category, prompt`.

`label` is 1 for a right answer. Files without prompts take them from `question_order.csv` in the
same folder, or from `--prompts`. Source: https://github.com/richardzhuang0412/EmbedLLM
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finerouter.importers.findings import Findings
from finerouter.importers.lookups import field_or_lookup, prompts_by_id
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import records, split_of

_QUESTIONS = "question_order.csv"


def _fits(seen: Peek) -> bool:
    return seen.has("prompt_id", "label", "model_name")


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    files = fitting_files(source, _fits, findings, ".csv", ".parquet", companion=_QUESTIONS)
    beside = (source if source.is_dir() else source.parent) / _QUESTIONS
    known = choices.prompts or (beside if beside.is_file() else None)
    prompts = prompts_by_id(known) if known else {}
    for file in files:
        split = split_of(file)
        for place, record in records(file, findings):
            yield Row(
                place,
                field_or_lookup(record, ("prompt",), prompts),
                record.get("model_name"),
                record.get("label"),
                benchmark=record.get("category"),
                split=split,
            )


FORMAT = Format(
    name="embedllm",
    summary="EmbedLLM, long CSV with prompt_id, model_name, label",
    expects="the columns prompt_id, model_name and label",
    fits=_fits,
    read=_read,
    heeds=frozenset({"prompts"}),
)

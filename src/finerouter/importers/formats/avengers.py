"""Avengers: one JSON line a prompt, `query, dataset, index, records{model: score}, usages`.

`usages{model: {cost, prompt_tokens, completion_tokens}}` may lack. The published adaptor writes a
model that was never run as score 0, cost 0 and no tokens; such an outcome is taken as missing.
Source: https://github.com/ZhangYiqun018/AvengersPro
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, records, split_of


def _fits(seen: Peek) -> bool:
    return seen.any(lambda record: "query" in record and isinstance(record.get("records"), Mapping))


def _read(source: Path, _: Choices, findings: Findings) -> Iterator[Row]:
    for file in fitting_files(source, _fits, findings, ".jsonl", ".json"):
        split = split_of(file)
        for place, record in records(file, findings):
            scores = record.get("records")
            if not isinstance(scores, Mapping):
                findings.reject(place, "`records` is not an object of model and score")
                continue
            for model, score in scores.items():
                usage = _usage(record, model)
                if usage is not None and _was_filled_in(score, usage):
                    findings.skip("outcomes of score 0, cost 0 and no tokens (never run)")
                    score = None
                yield Row(
                    place,
                    record.get("query"),
                    model,
                    score,
                    (usage or {}).get("prompt_tokens"),
                    (usage or {}).get("completion_tokens"),
                    (usage or {}).get("cost"),
                    record.get("dataset"),
                    split,
                )


def _usage(record: Record, model: str) -> Mapping[str, Any] | None:
    usages = record.get("usages")
    usage = usages.get(model) if isinstance(usages, Mapping) else None
    return usage if isinstance(usage, Mapping) else None


def _was_filled_in(score: Any, usage: Mapping[str, Any]) -> bool:
    tokens = usage.get("prompt_tokens") or usage.get("completion_tokens")
    return score == 0 and usage.get("cost") == 0 and not tokens


FORMAT = Format(
    name="avengers",
    summary="Avengers and AvengersPro, JSONL with records{model: score} and usages",
    expects="a `query` and an object `records` of model and score on each line",
    fits=_fits,
    read=_read,
)

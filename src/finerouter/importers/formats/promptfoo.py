"""promptfoo: `promptfoo eval --output results.json`, or its JSONL.

The JSON has its results under `results.results` (in old versions `results`), each `provider{id,
label}, prompt{raw}, vars, score, namedScores, success, failureReason, error, cost,
tokenUsage{prompt, completion}, response{tokenUsage, cost}`. A call that failed (`failureReason` 2,
or an error without a response) is missing; a failed assertion is a score. Source:
https://www.promptfoo.dev/docs/configuration/outputs
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.importers.findings import Findings
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import (
    Record,
    Records,
    files_under,
    kind_of,
    nested,
    records,
    whole_json,
)

_CALL_FAILED = 2


def _fits(seen: Peek) -> bool:
    if seen.whole is not None and isinstance(_results(seen.whole), list):
        return any(_is_result(item) for item in (_results(seen.whole) or [])[:20])
    return seen.any(_is_result)


def _is_result(item: Any) -> bool:
    return isinstance(item, Mapping) and "provider" in item and "prompt" in item and "score" in item


def _results(whole: Mapping[str, Any]) -> Any:
    held = whole.get("results")
    return held.get("results") if isinstance(held, Mapping) else held


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    for file in files_under(source, ".json", ".jsonl"):
        for place, result in _records(file, findings):
            yield _row(place, result, choices, findings)


def _records(file: Path, findings: Findings) -> Records:
    if kind_of(file) == "jsonl" and file.suffix.lower() != ".json":
        yield from records(file, findings)
        return
    whole = whole_json(file)
    results = _results(whole) if isinstance(whole, Mapping) else None
    if not isinstance(results, list):
        findings.note(f"left out {file.name}, which has no results.results")
        return
    for number, result in enumerate(results, 1):
        findings.rows += 1
        place = Place(str(file), "result", number)
        if isinstance(result, Mapping):
            yield place, result
        else:
            findings.reject(place, "not a JSON object")


def _row(place: Place, result: Record, choices: Choices, findings: Findings) -> Row:
    usage = _object(_object(result, "response"), "tokenUsage") or _object(result, "tokenUsage")
    return Row(
        place,
        _prompt(result, choices.columns.get("prompt")),
        _model(result),
        _score(result, choices.metric, findings),
        usage.get("prompt"),
        usage.get("completion"),
        _cost(result),
        result.get("description") or nested(result, "testCase.description"),
    )


def _cost(result: Record) -> Any:
    """What the response says it cost; a result says 0 where nobody knows, or the cache answered."""
    response = _object(result, "response")
    if response.get("cached"):
        return None
    told = response.get("cost")
    return (result.get("cost") or None) if told is None else told


def _object(record: Record, name: str) -> Record:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _prompt(result: Record, column: str | None) -> str | None:
    if column:
        value = nested(result, column)
        return value if isinstance(value, str) else None
    prompt = result.get("prompt")
    return prompt_text(prompt.get("raw") if isinstance(prompt, Mapping) else prompt)


def _model(result: Record) -> Any:
    provider = result.get("provider")
    if not isinstance(provider, Mapping):
        return provider
    # A label is what tells apart two ways of asking one model.
    return provider.get("label") or provider.get("id")


def _score(result: Record, metric: str | None, findings: Findings) -> Any:
    failed = result.get("failureReason")
    if failed == _CALL_FAILED or (
        failed is None and result.get("error") and not result.get("response")
    ):
        findings.skip("calls that failed")
        return None
    if metric is None:
        return result.get("score")
    named = result.get("namedScores")
    return named.get(metric) if isinstance(named, Mapping) else None


FORMAT = Format(
    name="promptfoo",
    summary="promptfoo eval --output, JSON or JSONL",
    expects="results with provider, prompt and score",
    fits=_fits,
    read=_read,
    heeds=frozenset({"metric", "columns"}),
)

"""RouterArena: caches of a model's answers (JSONL), and a router's predictions (JSON).

A cache line has `global_index, question, llm_selected, token_usage, success, evaluation_result
{score, inference_cost}`; a prediction `global index, prompt, prediction, accuracy, cost,
generated_result`. Both spellings of the index occur. A failed call is missing, not zero. Source:
https://github.com/RouteWorks/RouterArena
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.importers.findings import Findings
from finerouter.importers.lookups import field_or_lookup, prompts_by_id
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, first_of, records

_INDEX = ("global_index", "global index", "Global Index")
_PROMPT = ("question", "prompt", "Question")


def _fits(seen: Peek) -> bool:
    return seen.any(
        lambda record: (
            any(name in record for name in _INDEX)
            and ("llm_selected" in record or "prediction" in record)
        )
    )


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    prompts = prompts_by_id(choices.prompts) if choices.prompts else {}
    for file in fitting_files(source, _fits, findings, ".jsonl", ".json"):
        for place, record in records(file, findings):
            if "llm_selected" in record:
                yield _answer(place, record, prompts, findings)
            else:
                yield _prediction(place, record, prompts, findings)


def _answer(place: Place, record: Record, prompts: Mapping[str, str], findings: Findings) -> Row:
    judged, usage = _object(record, "evaluation_result"), _object(record, "token_usage")
    return Row(
        place,
        field_or_lookup(record, _PROMPT, prompts),
        record.get("llm_selected"),
        _score(record, judged.get("score"), findings),
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        judged.get("inference_cost"),
        _benchmark(record),
    )


def _prediction(
    place: Place, record: Record, prompts: Mapping[str, str], findings: Findings
) -> Row:
    generated = _object(record, "generated_result")
    usage = _object(generated, "token_usage")
    return Row(
        place,
        field_or_lookup(record, _PROMPT, prompts),
        record.get("prediction"),
        _score(generated, record.get("accuracy"), findings),
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        record.get("cost"),
        _benchmark(record),
    )


def _score(call: Record, score: Any, findings: Findings) -> Any:
    if call.get("success") is False:
        findings.skip("calls that failed")
        return None
    return score


def _object(record: Record, name: str) -> Record:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _benchmark(record: Record) -> str | None:
    """The part before the number: item 659 of ArcMMLU is "ArcMMLU_659"."""
    index = first_of(record, *_INDEX)
    return index.rpartition("_")[0] or None if isinstance(index, str) else None


FORMAT = Format(
    name="routerarena",
    summary="RouterArena, cached_results/*.jsonl or predictions/*.json",
    expects="global_index (or `global index`) with llm_selected or prediction",
    fits=_fits,
    read=_read,
    heeds=frozenset({"prompts"}),
)

"""NVIDIA's LLM router blueprint: a JSON list of `idx, prompt, answer, images, model_scores`.

`model_scores` is an object of model and 0 or 1. The embeddings in the .npy beside it are not read.
Source: https://github.com/NVIDIA-AI-Blueprints/llm-router
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from finerouter.importers.findings import Findings
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import records, split_of


def _fits(seen: Peek) -> bool:
    return seen.any(
        lambda record: "prompt" in record and isinstance(record.get("model_scores"), Mapping)
    )


def _read(source: Path, _: Choices, findings: Findings) -> Iterator[Row]:
    for file in fitting_files(source, _fits, findings, ".json", ".jsonl"):
        split = split_of(file)
        for place, record in records(file, findings):
            scores = record.get("model_scores")
            if not isinstance(scores, Mapping):
                findings.reject(place, "`model_scores` is not an object of model and score")
                continue
            prompt = prompt_text(record.get("prompt"))
            for model, score in scores.items():
                yield Row(place, prompt, model, score, split=split)


FORMAT = Format(
    name="nvidia",
    summary="NVIDIA LLM router blueprint, a JSON list with model_scores{model: score}",
    expects="a list of objects with `prompt` and an object `model_scores`",
    fits=_fits,
    read=_read,
)

"""RouterDC: JSON lists of `question, scores{model: score}, cluster_id`, one file a benchmark.

For multiple choice the published score is the probability of the right option where that was the
likeliest, else 0; elsewhere it is the share of ten samples that are right. `--metric correct`
makes the former 1 or 0. Source: https://github.com/shuhao02/RouterDC
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from finerouter.errors import ConfigError
from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import records, split_of, stem_without_split

_METRICS = ("score", "correct")
_LOOKED_AT = 200
_SAMPLES = 10


def _fits(seen: Peek) -> bool:
    return seen.any(
        lambda record: "question" in record and isinstance(record.get("scores"), Mapping)
    )


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    metric = choices.metric or "score"
    if metric not in _METRICS:
        raise ConfigError(f"routerdc has the metrics {' and '.join(_METRICS)}, not {metric!r}")
    for file in fitting_files(source, _fits, findings, ".json", ".jsonl"):
        benchmark, split = stem_without_split(file), split_of(file)
        probabilities = _holds_probabilities(file)
        if probabilities and metric == "score":
            findings.note(
                "multiple-choice scores are probabilities of the right option; --metric correct "
                "makes them 1 or 0"
            )
        for place, record in records(file, findings):
            scores = record.get("scores")
            if not isinstance(scores, Mapping):
                findings.reject(place, "`scores` is not an object of model and score")
                continue
            prompt = record.get("question")
            for model, score in scores.items():
                value = _correct(score) if probabilities and metric == "correct" else score
                # By position: with names, making a row takes twice as long.
                yield Row(place, prompt, model, value, None, None, None, benchmark, split)


def _holds_probabilities(file: Path) -> bool:
    """Whether some score is no share of ten samples."""
    first = islice(records(file, Findings()), _LOOKED_AT)
    return any(
        isinstance(score, float) and 1e-6 < score * _SAMPLES % 1 < 1 - 1e-6
        for _, record in first
        if isinstance(record.get("scores"), Mapping)
        for score in record["scores"].values()
    )


def _correct(score: Any) -> Any:
    return float(score > 0) if isinstance(score, int | float) and 0 <= score <= 1 else score


FORMAT = Format(
    name="routerdc",
    summary="RouterDC, JSON lists of question and scores{model: score}",
    expects="a list of objects with `question` and an object `scores`",
    fits=_fits,
    read=_read,
    heeds=frozenset({"metric"}),
)

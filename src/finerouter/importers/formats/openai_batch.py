"""OpenAI batch outputs with scores: JSONL of `custom_id, response{status_code, body}, error`.

`body` has `model` and `usage{prompt_tokens, completion_tokens}` (Responses: `input_tokens,
output_tokens`). Outputs have no prompts: `--prompts` names the batch's request file,
`custom_id, body{messages}`. Scores come from `--scores`, `custom_id, score` and `model` where one
id was asked of several models. A request that failed is missing. Source:
https://platform.openai.com/docs/guides/batch
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.errors import ConfigError
from finerouter.importers.findings import Findings
from finerouter.importers.lookups import ScoreKey, score_of, scores_by_id
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, first_of, nested, records

_DONE = 200


def _fits(seen: Peek) -> bool:
    return seen.has("custom_id", "response")


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    if choices.prompts is None or choices.scores is None:
        raise ConfigError(
            f"{source}: a batch output has neither prompts nor scores; give --prompts "
            "REQUESTS.jsonl and --scores FILE with custom_id and score"
        )
    prompts = _requests(choices.prompts)
    scores = scores_by_id(choices.scores)
    for file in fitting_files(source, _fits, findings, ".jsonl"):
        for place, record in records(file, findings):
            if "response" not in record:
                findings.skip("lines that are no output (a request file?)")
                continue
            yield _row(place, record, prompts, scores, choices.model, findings)


def _requests(path: Path) -> dict[str, str]:
    found = {}
    for _, record in records(path, Findings()):
        body = record.get("body")
        text = prompt_text(first_of(body, "messages", "input", "prompt")) if body else None
        if text is not None:
            found[str(record.get("custom_id"))] = text
    return found


def _row(
    place: Place,
    record: Record,
    prompts: Mapping[str, str],
    scores: Mapping[ScoreKey, Any],
    model: str | None,
    findings: Findings,
) -> Row:
    request = record.get("custom_id")
    name = model or nested(record, "response.body.model") or "?"
    usage = nested(record, "response.body.usage") or {}
    return Row(
        place,
        prompts.get(str(request)),
        name,
        _score(record, scores, name, findings),
        first_of(usage, "prompt_tokens", "input_tokens"),
        first_of(usage, "completion_tokens", "output_tokens"),
    )


def _score(record: Record, scores: Mapping[ScoreKey, Any], model: str, findings: Findings) -> Any:
    if record.get("error") or nested(record, "response.status_code") not in (None, _DONE):
        findings.skip("requests that failed")
        return None
    score = score_of(scores, record.get("custom_id"), model)
    if score is None:
        findings.skip("requests without a score")
    return score


FORMAT = Format(
    name="openai-batch",
    summary="OpenAI batch outputs, with --prompts (the request file) and --scores",
    expects="custom_id and response on each line",
    fits=_fits,
    read=_read,
    heeds=frozenset({"prompts", "scores", "model"}),
)

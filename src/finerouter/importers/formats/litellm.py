"""LiteLLM spend logs with scores: rows of `LiteLLM_SpendLogs` as JSON, JSONL, CSV or Parquet.

Fields `request_id, model, model_group, spend, prompt_tokens, completion_tokens, cache_hit, status,
messages, metadata`. The proxy stores `messages` only with `store_prompts_in_spend_logs`; without
them `--prompts` joins by request id. Scores are no part of a spend log: they come from `--scores`
by request id, or from a field that `--column score=metadata.NAME` names. A cache hit costs
nothing and says nothing of the price, so its cost is unknown. Source: https://docs.litellm.ai
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finerouter.errors import ConfigError
from finerouter.importers.findings import Findings
from finerouter.importers.lookups import ScoreKey, prompts_by_id, score_of, scores_by_id
from finerouter.importers.messages import prompt_text
from finerouter.importers.peeking import Peek, fitting_files
from finerouter.importers.places import Place
from finerouter.importers.protocol import Choices, Format, Row
from finerouter.importers.records import Record, nested, records


def _fits(seen: Peek) -> bool:
    return seen.has("request_id", "spend", "model")


def _read(source: Path, choices: Choices, findings: Findings) -> Iterator[Row]:
    column = choices.columns.get("score")
    if choices.scores is None and column is None:
        raise ConfigError(
            f"{source}: a spend log has no scores; give --scores FILE with request_id and score, "
            "or --column score=metadata.NAME"
        )
    scores = scores_by_id(choices.scores) if choices.scores else {}
    prompts = prompts_by_id(choices.prompts) if choices.prompts else {}
    for file in fitting_files(source, _fits, findings, ".jsonl", ".json", ".csv", ".parquet"):
        for place, record in records(file, findings):
            yield _row(place, record, column, scores, prompts, findings)


def _row(
    place: Place,
    record: Record,
    column: str | None,
    scores: Mapping[ScoreKey, Any],
    prompts: Mapping[str, str],
    findings: Findings,
) -> Row:
    request = record.get("request_id")
    model = record.get("model_group") or record.get("model")
    score = _field(record, column) if column else score_of(scores, request, str(model))
    if score is None:
        findings.skip("requests without a score")
    return Row(
        place,
        _prompt(record) or prompts.get(str(request)),
        model,
        score,
        record.get("prompt_tokens"),
        record.get("completion_tokens"),
        None if str(record.get("cache_hit")).lower() == "true" else record.get("spend"),
    )


def _prompt(record: Record) -> str | None:
    for value in (record.get("messages"), _field(record, "proxy_server_request.messages")):
        # An empty object or list is what the proxy writes when it does not store prompts.
        if value and value not in ("{}", "[]"):
            return prompt_text(value)
    return None


def _field(record: Record, path: str) -> Any:
    """A nested field, where an object on the way may have been exported as JSON text."""
    name, _, rest = path.partition(".")
    value = record.get(name)
    if rest and isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return nested(value, rest) if rest else value


FORMAT = Format(
    name="litellm",
    summary="LiteLLM spend logs, with --scores or --column score=metadata.NAME",
    expects="request_id, model and spend in each row",
    fits=_fits,
    read=_read,
    heeds=frozenset({"scores", "prompts", "columns"}),
)

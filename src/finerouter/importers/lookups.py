"""Files beside the outcomes: prompts by id, scores by id.

Takes a path; gives a dict by id as text, since one file writes 7 where another writes "7".
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.messages import prompt_text
from finerouter.importers.records import Record, first_of, kind_of, records, whole_json

_IDS = (
    "id",
    "prompt_id",
    "custom_id",
    "request_id",
    "global_index",
    "global index",
    "Global Index",
    "question_id",
    "sample_id",
    "idx",
    "index",
)
_PROMPTS = ("prompt", "question", "Question", "query", "input", "messages", "body")


class ScoreKey(NamedTuple):
    """What a score belongs to; the model is "" where ids alone are unique."""

    id: str
    model: str = ""


def prompts_by_id(path: Path) -> dict[str, str]:
    """Prompts of a table with an id and a prompt column, or of a JSON object id to prompt.

    Raises:
        DataError: no such columns, or nothing in it.
    """
    if kind_of(path) == "json object":
        whole = whole_json(path)
        found = {str(key): text for key, text in whole.items() if isinstance(text, str)}
    else:
        found = {}
        for place, record in records(path, Findings()):
            key, text = first_of(record, *_IDS), prompt_text(first_of(record, *_PROMPTS))
            if key is None or text is None:
                raise DataError(
                    f"{place}: needs an id ({', '.join(_IDS[:4])} ...) and a prompt "
                    f"({', '.join(_PROMPTS[:4])} ...); it has {', '.join(map(str, record))}"
                )
            found[str(key)] = text
    if not found:
        raise DataError(f"{path}: holds no prompts; give an id and a prompt a row")
    return found


def scores_by_id(path: Path) -> dict[ScoreKey, Any]:
    """Scores of a table with the columns id and score, and model where an id has several.

    Raises:
        DataError: a row lacks its id, or comes twice.
    """
    scores: dict[ScoreKey, Any] = {}
    for place, record in records(path, Findings()):
        key = first_of(record, *_IDS)
        if key is None or "score" not in record:
            raise DataError(
                f"{place}: needs an id ({', '.join(_IDS[:4])} ...) and a score; it has "
                f"{', '.join(map(str, record))}"
            )
        whole = ScoreKey(str(key), str(record.get("model") or ""))
        if whole in scores:
            raise DataError(f"{place}: {key!r} comes twice; keep one score, or name the models")
        scores[whole] = record["score"]
    return scores


def score_of(scores: Mapping[ScoreKey, Any], key: Any, model: str) -> Any:
    """The score of an answer: of this id and model, else of this id."""
    exact = scores.get(ScoreKey(str(key), model))
    return scores.get(ScoreKey(str(key))) if exact is None else exact


def field_or_lookup(record: Record, names: tuple[str, ...], found: Mapping[str, str]) -> str | None:
    """A record's own prompt, else the one its id stands for."""
    text = first_of(record, *names)
    return text if isinstance(text, str) and text.strip() else prompt_of_id(record, found)


def prompt_of_id(record: Record, found: Mapping[str, str]) -> str | None:
    """The prompt that a record's id stands for."""
    return found.get(str(first_of(record, *_IDS)))

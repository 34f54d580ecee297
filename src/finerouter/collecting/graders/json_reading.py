"""JSON in an answer: the whole of it, a fenced block, or the first object or list in the text."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_MOST_BRACES = 1_000
_DECODER = json.JSONDecoder()


def first_object(text: str) -> dict[str, Any]:
    """The first object with fields in a text; {} where there is none."""
    braces = islice((match.start() for match in re.finditer("{", text)), _MOST_BRACES)
    values = (_decoded(text, start) for start in braces)
    return next((value for value in values if isinstance(value, dict) and value), {})


def json_value(text: str) -> tuple[bool, Any]:
    """Whether an answer is or holds JSON, and the value."""
    try:
        return True, json.loads(text)
    except (ValueError, RecursionError):
        pass
    sources = [*_FENCED.findall(text), text]
    for source in sources:
        starts = sorted(at for at in (source.find("{"), source.find("[")) if at >= 0)
        for start in starts:
            value = _decoded(source, start)
            if value is not None:
                return True, value
    return False, None


def _decoded(text: str, start: int) -> Any:
    try:
        return _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None

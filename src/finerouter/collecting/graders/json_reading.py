"""JSON in an answer: the whole of it, a fenced block, or the first object or list in the text."""

from __future__ import annotations

import json
import re
from typing import Any

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_DECODER = json.JSONDecoder()


def first_object(text: str) -> dict[str, Any]:
    """The object that begins at the first brace; {} where there is none."""
    start = text.find("{")
    value = _decoded(text, start) if start >= 0 else None
    return value if isinstance(value, dict) else {}


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

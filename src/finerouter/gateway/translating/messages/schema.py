"""JSON schemas as messages endpoints want them: every object says that it is closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Values, not schemas: an object in them is data.
_DATA = frozenset(("const", "default", "enum", "examples"))


def closed(schema: Any) -> Any:
    """The schema with `additionalProperties` false wherever an object leaves it out.

    Whatever fits the closed schema fits the open one, so the promise to the client holds.
    """
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    inner = {key: value if key in _DATA else closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if _is_object(schema) else inner


def open_objects(schema: Any) -> bool:
    """Whether an object of the schema says that it may hold properties it does not name."""
    return any(
        record.get("additionalProperties", False) is not False
        for record in _records(schema)
        if _is_object(record)
    )


def _is_object(record: Mapping[str, Any]) -> bool:
    kind = record.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _records(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        schema = [value for key, value in schema.items() if key not in _DATA]
    if isinstance(schema, list):
        for item in schema:
            yield from _records(item)

"""Schemas for messages endpoints."""

from __future__ import annotations

from finerouter.gateway.translating.messages.schema import closed, open_objects

ITEM = {"type": ["object", "null"], "properties": {"type": {"type": "string"}}}
DATA = {"type": "object", "additionalProperties": True}
SCHEMA = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": ITEM}, "kind": {"const": DATA}},
    "anyOf": [{"type": "object"}],
}


def test_every_object_is_closed_and_data_is_left_alone() -> None:
    shut = {"additionalProperties": False}
    assert closed(SCHEMA) == {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {**ITEM, **shut}},
            "kind": {"const": DATA},
        },
        "anyOf": [{"type": "object", **shut}],
        **shut,
    }
    assert "additionalProperties" not in SCHEMA


def test_open_objects_are_found_wherever_they_are() -> None:
    assert not open_objects(SCHEMA)
    assert not open_objects(closed(SCHEMA))
    assert open_objects({"type": "array", "items": {"anyOf": [DATA]}})

"""Frozen dataclasses <-> plain JSON values.

Takes values made of dataclasses, tuples, mappings and numbers; gives dictionaries, lists and
numbers, and reads them back by the classes' own annotations. Knows nothing of what they mean.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from math import isfinite
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from finerouter.errors import DataError

T = TypeVar("T")


def to_record(value: Any) -> Any:
    """The value as plain JSON values; NaN and infinity become None."""
    if is_dataclass(value):
        return {item.name: to_record(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_record(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_record(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def from_record(kind: type[T], record: Any, *, format_wanted: int) -> T:
    """Read what `to_record` gave of a dataclass; None where a plain number stood becomes NaN.

    Raises:
        DataError: the record is of another format, or a field is missing or of another type.
    """
    if not isinstance(record, Mapping) or record.get("format") != format_wanted:
        found = record.get("format") if isinstance(record, Mapping) else type(record).__name__
        raise DataError(
            f"not an evaluation of format {format_wanted} (found {found}); make it anew with "
            "finerouter evaluate ROUTER DATA --json"
        )
    try:
        read: T = _read(kind, record)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"not a whole evaluation ({type(error).__name__}: {error}); make it anew with "
            "finerouter evaluate ROUTER DATA --json"
        ) from error
    return read


def _read(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        return _read_dataclass(kind, value)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _read(inner[0], value)
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return tuple(_read(inner[0], item) for item in value)
        return tuple(_read(one, item) for one, item in zip(inner, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {key: _read(inner[1], item) for key, item in value.items()}
    if kind is float and value is None:
        return float("nan")
    return _checked(kind, value)


def _read_dataclass(kind: Any, value: Any) -> Any:
    """A field that came later has a default, so that earlier records can still be read."""
    hints = get_type_hints(kind)
    there = [item for item in fields(kind) if item.name in value or item.default is MISSING]
    return kind(**{item.name: _read(hints[item.name], value[item.name]) for item in there})


def _checked(kind: Any, value: Any) -> Any:
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed):
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return float(value) if kind is float else value

"""gateway.toml -> `GatewaySettings`, and its policies.

Takes the file; gives checked values with paths from its folder. An unknown key is an error, because
a misspelt one would otherwise be ignored in silence. Knows nothing of the pool and of keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from finerouter.errors import ConfigError, PolicyError
from finerouter.gateway.settings import GatewaySettings, PolicyTable
from finerouter.policy import Policy

BEST = "best"
_Kind = TypeVar("_Kind")
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at (?P<name>`key` in )?`\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def read_settings(path: Path) -> GatewaySettings:
    """Read gateway.toml; relative paths in it count from its folder.

    Raises:
        ConfigError: the file cannot be read, or a key or value is wrong; names file and key.
    """
    content = _content(path)
    for complaint in _unknown(content, inspect.type_info(GatewaySettings), ""):
        raise ConfigError(f"{path}: {complaint}")
    try:
        settings = _converted(content)
        policies(settings)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return _from_folder(settings, path.absolute().parent)


def policies(settings: GatewaySettings) -> dict[str, Policy]:
    """The policies by name, `best` first.

    Raises:
        ConfigError: a policy contradicts itself or takes the name of `best`; names its table.
    """
    found = {BEST: Policy()}
    for name, table in settings.policies.items():
        if name == BEST:
            raise ConfigError(
                "[policies.best]: best is always there and is quality alone; take another name, "
                "and make it the default_policy"
            )
        found[name] = _policy(name, table)
    return found


def _policy(name: str, table: PolicyTable) -> Policy:
    try:
        return Policy(
            cost_weight=table.cost_weight,
            min_quality=table.min_quality,
            max_cost_usd=table.max_cost_usd,
            risk_aversion=table.risk_aversion,
            allow=None if table.allow is None else frozenset(table.allow),
            deny=frozenset(table.deny),
        )
    except PolicyError as error:
        raise ConfigError(f"[policies.{name}]: {error}") from error


def _content(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML ({error}); mend the file") from error


def _from_folder(settings: GatewaySettings, folder: Path) -> GatewaySettings:
    replace = msgspec.structs.replace
    journal = replace(settings.journal, path=str(folder / Path(settings.journal.path).expanduser()))
    return replace(settings, pool=str(folder / Path(settings.pool).expanduser()), journal=journal)


def _unknown(content: Any, kind: inspect.Type, where: str) -> Iterator[str]:
    """Complaints about keys that no table has; values are another matter."""
    if isinstance(kind, inspect.StructType) and isinstance(content, dict):
        known = {item.name: item.type for item in kind.fields}
        for key, value in content.items():
            if key not in known:
                place = f" in {where}" if where else ""
                yield f"unknown key {key!r}{place}; known there: {', '.join(known)}"
            else:
                yield from _unknown(value, known[key], _table(where, key, value))
    elif isinstance(kind, inspect.DictType) and isinstance(content, dict):
        for key, value in content.items():
            yield from _unknown(value, kind.value_type, _table(where, key, value))
    elif isinstance(kind, inspect.VarTupleType) and isinstance(content, list):
        for number, value in enumerate(content, 1):
            yield from _unknown(value, kind.item_type, f"{where} number {number}")


def _table(where: str, key: str, value: Any) -> str:
    """A table's name as TOML writes it: `[budget]`, `[[keys]] number 2`, `[keys.budget]` of it."""
    if isinstance(value, list):
        return f"[[{key}]]"
    if where.startswith("[["):
        return f"[{key}] of {where}"
    inner = where.strip("[]")
    return f"[{inner}.{key}]" if inner else f"[{key}]"


def _converted(content: dict[str, Any]) -> GatewaySettings:
    # One policy at a time, for msgspec does not say in which of them something is wrong.
    named = content.get("policies")
    for name, table in named.items() if isinstance(named, dict) else ():
        _convert(table, PolicyTable, f"[policies.{name}]")
    return _convert(content, GatewaySettings, "")


def _convert(content: Any, kind: type[_Kind], where: str) -> _Kind:
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(_in_words(str(error), content, where)) from error


def _in_words(message: str, content: Any, where: str) -> str:
    """A complaint of msgspec, with the place as TOML writes it."""
    found = _PLACE.match(message)
    assert found is not None  # its last part is optional, and the first matches anything
    names = []
    for name, number in _STEP.findall(found["path"] or ""):
        content = _child(content, name, number)
        if number.isdigit() and isinstance(content, dict):
            where = f"{where} number {int(number) + 1}"
        elif name and isinstance(content, dict | list) and not _plain(content):
            where = _table(where, name, content)
        elif name:
            names.append(name)
    place = " ".join(part for part in (where, ".".join(names)) if part) or "the file"
    what = found["what"][:1].lower() + found["what"][1:]
    return f"{place}: {'a name: ' if found['name'] else ''}{what}; mend it"


def _plain(value: Any) -> bool:
    """Whether it is a list of values, and not a table or a list of tables."""
    return isinstance(value, list) and not any(isinstance(item, dict) for item in value)


def _child(value: Any, name: str, number: str) -> Any:
    if isinstance(value, dict) and name:
        return value.get(name)
    if isinstance(value, list) and number.isdigit():
        return value[int(number)]
    return None

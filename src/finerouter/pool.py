"""The models to choose from, with what they cost and can do.

Takes `pool.toml` or `models.json`; gives a `ModelPool`. Knows nothing of outcomes or endpoints'
protocols.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from finerouter.errors import PoolError

POOL_FILES = ("pool.toml", "models.json")


@dataclass(frozen=True)
class Model:
    """A candidate model.

    Attributes:
        model: its name, as in the outcomes.
        provider: who serves it; for people.
        input_usd_per_mtok: USD per million input tokens, None when unknown.
        output_usd_per_mtok: USD per million output tokens (reasoning tokens are output).
        context_window: tokens of prompt and answer together, None when unknown.
        capabilities: what else it takes or does, such as "vision", "tools", "json".
        note: anything; for people.
    """

    model: str
    provider: str = ""
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    context_window: int | None = None
    capabilities: frozenset[str] = frozenset()
    note: str = ""

    @property
    def priced(self) -> bool:
        """Whether both prices are known."""
        return self.input_usd_per_mtok is not None and self.output_usd_per_mtok is not None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without what is unset."""
        record = {item.name: getattr(self, item.name) for item in fields(self)}
        record["capabilities"] = sorted(self.capabilities)
        return {key: value for key, value in record.items() if value not in (None, "", [])}


@dataclass(frozen=True)
class ModelPool:
    """Models in a fixed order; the order is that of every [prompt, model] array."""

    models: tuple[Model, ...] = field(default=())

    @classmethod
    def of(cls, names: Iterable[str]) -> ModelPool:
        """A pool of which only the names are known."""
        return cls(tuple(Model(name) for name in names))

    @classmethod
    def read(cls, path: str | Path) -> ModelPool:
        """Read `pool.toml` (tables `[[models]]`), `models.json` (a list), or a folder with one.

        Raises:
            PoolError: no such file, or an entry is wrong; names file and entry.
        """
        path = _pool_file(Path(path))
        return cls.from_records(_records(path), source=str(path))

    @classmethod
    def from_records(cls, records: Sequence[Mapping[str, Any]], *, source: str) -> ModelPool:
        """Build from plain values, as `to_json` of the models gives them.

        Raises:
            PoolError: an entry is wrong, or two have the same name.
        """
        models = tuple(
            _model(record, f"{source}: model {number}") for number, record in enumerate(records, 1)
        )
        if not models:
            raise PoolError(f"{source}: holds no models; add at least two")
        names = [model.model for model in models]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PoolError(f"{source}: {twice[0]!r} is listed twice; keep one entry")
        return cls(models)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The models' names, in order."""
        return tuple(model.model for model in self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def __getitem__(self, name: str) -> Model:
        for model in self.models:
            if model.model == name:
                return model
        raise PoolError(f"model {name!r} is not in the pool; it has {', '.join(self.names)}")

    def subset(self, names: Iterable[str]) -> ModelPool:
        """The models of these names, in the order of the names.

        Raises:
            PoolError: a name is not in the pool.
        """
        return ModelPool(tuple(self[name] for name in names))

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Names of the models that lack a price."""
        return tuple(model.model for model in self.models if not model.priced)


def _pool_file(path: Path) -> Path:
    if path.is_dir():
        for name in POOL_FILES:
            if (path / name).is_file():
                return path / name
        raise PoolError(f"{path}: holds neither {' nor '.join(POOL_FILES)}")
    if not path.is_file():
        raise PoolError(f"{path}: no such file; give a pool.toml or models.json")
    return path


def _records(path: Path) -> list[Mapping[str, Any]]:
    import tomllib  # here, because a served router reads no pool file

    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (UnicodeDecodeError, ValueError) as error:
        raise PoolError(f"{path}: cannot be read ({error}); mend the file") from error
    if isinstance(content, dict):
        unknown = sorted(set(content) - {"models"})
        if unknown:
            raise PoolError(f"{path}: unknown key {unknown[0]!r}; models stand under [[models]]")
        content = content.get("models", [])
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise PoolError(f"{path}: expected a list of models, each a table with a `model` name")
    return content


def _model(record: Mapping[str, Any], where: str) -> Model:
    known = {item.name for item in fields(Model)}
    unknown = sorted(set(record) - known)
    if unknown:
        raise PoolError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    name = record.get("model")
    if not isinstance(name, str) or not name:
        raise PoolError(f"{where}: `model` must be a name")
    where = f"{where} ({name})"
    return Model(
        model=name,
        provider=str(record.get("provider", "")),
        input_usd_per_mtok=_price(record, "input_usd_per_mtok", where),
        output_usd_per_mtok=_price(record, "output_usd_per_mtok", where),
        context_window=_window(record, where),
        capabilities=_capabilities(record, where),
        note=str(record.get("note", "")),
    )


def _price(record: Mapping[str, Any], key: str, where: str) -> float | None:
    value = record.get(key)
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= sys.float_info.max:
        raise PoolError(f"{where}: {key} must be a number of USD, zero or more, not {value!r}")
    return float(value)


def _window(record: Mapping[str, Any], where: str) -> int | None:
    value = record.get("context_window")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise PoolError(f"{where}: context_window must be a whole number of tokens, not {value!r}")
    return value


def _capabilities(record: Mapping[str, Any], where: str) -> frozenset[str]:
    value = record.get("capabilities", [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise PoolError(f"{where}: capabilities must be a list of words, not {value!r}")
    return frozenset(value)

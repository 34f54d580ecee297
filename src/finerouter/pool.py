"""The models to choose from, with what they cost and can do.

Takes `pool.toml` or `models.json`; gives a `ModelPool`. Knows nothing of outcomes. How a model is
asked stands in `asking.py`; it is read from pool files and not written into datasets and routers,
which shall not say where to send prompts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.asking import Asking, Endpoint, read_endpoint, read_parameters
from finerouter.errors import PoolError

Floats = NDArray[np.float64]
POOL_FILES = ("pool.toml", "models.json")
# Fields of a model that say where prompts are sent, and the keys of a pool entry they come from.
_UNWRITTEN = frozenset(("asking", "further_askings"))
_ASKING = frozenset(("endpoint", "upstream_model", "parameters"))


@dataclass(frozen=True)
class Model:
    """A candidate model.

    Attributes:
        model: its name, as in the outcomes.
        provider: who serves it; for people.
        input_usd_per_mtok: USD per million input tokens, None when unknown.
        output_usd_per_mtok: USD per million output tokens (reasoning tokens are output).
        cached_input_usd_per_mtok: USD per million input tokens read from the provider's prompt
            cache, None for the price of input.
        cache_write_usd_per_mtok: USD per million input tokens written to it, None likewise.
        context_window: tokens of prompt and answer together, None when unknown.
        capabilities: what else it takes or does, such as "vision", "tools", "json".
        note: anything; for people.
        family: whose kin it is, such as "llama": a judge does not judge its own family.
        asking: at which endpoint and how it is asked, None when nobody said.
        further_askings: other endpoints that serve it too; the gateway alone uses them.
    """

    model: str
    provider: str = ""
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    context_window: int | None = None
    capabilities: frozenset[str] = frozenset()
    note: str = ""
    cached_input_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    family: str = ""
    asking: Asking | None = None
    further_askings: tuple[Asking, ...] = ()

    @property
    def askings(self) -> tuple[Asking, ...]:
        """All ways of asking it, one per endpoint; () when nobody said."""
        return (self.asking, *self.further_askings) if self.asking else ()

    @property
    def priced(self) -> bool:
        """Whether both prices are known."""
        return self.input_usd_per_mtok is not None and self.output_usd_per_mtok is not None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without what is unset and without how it is asked."""
        kept = {item.name for item in fields(self)} - _UNWRITTEN
        record = {item.name: getattr(self, item.name) for item in fields(self) if item.name in kept}
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
        """Read `pool.toml`, `models.json` (a list of models), or a folder with one.

        A TOML file holds tables `[[models]]` and, for those that are to be asked,
        `[endpoints.NAME]`.

        Raises:
            PoolError: no such file, or an entry is wrong; names file and entry.
        """
        path = _pool_file(Path(path))
        records, endpoints = _records(path)
        return cls.from_records(records, source=str(path), endpoints=endpoints)

    @classmethod
    def from_records(
        cls,
        records: Sequence[Mapping[str, Any]],
        *,
        source: str,
        endpoints: Mapping[str, Endpoint] | None = None,
    ) -> ModelPool:
        """Build from plain values, as `to_json` of the models gives them.

        Raises:
            PoolError: an entry is wrong, or two have the same name.
        """
        models = tuple(
            _model(record, endpoints or {}, f"{source}: model {number}")
            for number, record in enumerate(records, 1)
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

    @cached_property
    def usd_per_mtok(self) -> tuple[Floats, Floats]:
        """USD per million input and output tokens, each [model], NaN where unknown."""
        return (
            _column(model.input_usd_per_mtok for model in self.models),
            _column(model.output_usd_per_mtok for model in self.models),
        )

    @cached_property
    def context_windows(self) -> Floats:
        """Tokens of prompt and answer together, [model], infinite where unknown."""
        return _column(model.context_window or np.inf for model in self.models)

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


def _column(values: Iterable[float | None]) -> Floats:
    column = np.array(list(values), dtype=np.float64)
    # Kept and shared: every decision reads it.
    column.flags.writeable = False
    return column


def _pool_file(path: Path) -> Path:
    if path.is_dir():
        for name in POOL_FILES:
            if (path / name).is_file():
                return path / name
        raise PoolError(f"{path}: holds neither {' nor '.join(POOL_FILES)}")
    if not path.is_file():
        raise PoolError(f"{path}: no such file; give a pool.toml or models.json")
    return path


def _records(path: Path) -> tuple[list[Mapping[str, Any]], dict[str, Endpoint]]:
    import tomllib  # here, because a served router reads no pool file

    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (UnicodeDecodeError, ValueError) as error:
        raise PoolError(f"{path}: cannot be read ({error}); mend the file") from error
    endpoints: Any = {}
    if isinstance(content, dict):
        unknown = sorted(set(content) - {"models", "endpoints"})
        if unknown:
            raise PoolError(
                f"{path}: unknown key {unknown[0]!r}; models stand under [[models]], endpoints "
                "under [endpoints.NAME]"
            )
        content, endpoints = content.get("models", []), content.get("endpoints", {})
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise PoolError(f"{path}: expected a list of models, each a table with a `model` name")
    return content, _endpoints(endpoints, path)


def _endpoints(content: Any, path: Path) -> dict[str, Endpoint]:
    if not isinstance(content, dict):
        raise PoolError(f"{path}: endpoints must be tables [endpoints.NAME]")
    return {
        name: read_endpoint(name, record, path.absolute().parent, f"{path}: endpoint {name!r}")
        for name, record in content.items()
    }


def _model(record: Mapping[str, Any], endpoints: Mapping[str, Endpoint], where: str) -> Model:
    known = ({item.name for item in fields(Model)} - _UNWRITTEN) | _ASKING
    unknown = sorted(set(record) - known)
    if unknown:
        raise PoolError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    name = record.get("model")
    if not isinstance(name, str) or not name:
        raise PoolError(f"{where}: `model` must be a name")
    where = f"{where} ({name})"
    asking, *further = _askings(record, endpoints, where) or (None,)
    return Model(
        model=name,
        provider=str(record.get("provider", "")),
        input_usd_per_mtok=_price(record, "input_usd_per_mtok", where),
        output_usd_per_mtok=_price(record, "output_usd_per_mtok", where),
        context_window=_window(record, where),
        capabilities=_capabilities(record, where),
        note=str(record.get("note", "")),
        cached_input_usd_per_mtok=_price(record, "cached_input_usd_per_mtok", where),
        cache_write_usd_per_mtok=_price(record, "cache_write_usd_per_mtok", where),
        family=str(record.get("family", "")),
        asking=asking,
        further_askings=tuple(further),
    )


def _askings(
    record: Mapping[str, Any], endpoints: Mapping[str, Endpoint], where: str
) -> tuple[Asking, ...]:
    if "endpoint" not in record:
        idle = sorted(_ASKING & set(record))
        if idle:
            raise PoolError(f"{where}: {idle[0]} does nothing without an `endpoint`; name one")
        return ()
    names = record["endpoint"] if isinstance(record["endpoint"], list) else [record["endpoint"]]
    if not names or len(set(map(str, names))) < len(names):
        raise PoolError(f"{where}: endpoint must name one endpoint or several different ones")
    upstream_names = record.get("upstream_model", record["model"])
    if isinstance(upstream_names, dict):
        strangers = sorted(set(upstream_names) - set(map(str, names)))
        if strangers:
            raise PoolError(
                f"{where}: upstream_model names {strangers[0]!r}, which is not among its endpoints"
            )
    return tuple(_asking(record, str(name), upstream_names, endpoints, where) for name in names)


def _asking(
    record: Mapping[str, Any],
    name: str,
    upstream_names: Any,
    endpoints: Mapping[str, Endpoint],
    where: str,
) -> Asking:
    endpoint = endpoints.get(name)
    if endpoint is None:
        raise PoolError(
            f"{where}: there is no endpoint {name!r}; add [endpoints.NAME] with its "
            f"base_url (there: {', '.join(endpoints) or 'none'})"
        )
    if isinstance(upstream_names, dict):
        upstream_names = upstream_names.get(name, record["model"])
    if not isinstance(upstream_names, str) or not upstream_names:
        raise PoolError(f"{where}: upstream_model must be the name that the endpoint knows")
    parameters = read_parameters(record.get("parameters", {}), endpoint.api, f"{where}: parameters")
    return Asking(endpoint, upstream_names, parameters)


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

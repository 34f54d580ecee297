"""A price table with the day it holds for.

Takes a TOML or JSON file and the names of the imported models; gives their pool. A price without
a day means nothing a year later, so a table without one is refused.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from finerouter.errors import PoolError
from finerouter.pool import Model, ModelPool


@dataclass(frozen=True)
class PriceTable:
    """Prices of some models on a day.

    Attributes:
        path: where they were read.
        day: the day, as YYYY-MM-DD.
        pool: the models of the table.
    """

    path: Path
    day: str
    pool: ModelPool

    @classmethod
    def read(cls, path: Path) -> PriceTable:
        """Read a file with `date = 2025-11-01` and `[[models]]` as in `pool.toml`.

        Raises:
            PoolError: the file cannot be read, has no date, or an entry is wrong.
        """
        content = _content(path)
        records = content.get("models", [])
        unknown = sorted(set(content) - {"date", "models"})
        if unknown:
            raise PoolError(f"{path}: unknown key {unknown[0]!r}; a price table has date, models")
        if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
            raise PoolError(f"{path}: expected [[models]], each with a `model` and its prices")
        return cls(path, _day(path, content), ModelPool.from_records(records, source=str(path)))

    def pool_of(self, names: Sequence[str], aliases: Mapping[str, str]) -> ModelPool:
        """The pool of these models; one that the table lacks has no price.

        The date goes into each model's note. The table may use names that aliases know.
        """
        listed = {aliases.get(model.model, model.model): model for model in self.pool}
        return ModelPool(tuple(self._model(name, listed.get(name)) for name in names))

    def _model(self, name: str, listed: Model | None) -> Model:
        if listed is None:
            return Model(name)
        note = f"prices of {self.day}"
        return replace(listed, model=name, note=f"{listed.note}; {note}" if listed.note else note)


def _content(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise PoolError(f"{path}: cannot be read ({error}); give a TOML or JSON file") from error
    if not isinstance(content, dict):
        raise PoolError(f"{path}: a price table has `date` and [[models]]; a bare list has no date")
    return content


def _day(path: Path, content: Mapping[str, Any]) -> str:
    value = content.get("date")
    if value is None:
        raise PoolError(
            f"{path}: has no date; write the day the prices hold for: date = 2025-11-01"
        )
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise PoolError(f"{path}: date must be YYYY-MM-DD, not {value!r}") from error

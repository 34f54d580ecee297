"""Rows to arrays: names resolved, numbers checked, repeats averaged.

Takes rows one by one; gives outcomes [prompt, model] with the number of repeats behind each. Holds
some fifty bytes an outcome and each prompt's text once. Knows nothing of files or formats.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.protocol import Row
from finerouter.importers.scale import Outliers, Scale

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_LEFT_OUT, _NAMELESS = -1, -2
_CELL_BYTES = 32  # score, two token counts and a cost, as doubles
_MOST_CELLS = 64_000_000
_SHOWN_CHARS = 60


@dataclass(frozen=True, eq=False)
class Gathered:
    """Outcomes of all rows.

    Attributes:
        prompts: the texts, in order of appearance.
        benchmarks: where each came from, None where nobody said.
        models: names, in order of appearance.
        score, input_tokens, output_tokens, cost_usd: [prompt, model], means over repeats, NaN where
            missing or unknown.
        repeats: [prompt, model], how many rows each score is the mean of; 0 where missing.
        splits: names of the dataset's parts.
        in_splits: [prompt], bits of the parts that a prompt appeared in.
        missing: rows without a score.
        relabelled: prompts that came with more than one benchmark; the first was kept.
    """

    prompts: tuple[str, ...]
    benchmarks: tuple[str | None, ...]
    models: tuple[str, ...]
    score: Floats
    input_tokens: Floats
    output_tokens: Floats
    cost_usd: Floats
    repeats: Codes
    splits: tuple[str, ...]
    in_splits: Codes
    missing: int
    relabelled: int


class Gatherer:
    """Takes rows until `finish`."""

    def __init__(
        self,
        findings: Findings,
        scale: Scale,
        aliases: Mapping[str, str] | None = None,
        keep: Sequence[str] = (),
    ) -> None:
        self.findings = findings
        self.outliers = Outliers(scale)
        self.aliases = aliases or {}
        self.keep = keep
        self.used_aliases: set[str] = set()
        self.left_out: set[str] = set()
        self.missing = 0
        self._scale = scale
        self._low, self._high = sorted((scale.worst, scale.best))
        self._codes: dict[Any, int] = {}  # a model's name as written, to its column
        self._models: dict[str, int] = {}
        self._prompts: dict[str, int] = {}
        self._benchmarks: list[str | None] = []
        self._relabelled: set[int] = set()
        self._splits: dict[str, int] = {}
        self._in_splits: list[int] = []
        self._prompt_at, self._model_at = array("i"), array("i")
        self._values = tuple(array("d") for _ in range(4))

    def add(self, row: Row) -> None:
        """Take one row; a bad one goes to the findings."""
        column = self._column(row.model)
        if column == _LEFT_OUT:
            return
        if row.score is None and column != _NAMELESS:
            self.missing += 1
            return
        try:
            if column == _NAMELESS:
                raise ValueError("the model has no name")
            values = _measures(row)
            at = self._prompt_row(row.prompt, row.benchmark)
        except ValueError as error:
            self.findings.reject(row.place, str(error))
            return
        if not self._low <= values[0] <= self._high:
            self.outliers.add(row.place, values[0])
            return
        if row.split is not None:
            self._in_splits[at] |= self._split_bit(row.split)
        self._prompt_at.append(at)
        self._model_at.append(column)
        for store, value in zip(self._values, values, strict=True):
            store.append(value)

    def _column(self, written: Any) -> int:
        if not isinstance(written, str):
            return _NAMELESS
        code = self._codes.get(written)
        return self._new_model(written) if code is None else code

    def _prompt_row(self, prompt: Any, benchmark: str | None) -> int:
        at = self._prompts.get(prompt) if isinstance(prompt, str) else None
        if at is None:
            return self._new_prompt(prompt, benchmark)
        if benchmark is not None and benchmark != self._benchmarks[at]:
            self._relabel(at, benchmark)
        return at

    def _new_model(self, written: str) -> int:
        name = self.aliases.get(written, written)
        if written in self.aliases:
            self.used_aliases.add(written)
        if not name.strip():
            code = _NAMELESS
        elif self.keep and not any(fnmatchcase(name, pattern) for pattern in self.keep):
            self.left_out.add(name)
            code = _LEFT_OUT
        else:
            code = self._models.setdefault(name, len(self._models))
        self._codes[written] = code
        return code

    def _new_prompt(self, prompt: Any, benchmark: str | None) -> int:
        if not isinstance(prompt, str) or not prompt.strip():
            raise ValueError("the prompt is empty")
        if not _is_text(prompt):
            raise ValueError("the prompt holds half a character (a lone surrogate)")
        at = self._prompts[prompt] = len(self._prompts)
        self._benchmarks.append(benchmark)
        self._in_splits.append(0)
        return at

    def _relabel(self, at: int, benchmark: str) -> None:
        if self._benchmarks[at] is None:
            self._benchmarks[at] = benchmark
        else:
            self._relabelled.add(at)

    def _split_bit(self, split: str) -> int:
        return 1 << min(self._splits.setdefault(split, len(self._splits)), 62)

    def finish(self, source: str) -> Gathered:
        """Average repeats and lay the outcomes out.

        Raises:
            DataError: there are none, a score lay outside the scale, or the table is too large.
        """
        self.outliers.check()
        if not self._prompt_at:
            raise DataError(self._why_nothing(source))
        self._check_size(source)
        prompt_at = np.frombuffer(self._prompt_at, dtype=np.int32).astype(np.int64)
        model_at = np.frombuffer(self._model_at, dtype=np.int32)
        shape = (len(self._prompts), len(self._models))
        cells = prompt_at * shape[1] + model_at
        grids = [_means(cells, np.frombuffer(values), shape) for values in self._values]
        score = (grids[0] - self._scale.worst) / (self._scale.best - self._scale.worst)
        # A model may have had missing outcomes only.
        seen = np.flatnonzero(~np.isnan(score).all(axis=0))
        names = tuple(self._models)
        return Gathered(
            prompts=tuple(self._prompts),
            benchmarks=tuple(self._benchmarks),
            models=tuple(names[at] for at in seen),
            score=np.clip(score[:, seen], 0.0, 1.0),  # for rounding: all lay within
            input_tokens=grids[1][:, seen],
            output_tokens=grids[2][:, seen],
            cost_usd=grids[3][:, seen],
            repeats=np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)[:, seen],
            splits=tuple(self._splits),
            in_splits=np.array(self._in_splits, dtype=np.int64),
            missing=self.missing,
            relabelled=len(self._relabelled),
        )

    def _why_nothing(self, source: str) -> str:
        if self.left_out:
            shown = ", ".join(sorted(self.left_out)[:5])
            return f"{source}: no model matches {' '.join(self.keep)}; it has {shown}"
        reasons = [f"{count} {reason}" for reason, count in self.findings.skipped.items()]
        reasons += [f"{self.missing} rows without a score"] * bool(self.missing)
        reasons += [f"bad: {example}" for example in self.findings.examples[:1]]
        return f"{source}: holds no outcomes ({'; '.join(reasons) or 'no rows'}); check the path"

    def _check_size(self, source: str) -> None:
        cells = len(self._prompts) * len(self._models)
        if cells > _MOST_CELLS:
            raise DataError(
                f"{source}: {len(self._prompts)} prompts by {len(self._models)} models would take "
                f"{cells * _CELL_BYTES / 1e9:.1f} GB; keep fewer models with --models"
            )


def _measures(row: Row) -> tuple[float, float, float, float]:
    """Score, input tokens, output tokens, cost; NaN where unknown."""
    return (
        _number(row.score, "score"),
        math.nan if row.input_tokens is None else _amount(row.input_tokens, "input_tokens"),
        math.nan if row.output_tokens is None else _amount(row.output_tokens, "output_tokens"),
        math.nan if row.cost_usd is None else _amount(row.cost_usd, "cost_usd"),
    )


def _number(value: Any, name: str) -> float:
    if type(value) is not float:
        try:
            value = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{name} is {_shown(value)}, not a number") from None
    if value != value:
        raise ValueError(f"{name} is NaN; leave it empty if it is missing")
    number: float = value
    return number


def _amount(value: Any, name: str) -> float:
    number = _number(value, name)
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} is {number:g}, not zero or more")
    return number


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def _is_text(prompt: str) -> bool:
    """Whether a prompt can be written as UTF-8."""
    try:
        return prompt.isascii() or bool(prompt.encode())
    except UnicodeEncodeError:
        return False


def _means(cells: Codes, values: Floats, shape: tuple[int, int]) -> Floats:
    """Mean of the known values of each cell, NaN where there is none."""
    size = shape[0] * shape[1]
    known = ~np.isnan(values)
    count = np.bincount(cells[known], minlength=size)
    total = np.bincount(cells[known], weights=values[known], minlength=size)
    # One NaN for all: NaNs of other signs would change the fingerprint of equal tables.
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape)

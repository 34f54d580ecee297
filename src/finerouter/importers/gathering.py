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
        self._last: tuple[Any, Any, int] = (object(), None, -1)  # prompt, benchmark, row
        self._prompt_at, self._model_at, self._scores = array("i"), array("i"), array("d")
        self._measured = tuple(_Sparse() for _ in range(3))

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
            score = _number(row.score, "score")
            measured = _measures(row)
            at = self._prompt_row(row.prompt, row.benchmark)
        except ValueError as error:
            self.findings.reject(row.place, str(error))
            return
        if not self._low <= score <= self._high:
            self.outliers.add(row.place, score)
            return
        if row.split is not None:
            self._in_splits[at] |= self._split_bit(row.split)
        for store, value in zip(self._measured, measured, strict=True) if measured else ():
            store.put(len(self._scores), value)
        self._prompt_at.append(at)
        self._model_at.append(column)
        self._scores.append(score)

    def _column(self, written: Any) -> int:
        if not isinstance(written, str):
            return _NAMELESS
        code = self._codes.get(written)
        return self._new_model(written) if code is None else code

    def _prompt_row(self, prompt: Any, benchmark: Any) -> int:
        last, of_last, at = self._last
        if prompt is last and benchmark is of_last:  # one prompt's outcomes often come together
            return at
        known = self._prompts.get(prompt) if isinstance(prompt, str) else None
        if known is None:
            known = self._new_prompt(prompt, benchmark)
        elif benchmark is not None and str(benchmark) != self._benchmarks[known]:
            self._relabel(known, str(benchmark))
        self._last = prompt, benchmark, known
        return known

    def _new_model(self, written: str) -> int:
        name = self.aliases.get(written, written)
        if written in self.aliases:
            self.used_aliases.add(written)
        if not name.strip() or not _is_text(name):
            code = _NAMELESS
        elif self.keep and not any(fnmatchcase(name, pattern) for pattern in self.keep):
            self.left_out.add(name)
            code = _LEFT_OUT
        else:
            code = self._models.setdefault(name, len(self._models))
        self._codes[written] = code
        return code

    def _new_prompt(self, prompt: Any, benchmark: Any) -> int:
        if not isinstance(prompt, str) or not prompt.strip():
            raise ValueError("the prompt is empty")
        if not _is_text(prompt):
            raise ValueError("the prompt holds half a character (a lone surrogate)")
        at = self._prompts[prompt] = len(self._prompts)
        self._benchmarks.append(None if benchmark is None else str(benchmark))
        self._in_splits.append(0)
        return at

    def _relabel(self, at: int, benchmark: str) -> None:
        if self._benchmarks[at] is None:
            self._benchmarks[at] = benchmark
        else:
            self._relabelled.add(at)

    def _split_bit(self, split: Any) -> int:
        return 1 << min(self._splits.setdefault(str(split), len(self._splits)), 62)

    def finish(self, source: str) -> Gathered:
        """Average repeats and lay the outcomes out.

        Raises:
            DataError: there are none, a score lay outside the scale, or the table is too large.
        """
        self.outliers.check()
        if not self._prompt_at:
            raise DataError(self._why_nothing(source))
        self._check_size(source)
        shape = (len(self._prompts), len(self._models))
        cells = np.frombuffer(self._prompt_at, dtype=np.int32).astype(np.int64)
        cells *= shape[1]
        cells += np.frombuffer(self._model_at, dtype=np.int32)
        score = _means(cells, np.frombuffer(self._scores), shape)
        score -= self._scale.worst
        score /= self._scale.best - self._scale.worst
        np.clip(score, 0.0, 1.0, out=score)  # for rounding: all lay within
        tokens_in, tokens_out, cost = (store.means(cells, shape) for store in self._measured)
        # A model may have had missing outcomes only.
        seen = np.flatnonzero(~np.isnan(score).all(axis=0))
        at: Any = slice(None) if len(seen) == shape[1] else seen
        names = tuple(self._models)
        return Gathered(
            prompts=tuple(self._prompts),
            benchmarks=tuple(self._benchmarks),
            models=tuple(names[column] for column in seen),
            score=score[:, at],
            input_tokens=tokens_in[:, at],
            output_tokens=tokens_out[:, at],
            cost_usd=cost[:, at],
            repeats=np.bincount(cells, minlength=score.size).reshape(shape)[:, at],
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
                f"{cells * _CELL_BYTES / 1e9:.1f} GB; keep fewer models with --keep"
            )


class _Sparse:
    """Values of some of the rows; formats that have none cost no memory."""

    def __init__(self) -> None:
        self.values = array("d")

    def put(self, at: int, value: float) -> None:
        """Set the value of a row; rows come in order."""
        if value == value:
            missing = at - len(self.values)
            if missing:
                self.values.extend([math.nan] * missing)
            self.values.append(value)

    def means(self, cells: Codes, shape: tuple[int, int]) -> Floats:
        """Mean of each cell over its known values."""
        if not self.values:
            return np.broadcast_to(np.nan, shape)
        return _means(cells[: len(self.values)], np.frombuffer(self.values), shape)


def _measures(row: Row) -> tuple[float, float, float] | None:
    """Input tokens, output tokens and cost, NaN where unknown; None where all are."""
    if row.input_tokens is None and row.output_tokens is None and row.cost_usd is None:
        return None
    return (
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
    if not known.all():
        cells, values = cells[known], values[known]
    count = np.bincount(cells, minlength=size)
    total = np.asarray(np.bincount(cells, weights=values, minlength=size), dtype=np.float64)
    total /= np.maximum(count, 1)
    # One NaN for all: NaNs of other signs would change the fingerprint of equal tables.
    total[count == 0] = np.nan
    return total.reshape(shape)

"""A file of what is wanted -> pairs of prompt and model to ask.

Takes JSONL, CSV or Parquet, one prompt a row and, where only one model is to be asked, that model:
what `finerouter cells` and `finerouter probes` write. Gives `Wanted`. What is needed to grade an
answer comes from the prompts that the rows name. Knows nothing of how rows were chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finerouter.collecting.prompts import (
    BadRow,
    Prompt,
    Prompts,
    cell_text,
    check_bad_rows,
    rows_of,
)
from finerouter.collecting.work import Pair
from finerouter.pool import ModelPool


@dataclass(frozen=True)
class Wanted:
    """What a file asks for.

    Attributes:
        pairs: (prompt_id, model), each once, in the order of the file.
        bad_rows: what is wrong with each row that names no prompt or model.
        left_out: rows whose prompt was left out, for it could not be graded.
    """

    pairs: tuple[Pair, ...]
    bad_rows: tuple[str, ...] = ()
    left_out: int = 0


def read_wanted(path: Path, found: Prompts, pool: ModelPool, *, most_bad: float = 0.01) -> Wanted:
    """Read a file of what is wanted.

    Args:
        path: ends in .jsonl, .csv or .parquet. A row has `prompt_id` or `prompt` (the text counts
            where both are given and differ) and perhaps `model`; all models without.
        found: the prompts that its rows may name.
        pool: the models that they may name.
        most_bad: the share of bad rows that is put up with.

    Raises:
        DataError: it cannot be read, or has too many bad rows.
    """
    good, without = _Named.of(found.prompts), _Named.of(found.left_out)
    pairs: dict[Pair, None] = {}
    bad: list[str] = []
    rows = left_out = 0
    for place, row in rows_of(path):
        rows += 1
        try:
            prompt = _prompt(row, good, without)
            models = _models(row, pool)
        except BadRow as error:
            bad.append(f"{place}: {error}")
            continue
        if prompt is None:
            left_out += 1
        else:
            pairs |= dict.fromkeys((prompt.prompt_id, name) for name in models)
    check_bad_rows(path, bad, rows, most_bad)
    return Wanted(tuple(pairs), tuple(bad), left_out)


@dataclass(frozen=True)
class _Named:
    """Prompts by what rows call them."""

    by_id: Mapping[str, Prompt]
    by_text: Mapping[str, Prompt]

    @classmethod
    def of(cls, prompts: Iterable[Prompt]) -> _Named:
        listed = list(prompts)
        return cls({it.prompt_id: it for it in listed}, {it.text: it for it in listed})

    def find(self, prompt_id: str, text: str) -> Prompt | None:
        # Ids may have been made anew on the way, such as in a long table; the text is the same.
        named = self.by_id.get(prompt_id)
        return named if named and text in ("", named.text) else self.by_text.get(text)


def _prompt(row: Any, good: _Named, without: _Named) -> Prompt | None:
    """The prompt that a row names; None for one that was left out."""
    if isinstance(row, BadRow):
        raise row
    if not isinstance(row, dict):
        raise BadRow("is not a JSON object")
    prompt_id, text = cell_text(row.get("prompt_id")), cell_text(row.get("prompt"))
    if not prompt_id and not text:
        raise BadRow("has neither prompt_id nor prompt")
    prompt = good.find(prompt_id, text)
    if prompt is None and without.find(prompt_id, text) is None:
        raise BadRow(f"prompt {prompt_id or text[:40]!r} is not among the prompts")
    return prompt


def _models(row: Mapping[str, Any], pool: ModelPool) -> tuple[str, ...]:
    name = cell_text(row.get("model"))
    if name and name not in pool.names:
        raise BadRow(f"model {name!r} is not in the pool")
    return (name,) if name else pool.names

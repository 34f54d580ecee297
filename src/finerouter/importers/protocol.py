"""What every format promises, and what passes between a format and the rest.

A format turns files into rows: one outcome each, as the file has it. It knows nothing of aliases,
scales, repeats or prices; those are the same for all formats and are applied to the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.peeking import Peek
from finerouter.importers.places import Place


class MissingColumn(DataError):
    """A file has rows, and none with a column that is needed: it may be of another format."""


class Row(NamedTuple):
    """One outcome as a file has it; a score of None is a missing outcome.

    Numbers may still be text. `split` is the part of the dataset it came from, such as "train".
    """

    place: Place
    prompt: Any
    model: Any
    score: Any
    input_tokens: Any = None
    output_tokens: Any = None
    cost_usd: Any = None
    benchmark: Any = None
    split: Any = None


@dataclass(frozen=True)
class Choices:
    """What a user may say about how to read; each format lists in `heeds` which of these it uses.

    Attributes:
        columns: our field to the name of theirs; dots go into nested fields.
        metric: which of several scores to read.
        filter: which of lm-eval's answer filters to read.
        model: the model, where the file does not name it.
        prompts: a file of prompts by id, where the outcomes have only ids.
        scores: a file of scores by id, where the log has none.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    metric: str | None = None
    filter: str | None = None
    model: str | None = None
    prompts: Path | None = None
    scores: Path | None = None


@dataclass(frozen=True)
class Format:
    """One outside format.

    Attributes:
        name: what the user types.
        summary: one line for the help.
        expects: what a file must hold to be of this format, for the refusal of another.
        fits: whether a first look at the files is of this format.
        read: all rows, in the order of the files; bad rows go to the findings, not to exceptions.
        heeds: names of `Choices` that it uses.
    """

    name: str
    summary: str
    expects: str
    fits: Callable[[Peek], bool]
    read: Callable[[Path, Choices, Findings], Iterator[Row]]
    heeds: frozenset[str] = frozenset()

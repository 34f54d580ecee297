"""A dataset's development part, for daily work, and its sealed part, for milestones.

Takes outcomes; gives splits to train and judge on. A prompt's part follows from its id alone, so
that it never moves. Knows nothing of methods.

Development: seeds draw 70 % of the development part to fit on, the rest is judged. Sealed: all of
the development part is fitted on, with each training seed, and the sealed part is judged. Every
opening of the sealed part is recorded, see `openings.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from finerouter import OutcomeTable
from finerouter.duplicates import near_duplicate_groups
from finerouter.errors import DataError

Part = Literal["development", "sealed"]
# Gives a group number per text; texts of one group are too alike to be on both sides.
Grouping = Callable[[Sequence[str]], NDArray[np.int64]]
SEALED_FROM = 0.7
HELD_OUT = 0.3


@dataclass(frozen=True, eq=False)
class Split:
    """What one seed fits on and is judged by.

    Attributes:
        seed: of the split in development, of training alone on the sealed part.
        fit, held_out: outcomes.
        positions: [held-out prompt], place of each in the part whose prompts are resampled.
        part_size: prompts of that part.
    """

    seed: int
    fit: OutcomeTable
    held_out: OutcomeTable
    positions: NDArray[np.int64]
    part_size: int


def is_sealed(prompt_id: str) -> bool:
    """Whether a prompt belongs to the sealed 30 %."""
    digest = hashlib.sha256(("sealed" + prompt_id).encode()).hexdigest()
    return int(digest[:8], 16) / 2**32 >= SEALED_FROM


def divide(
    outcomes: OutcomeTable, grouping: Grouping = near_duplicate_groups
) -> tuple[OutcomeTable, OutcomeTable]:
    """The development and the sealed part.

    Args:
        outcomes: all visible prompts; those without any outcome are left out.
        grouping: which texts nearly repeat each other; sealed prompts that nearly repeat a
            development prompt belong to neither part.

    Raises:
        DataError: a part is empty.
    """
    outcomes = outcomes.rows(np.flatnonzero(~np.isnan(outcomes.score).all(axis=1)))
    sealed = np.array([is_sealed(name) for name in outcomes.prompt_ids])
    group = grouping(outcomes.prompts)
    repeats = np.isin(group, group[~sealed])
    parts = np.flatnonzero(~sealed), np.flatnonzero(sealed & ~repeats)
    if not all(len(part) for part in parts):
        raise DataError(
            f"{len(outcomes)} prompts leave the development or the sealed part empty; "
            "give a larger dataset"
        )
    development, kept = (outcomes.rows(part) for part in parts)
    return development, kept


def split(outcomes: OutcomeTable, part: Part, seed: int) -> Split:
    """The split of one seed; see the module."""
    development, sealed = divide(outcomes)
    if part == "sealed":
        return Split(seed, development, sealed, np.arange(len(sealed)), len(sealed))
    fit, held_out = development.split(test_size=HELD_OUT, seed=seed)
    place = {name: at for at, name in enumerate(development.prompt_ids)}
    positions = np.array([place[name] for name in held_out.prompt_ids])
    return Split(seed, fit, held_out, positions, len(development))

"""The tasks at several granularities: named ones, and finer and coarser ones beside them.

Takes unit feature rows; gives task probabilities of every level. Only the first level's tasks have
names; the others steady stage 2, which averages over all levels: where one division cuts through a
kind of prompt by chance, another does not. Knows nothing of models or scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.tasks.classifier import TaskClassifier

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TaskLevels:
    """One classifier per granularity, the named tasks' first."""

    classifiers: tuple[TaskClassifier, ...]

    @property
    def named(self) -> TaskClassifier:
        """The classifier of the named tasks."""
        return self.classifiers[0]

    def probabilities(self, rows: Rows) -> tuple[tuple[Floats, ...], Floats]:
        """Task probabilities of every level, and of belonging to none.

        Args:
            rows: unit feature rows [prompt, feature].

        Returns:
            [prompt, task] per level and [prompt]; each level adds up to one with none. What
            belongs to none is said by the named tasks.
        """
        named, none = self.named.probabilities(rows)
        return with_none(named, none, [other.shares(rows) for other in self.classifiers[1:]])

    def to_tensors(self) -> dict[str, NDArray[np.generic]]:
        """The fitted arrays, by name."""
        return {
            f"{level}.{name}": value
            for level, classifier in enumerate(self.classifiers)
            for name, value in classifier.to_tensors().items()
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.generic]]) -> TaskLevels:
        """Rebuild from what `to_tensors` gave."""
        levels = sorted({int(name.split(".")[0]) for name in tensors})
        return cls(
            tuple(
                TaskClassifier.from_tensors(
                    {
                        name.split(".", 1)[1]: value
                        for name, value in tensors.items()
                        if name.startswith(f"{level}.")
                    }
                )
                for level in levels
            )
        )


def with_none(
    named: Floats, none: Floats, others: Sequence[Floats]
) -> tuple[tuple[Floats, ...], Floats]:
    """Levels that all leave the same room for none; `others` are shares that add up to one."""
    known = 1.0 - none[:, None]
    return (named, *(shares * known for shares in others)), none

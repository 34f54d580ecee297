"""What every baseline promises: fit on rows and outcomes, then say what it prefers on other rows.

Sees unit rows and outcomes only: no prompt text, no benchmark, no task probabilities. A baseline is
a frozen dataclass whose fields are its dials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.preference import Preference
from finerouter.outcomes import OutcomeTable

Rows = NDArray[np.float32]
BUDGET = 8


class Fitted(Protocol):
    """A fitted baseline."""

    def prefer(self, rows: Rows) -> Preference:
        """What it prefers on prompts with these unit rows [prompt, feature]."""
        ...


class Baseline(Protocol):
    """A method and its dials.

    Attributes:
        name: as in tables.
        source: paper, and code where its defaults stand there.
    """

    name: ClassVar[str]
    source: ClassVar[str]

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """At most `BUDGET` settings to choose from; the published defaults come first."""
        ...

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> Fitted:
        """Fit.

        Args:
            rows: unit rows [prompt, feature] of the training prompts.
            train: their outcomes; a missing one is NaN and teaches nothing.
            seed: the same data, dials and seed give the same preferences.
        """
        ...


@runtime_checkable
class Trained(Protocol):
    """A baseline that is trained in epochs, so that one run serves several settings of them.

    Baselines name it as their base, for `fit`.

    Attributes:
        epochs: passes over the prompts.
    """

    epochs: int

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> Fitted:
        """See `Baseline`."""
        return self.fit_at(rows, train, seed=seed, epochs=[self.epochs])[0]

    def fit_at(
        self, rows: Rows, train: OutcomeTable, *, seed: int, epochs: Sequence[int]
    ) -> list[Fitted]:
        """What `fit` gives after so many epochs, for each number, from one run."""
        ...

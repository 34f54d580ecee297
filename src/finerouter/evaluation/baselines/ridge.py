"""Ridge regression of every model's score, and of its cost, on the prompt's row.

This is also CARROT (arXiv 2502.03261) with linear regression: quality and cost are estimated apart,
then weighed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.linear import Linear
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.outcomes import OutcomeTable


@dataclass(frozen=True)
class Ridge:
    """Linear quality.

    Attributes:
        penalty: of the squared slope; 1 is scikit-learn's default.
    """

    name: ClassVar[str] = "ridge (CARROT, linear)"
    source: ClassVar[str] = "Hoerl and Kennard 1970; default of scikit-learn"
    penalty: float = 1.0

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        return tuple(cls(penalty) for penalty in (1.0, 0.3, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0))

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> FittedRidge:  # noqa: ARG002
        """See `Baseline`."""
        quality = Linear.fit(rows, train.score, penalty=self.penalty)
        return FittedRidge(quality, ExpectedCost.fit(rows, train))


@dataclass(frozen=True, eq=False)
class FittedRidge:
    """Quality and cost, both linear in the row."""

    quality: Linear
    cost: ExpectedCost

    def prefer(self, rows: Rows) -> Estimates:
        """See `Fitted`."""
        return Estimates(self.quality.predict(rows), self.cost.predict(rows))

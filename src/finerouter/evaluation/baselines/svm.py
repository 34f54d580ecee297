"""Linear support vector regression of every model's score: RouterBench's SVM router.

Its loss is the absolute error, so it estimates medians: of scores that are 0 or 1 it learns which
is the more frequent, and not by how much. Half the settings have the squared error instead, which
mends that.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.extra import scikit_learn
from finerouter.evaluation.baselines.linear import Linear
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.evaluation.baselines.ridge import FittedRidge
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SVM:
    """One support vector regression a model.

    Attributes:
        inverse_penalty: C.
        squared: whether the squared error is the loss, not the absolute one.
    """

    name: ClassVar[str] = "SVM"
    source: ClassVar[str] = "RouterBench, Hu et al. 2024, arXiv 2403.12031; LinearSVR"
    inverse_penalty: float = 1.0
    squared: bool = False

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        squared = tuple(cls(value, squared=True) for value in (0.003, 0.01, 0.03, 0.1))
        return (cls(), cls(0.001), cls(0.003), cls(0.03), *squared)

    def fit(self, rows: Rows, train: OutcomeTable, *, seed: int) -> FittedRidge:
        """See `Baseline`."""
        columns = [self._fit_model(rows, score, seed) for score in train.score.T]
        slope, intercept = zip(*columns, strict=True)
        quality = Linear(np.stack(slope, axis=1), np.array(intercept))
        return FittedRidge(quality, ExpectedCost.fit(rows, train))

    def _fit_model(self, rows: Rows, score: Floats, seed: int) -> tuple[Floats, float]:
        loss = "squared_epsilon_insensitive" if self.squared else "epsilon_insensitive"
        regression = scikit_learn("svm").LinearSVR(
            C=self.inverse_penalty, loss=loss, dual=not self.squared, random_state=seed
        )
        seen = ~np.isnan(score)
        with warnings.catch_warnings():
            # Scores of 0 and 1 are never fitted exactly: the last digits take for ever.
            warnings.simplefilter("ignore")
            regression.fit(rows[seen].astype(np.float64), score[seen])
        return regression.coef_, float(regression.intercept_[0])

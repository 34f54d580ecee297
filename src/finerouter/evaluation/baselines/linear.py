"""Ridge regression of one target a model on the rows, each on the prompts where it is known.

Takes unit rows and targets [prompt, model] with gaps; gives predictions. Closed form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.protocol import Rows

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Linear:
    """target = intercept + row @ slope.

    Attributes:
        slope: [feature, model].
        intercept: [model]; NaN for a model without any target.
    """

    slope: Floats
    intercept: Floats

    @classmethod
    def fit(cls, rows: Rows, target: Floats, *, penalty: float) -> Linear:
        """Minimise squared error + penalty * squared length of the slope (not the intercept)."""
        x = rows.astype(np.float64)
        slope = np.zeros((x.shape[1], target.shape[1]))
        intercept = np.full(target.shape[1], np.nan)
        for seen, columns in _alike(~np.isnan(target)):
            if not seen.any():
                continue
            at, values = x[seen], target[np.ix_(seen, columns)]
            centre, mean = at.mean(axis=0), values.mean(axis=0)
            centred = at - centre
            gram = centred.T @ centred + penalty * np.eye(x.shape[1])
            found = np.linalg.solve(gram, centred.T @ (values - mean))
            slope[:, columns] = found
            intercept[columns] = mean - centre @ found
        return cls(slope, intercept)

    def predict(self, rows: Rows) -> Floats:
        """Predictions [prompt, model]."""
        return rows.astype(np.float64) @ self.slope + self.intercept


def _alike(
    seen: NDArray[np.bool_],
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
    """Models that were asked the same prompts, so that one matrix serves them all."""
    patterns, group = np.unique(seen, axis=1, return_inverse=True)
    for at in range(patterns.shape[1]):
        yield patterns[:, at], np.flatnonzero(group.ravel() == at)

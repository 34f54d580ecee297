"""Expected cost for methods that publish no estimate of it.

RouterBench's code weighs quality against the list price of one token, RouteLLM, RouterDC and
EmbedLLM against nothing. They all get this instead: a ridge regression of each model's cost on the
prompt's row, so that none loses for want of a cost estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.linear import Linear
from finerouter.evaluation.baselines.protocol import Rows
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
_PENALTY = 1.0
# A linear fit may fall below zero; no call costs less than this share of the model's mean.
_LEAST_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class ExpectedCost:
    """Expected cost of a call.

    Attributes:
        ratio: cost over the model's mean cost, as a linear function of the row.
        mean_usd: [model], NaN for a model whose costs are unknown.
    """

    ratio: Linear
    mean_usd: Floats

    @classmethod
    def fit(cls, rows: Rows, train: OutcomeTable) -> ExpectedCost:
        """Fit on the recorded costs of training prompts."""
        realised = train.realised_cost_usd
        mean = column_means(realised)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(mean > 0, realised / mean, np.nan)
        return cls(Linear.fit(rows, ratio, penalty=_PENALTY), mean)

    def predict(self, rows: Rows) -> Floats:
        """USD of a call [prompt, model], NaN for a model whose costs are unknown."""
        ratio = np.maximum(self.ratio.predict(rows), _LEAST_SHARE)
        return np.where(self.mean_usd > 0, np.nan_to_num(ratio) * self.mean_usd, self.mean_usd)

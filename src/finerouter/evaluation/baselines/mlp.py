"""A multilayer perceptron of every model's score: RouterBench's MLP router.

One hidden layer, rectified; squared error. RouterBench fits one network a model; here one network
has an output per model, which shares what the models have in common and costs a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.descent import Array, Parameters, Plan, descend, on_batches
from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Fitted, Rows, Trained
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
_RATE, _BATCH = 1e-3, 200


@dataclass(frozen=True)
class MLP(Trained):
    """One hidden layer.

    Attributes:
        hidden: units.
        penalty: of the squared weights.
        epochs: passes over the prompts; the code's most, its early stop aside.
    """

    name: ClassVar[str] = "MLP"
    source: ClassVar[str] = "RouterBench, Hu et al. 2024, arXiv 2403.12031; MLPRegressor"
    hidden: int = 100
    penalty: float = 1e-4
    epochs: int = 200

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        gentle = tuple(cls(penalty=1e-3, epochs=epochs) for epochs in (20, 40, 80))
        firm = tuple(cls(penalty=1e-2, epochs=epochs) for epochs in (20, 40, 80, 160))
        return (cls(), *gentle, *firm)

    def fit_at(
        self, rows: Rows, train: OutcomeTable, *, seed: int, epochs: Sequence[int]
    ) -> list[Fitted]:
        """See `Trained`."""
        random = np.random.default_rng(seed)
        plan = Plan(_RATE, self.penalty, _BATCH, epochs)
        score = train.score.astype(np.float32)

        gradient = on_batches(loss_and_gradient, rows, score)
        start = _start(rows.shape[1], self.hidden, score.shape[1], random)
        cost = ExpectedCost.fit(rows, train)
        trained = descend(start, gradient, len(rows), plan, random)
        return [_FittedMLP(parameters, cost) for parameters in trained]


@dataclass(frozen=True, eq=False)
class _FittedMLP:
    parameters: Parameters
    cost: ExpectedCost

    def prefer(self, rows: Rows) -> Estimates:
        _, quality = _forward(self.parameters, rows)
        return Estimates(quality.astype(np.float64), self.cost.predict(rows))


def _start(features: int, hidden: int, models: int, random: np.random.Generator) -> Parameters:
    """Uniform weights as wide as both layers ask for (Glorot and Bengio 2010)."""

    def uniform(rows: int, columns: int) -> NDArray[np.float32]:
        bound = np.sqrt(6.0 / (rows + columns))
        return random.uniform(-bound, bound, size=(rows, columns)).astype(np.float32)

    return {
        "inner": uniform(features, hidden),
        "inner_bias": np.zeros(hidden, np.float32),
        "outer": uniform(hidden, models),
        "outer_bias": np.zeros(models, np.float32),
    }


def _forward(parameters: Parameters, rows: Array) -> tuple[Array, Array]:
    hidden = np.maximum(rows @ parameters["inner"] + parameters["inner_bias"], 0)
    return hidden, hidden @ parameters["outer"] + parameters["outer_bias"]


def loss_and_gradient(
    parameters: Parameters, rows: Array, score: Array
) -> tuple[float, Parameters]:
    """Half the mean squared error over the outcomes that are there, and its gradient."""
    hidden, quality = _forward(parameters, rows)
    seen = ~np.isnan(score)
    error = np.where(seen, quality - np.nan_to_num(score), 0) / max(1, int(seen.sum()))
    loss = 0.5 * float((np.where(seen, quality - np.nan_to_num(score), 0) * error).sum())
    back = (error @ parameters["outer"].T) * (hidden > 0)
    return loss, {
        "inner": rows.T @ back,
        "inner_bias": back.sum(axis=0),
        "outer": hidden.T @ error,
        "outer_bias": error.sum(axis=0),
    }

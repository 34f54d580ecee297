"""EmbedLLM's matrix factorisation: logit = classifier . (model vector * projected prompt).

TextMF of its code: a vector per model, a linear projection of the frozen prompt embedding, their
product read by a linear classifier, noise on the embedding while training. Two classes and cross
entropy there; here one logit, which is their difference. Its training batches are never shuffled
and its benchmark copy keeps the best epoch on the test set with noise left on: here batches are
shuffled, epochs are chosen on training folds, and estimates are made without noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.baselines.descent import (
    Array,
    Parameters,
    Plan,
    descend,
    on_batches,
    sigmoid,
)
from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.evaluation.baselines.protocol import Fitted, Rows, Trained
from finerouter.outcomes import OutcomeTable

_PAIRS, _DECAY = 2048, 1e-5


@dataclass(frozen=True)
class EmbedLLM(Trained):
    """Factorised probability of a right answer.

    Attributes:
        rank: length of a model's vector.
        noise: standard deviation added to every feature while training.
        learning_rate: of Adam.
        epochs: passes over the prompts.
    """

    name: ClassVar[str] = "EmbedLLM, matrix factorisation"
    source: ClassVar[str] = "Zhuang et al. 2024, arXiv 2410.02223; defaults of its code"
    rank: int = 232
    noise: float = 0.05
    learning_rate: float = 1e-4
    epochs: int = 50

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        quick = tuple(cls(learning_rate=1e-3, epochs=epochs) for epochs in (20, 50, 80))
        small = tuple(
            cls(rank=32, learning_rate=3e-3, epochs=epochs) for epochs in (20, 40, 60, 80)
        )
        return (cls(), *quick, *small)

    def fit_at(
        self, rows: Rows, train: OutcomeTable, *, seed: int, epochs: Sequence[int]
    ) -> list[Fitted]:
        """See `Trained`; a batch holds as many prompts as make up the code's 2,048 pairs."""
        random = np.random.default_rng(seed)
        score = train.score.astype(np.float32)
        plan = Plan(self.learning_rate, _DECAY, max(1, _PAIRS // score.shape[1]), epochs)

        gradient = on_batches(loss_and_gradient, rows, score, noise=self.noise)
        start = _start(rows.shape[1], self.rank, score.shape[1], random)
        cost = ExpectedCost.fit(rows, train)
        trained = descend(start, gradient, len(rows), plan, random)
        return [_FittedEmbedLLM(parameters, cost) for parameters in trained]


@dataclass(frozen=True, eq=False)
class _FittedEmbedLLM:
    parameters: Parameters
    cost: ExpectedCost

    def prefer(self, rows: Rows) -> Estimates:
        quality = sigmoid(logits(self.parameters, rows)).astype(np.float64)
        return Estimates(quality, self.cost.predict(rows))


def _start(features: int, rank: int, models: int, random: np.random.Generator) -> Parameters:
    """PyTorch's: standard normal vectors, uniform linear layers."""

    def uniform(*shape: int, inputs: int) -> NDArray[np.float32]:
        bound = 1 / np.sqrt(inputs)
        return random.uniform(-bound, bound, size=shape).astype(np.float32)

    return {
        "model": random.standard_normal((models, rank), dtype=np.float32),
        "projection": uniform(features, rank, inputs=features),
        "projection_bias": uniform(rank, inputs=features),
        "classifier": uniform(rank, inputs=rank),
        "bias": np.zeros(1, np.float32),
    }


def logits(parameters: Parameters, rows: Array) -> Array:
    """Log odds of a right answer [prompt, model]."""
    projected = rows @ parameters["projection"] + parameters["projection_bias"]
    weighted = parameters["model"] * parameters["classifier"]
    return projected @ weighted.T + parameters["bias"]


def loss_and_gradient(
    parameters: Parameters, rows: Array, score: Array
) -> tuple[float, Parameters]:
    """Mean cross entropy over the outcomes that are there, and its gradient.

    A graded score counts as that share of a right answer.
    """
    projected = rows @ parameters["projection"] + parameters["projection_bias"]
    weighted = parameters["model"] * parameters["classifier"]
    logit = projected @ weighted.T + parameters["bias"]
    seen, right = ~np.isnan(score), np.nan_to_num(score)
    count = max(1, int(seen.sum()))
    loss = float(np.where(seen, np.logaddexp(0, logit) - right * logit, 0).sum()) / count
    error = np.where(seen, sigmoid(logit) - right, 0) / count
    to_weighted = error.T @ projected
    to_projected = error @ weighted
    return loss, {
        "model": to_weighted * parameters["classifier"],
        "projection": rows.T @ to_projected,
        "projection_bias": to_projected.sum(axis=0),
        "classifier": (to_weighted * parameters["model"]).sum(axis=0),
        "bias": error.sum(keepdims=True).reshape(1),
    }

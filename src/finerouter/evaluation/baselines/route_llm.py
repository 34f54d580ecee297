"""RouteLLM's matrix factorisation, for many models: who beats whom on a prompt.

score(model, prompt) = classifier . (unit model vector * projected prompt), trained so that the
winner of a pair scores higher: cross entropy of the difference, ties dropped, noise on the
embedding. There a prompt has one pair of models, voted on by a person; here a prompt brings every
pair of models whose scores differ, and a batch is of prompts. What two models get there is a win
rate; of many, quality is the mean probability of beating another model.
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

Floats = NDArray[np.float64]
_BATCH, _DECAY = 64, 1e-5


@dataclass(frozen=True)
class RouteLLM(Trained):
    """Factorised pairwise preference.

    Attributes:
        rank: length of a model's vector.
        noise: standard deviation added to every feature while training.
        learning_rate: of Adam.
        epochs: passes over the prompts.
    """

    name: ClassVar[str] = "RouteLLM, matrix factorisation"
    source: ClassVar[str] = "Ong et al. 2024, arXiv 2406.18665; defaults of its code"
    rank: int = 128
    noise: float = 0.1
    learning_rate: float = 3e-4
    epochs: int = 100

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        quick = tuple(
            cls(noise=0.05, learning_rate=learning_rate, epochs=epochs)
            for learning_rate, each in ((1e-3, (20, 40, 60)), (3e-3, (10, 20, 30)))
            for epochs in each
        )
        return (cls(), cls(epochs=50), *quick)

    def fit_at(
        self, rows: Rows, train: OutcomeTable, *, seed: int, epochs: Sequence[int]
    ) -> list[Fitted]:
        """See `Trained`; prompts on which all models did equally well teach nothing."""
        random = np.random.default_rng(seed)
        telling = _telling(train.score)
        own, score = rows[telling], train.score[telling].astype(np.float32)

        gradient = on_batches(loss_and_gradient, own, score, noise=self.noise)
        start = _start(rows.shape[1], self.rank, score.shape[1], random)
        plan = Plan(self.learning_rate, _DECAY, _BATCH, epochs)
        cost = ExpectedCost.fit(rows, train)
        trained = descend(start, gradient, len(own), plan, random)
        return [_FittedRouteLLM(parameters, cost) for parameters in trained]


def _telling(score: Floats) -> NDArray[np.int64]:
    """Prompts on which at least two models' scores differ."""
    high = np.where(np.isnan(score), -np.inf, score).max(axis=1)
    low = np.where(np.isnan(score), np.inf, score).min(axis=1)
    return np.flatnonzero(high > low)


@dataclass(frozen=True, eq=False)
class _FittedRouteLLM:
    parameters: Parameters
    cost: ExpectedCost

    def prefer(self, rows: Rows) -> Estimates:
        found = scores(self.parameters, rows).astype(np.float64)
        return Estimates(win_rates(found), self.cost.predict(rows))


def _start(features: int, rank: int, models: int, random: np.random.Generator) -> Parameters:
    """PyTorch's: standard normal vectors, uniform linear layers."""
    inner, outer = 1 / np.sqrt(features), 1 / np.sqrt(rank)
    return {
        "model": random.standard_normal((models, rank), dtype=np.float32),
        "projection": random.uniform(-inner, inner, (features, rank)).astype(np.float32),
        "classifier": random.uniform(-outer, outer, rank).astype(np.float32),
    }


def scores(parameters: Parameters, rows: Array) -> Array:
    """Score of every model on every prompt [prompt, model]; differences are log odds of winning."""
    unit = parameters["model"] / np.linalg.norm(parameters["model"], axis=1, keepdims=True)
    return (rows @ parameters["projection"]) @ (unit * parameters["classifier"]).T


def win_rates(score: Floats) -> Floats:
    """Mean probability of beating another model, [prompt, model]."""
    models = score.shape[1]
    wins = sigmoid(score[:, :, None] - score[:, None, :]).sum(axis=2) - 0.5
    return wins / max(1, models - 1)


def loss_and_gradient(
    parameters: Parameters, rows: Array, score: Array
) -> tuple[float, Parameters]:
    """Mean cross entropy over all pairs of a winner and a loser, and its gradient."""
    length = np.linalg.norm(parameters["model"], axis=1, keepdims=True)
    unit = parameters["model"] / length
    projected = rows @ parameters["projection"]
    weighted = unit * parameters["classifier"]
    found = projected @ weighted.T
    with np.errstate(invalid="ignore"):
        beats = score[:, :, None] > score[:, None, :]  # NaN beats nobody
    margin = found[:, :, None] - found[:, None, :]
    count = max(1, int(beats.sum()))
    loss = float(np.where(beats, np.logaddexp(0, -margin), 0).sum()) / count
    push = np.where(beats, sigmoid(-margin), 0).astype(found.dtype) / count
    error = push.sum(axis=1) - push.sum(axis=2)
    to_weighted = error.T @ projected
    to_unit = to_weighted * parameters["classifier"]
    along = (to_unit * unit).sum(axis=1, keepdims=True)
    return loss, {
        "model": (to_unit - along * unit) / length,
        "projection": rows.T @ (error @ weighted),
        "classifier": (to_weighted * unit).sum(axis=0),
    }

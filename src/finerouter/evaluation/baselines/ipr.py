"""Quality heads as in IPR (Amazon Bedrock's router): frozen encoder, model identity, small head.

quality = sigmoid(outer . relu(inner @ [row; identity of the model])), squared error. The dial is a
tolerance: the cheapest model whose quality is at least best - tolerance * (best - worst), per
prompt. Half the settings weigh quality against cost instead, as others do. Of the paper only the
architecture and the rule are reproduced; its encoders, 1.5 million prompts and training settings
are not public, so the sizes here are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from finerouter.evaluation.baselines.descent import (
    Array,
    Parameters,
    Plan,
    descend,
    on_batches,
    sigmoid,
)
from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.preference import Estimates, Preference, Tolerance
from finerouter.evaluation.baselines.protocol import Fitted, Rows, Trained
from finerouter.outcomes import OutcomeTable

_BATCH, _DECAY = 128, 1e-5
_IDENTITY = 16
_TOLERANCES = np.linspace(0.0, 1.0, 96)


@dataclass(frozen=True)
class IPR(Trained):
    """One head over prompt and model.

    Attributes:
        hidden: units.
        learning_rate: of Adam.
        by_tolerance: whether the published rule decides, or quality less weighted cost.
        epochs: passes over the prompts.
    """

    name: ClassVar[str] = "IPR-like quality heads"
    source: ClassVar[str] = "Feng et al. 2025, arXiv 2509.06274; sizes are ours"
    hidden: int = 64
    learning_rate: float = 1e-3
    by_tolerance: bool = True
    epochs: int = 20

    @classmethod
    def configurations(cls) -> tuple[Self, ...]:
        """See `Baseline`."""
        slow = (cls(), cls(epochs=40), cls(by_tolerance=False), cls(by_tolerance=False, epochs=40))
        quick = tuple(
            cls(hidden=128, learning_rate=5e-3, by_tolerance=by_tolerance, epochs=epochs)
            for by_tolerance in (True, False)
            for epochs in (10, 20)
        )
        return (*slow, *quick)

    def fit_at(
        self, rows: Rows, train: OutcomeTable, *, seed: int, epochs: Sequence[int]
    ) -> list[Fitted]:
        """See `Trained`."""
        random = np.random.default_rng(seed)
        score = train.score.astype(np.float32)

        gradient = on_batches(loss_and_gradient, rows, score)
        start = _start(rows.shape[1], self.hidden, score.shape[1], random)
        plan = Plan(self.learning_rate, _DECAY, _BATCH, epochs)
        cost = ExpectedCost.fit(rows, train)
        trained = descend(start, gradient, len(rows), plan, random)
        return [_FittedIPR(parameters, cost, self.by_tolerance) for parameters in trained]


@dataclass(frozen=True, eq=False)
class _FittedIPR:
    parameters: Parameters
    cost: ExpectedCost
    by_tolerance: bool

    def prefer(self, rows: Rows) -> Preference:
        quality = _forward(self.parameters, rows)[1].astype(np.float64)
        cost = self.cost.predict(rows)
        if self.by_tolerance:
            return Tolerance(quality, cost, _TOLERANCES)
        return Estimates(quality, cost)


def _start(features: int, hidden: int, models: int, random: np.random.Generator) -> Parameters:
    bound, outer = 1 / np.sqrt(features + _IDENTITY), 1 / np.sqrt(hidden)
    return {
        "identity": random.standard_normal((models, _IDENTITY), dtype=np.float32),
        "inner": random.uniform(-bound, bound, (features, hidden)).astype(np.float32),
        "inner_identity": random.uniform(-bound, bound, (_IDENTITY, hidden)).astype(np.float32),
        "inner_bias": np.zeros(hidden, np.float32),
        "outer": random.uniform(-outer, outer, hidden).astype(np.float32),
        "bias": np.zeros(1, np.float32),
    }


def _forward(parameters: Parameters, rows: Array) -> tuple[Array, Array]:
    """Hidden units [prompt, model, hidden] and quality [prompt, model]."""
    of_prompt = rows @ parameters["inner"] + parameters["inner_bias"]
    of_model = parameters["identity"] @ parameters["inner_identity"]
    hidden = np.maximum(of_prompt[:, None, :] + of_model[None, :, :], 0)
    return hidden, sigmoid(hidden @ parameters["outer"] + parameters["bias"])


def loss_and_gradient(
    parameters: Parameters, rows: Array, score: Array
) -> tuple[float, Parameters]:
    """Half the mean squared error over the outcomes that are there, and its gradient."""
    hidden, quality = _forward(parameters, rows)
    seen = ~np.isnan(score)
    error = np.where(seen, quality - np.nan_to_num(score), 0)
    count = max(1, int(seen.sum()))
    slope = error * quality * (1 - quality) / count
    back = slope[:, :, None] * parameters["outer"] * (hidden > 0)
    to_prompt, to_model = back.sum(axis=1), back.sum(axis=0)
    return 0.5 * float(np.square(error).sum()) / count, {
        "identity": to_model @ parameters["inner_identity"].T,
        "inner": rows.T @ to_prompt,
        "inner_identity": parameters["identity"].T @ to_model,
        "inner_bias": to_prompt.sum(axis=0),
        "outer": np.einsum("pm,pmh->h", slope, hidden),
        "bias": slope.sum(keepdims=True).reshape(1),
    }

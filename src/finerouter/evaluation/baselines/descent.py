"""Training in epochs over batches of prompts, by Adam, with the gradient given.

Takes starting parameters and a function that gives their gradient on a batch; gives the parameters
after each number of epochs asked for. Knows nothing of what is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Single precision in training, double in the tests of gradients.
Array = NDArray[Any]
Parameters = dict[str, Array]
Batch = NDArray[np.int64]
Gradient = Callable[[Parameters, Batch, np.random.Generator], Parameters]
# Of parameters, rows and scores: the loss and its gradient.
Loss = Callable[[Parameters, Array, Array], tuple[float, Parameters]]
_FADE, _FADE_SQUARES, _TINY = 0.9, 0.999, 1e-8
# A unit that has died has no gradient; its fading means would become denormal numbers, with which
# processors are ten times slower. This keeps them normal and is far too small to matter.
_FLOOR = 1e-30


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        learning_rate: of Adam.
        weight_decay: added to the gradient as that share of the parameters, as PyTorch's Adam does.
        batch: prompts a step.
        epochs: after how many to keep the parameters.
    """

    learning_rate: float
    weight_decay: float
    batch: int
    epochs: Sequence[int]


def descend(
    start: Parameters,
    gradient: Gradient,
    prompts: int,
    plan: Plan,
    random: np.random.Generator,
) -> list[Parameters]:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980); every epoch sees each prompt once, shuffled.

    Returns:
        The parameters after each of the plan's numbers of epochs.
    """
    adam = _Adam({name: value.copy() for name, value in start.items()}, plan)
    kept: dict[int, Parameters] = {}
    for epoch in range(max(plan.epochs) + 1):
        if epoch in plan.epochs:
            kept[epoch] = {name: value.copy() for name, value in adam.parameters.items()}
        if len(kept) < len(set(plan.epochs)):
            order = random.permutation(prompts)
            for at in range(0, prompts, plan.batch):
                adam.step(gradient(adam.parameters, order[at : at + plan.batch], random))
    return [kept[epoch] for epoch in plan.epochs]


def on_batches(loss: Loss, rows: Array, score: Array, *, noise: float | None = None) -> Gradient:
    """The gradient of a loss that needs no more of a batch than its rows and scores.

    Args:
        loss: gives its gradient too.
        rows, score: of all prompts.
        noise: standard deviation of what is added to every feature, drawn anew in each step.
    """

    def gradient(parameters: Parameters, batch: Batch, random: np.random.Generator) -> Parameters:
        own = rows[batch]
        if noise is not None:
            own = own + np.float32(noise) * random.standard_normal(own.shape, dtype=np.float32)
        return loss(parameters, own, score[batch])[1]

    return gradient


class _Adam:
    def __init__(self, parameters: Parameters, plan: Plan) -> None:
        self.parameters = parameters
        self._plan = plan
        self._mean = {name: np.zeros_like(value) for name, value in parameters.items()}
        self._square = {name: np.zeros_like(value) for name, value in parameters.items()}
        self._steps = 0

    def step(self, gradient: Parameters) -> None:
        self._steps += 1
        unbiased = np.sqrt(1 - _FADE_SQUARES**self._steps) / (1 - _FADE**self._steps)
        rate = self._plan.learning_rate * unbiased
        for name, slope in gradient.items():
            value, mean, square = self.parameters[name], self._mean[name], self._square[name]
            if self._plan.weight_decay:
                slope = slope + self._plan.weight_decay * value
            mean *= _FADE
            mean += (1 - _FADE) * slope + _FLOOR
            square *= _FADE_SQUARES
            square += (1 - _FADE_SQUARES) * np.square(slope) + _FLOOR
            value -= rate * mean / (np.sqrt(square) + _TINY)


def sigmoid(values: Array) -> Array:
    """1 / (1 + exp(-value)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * values))

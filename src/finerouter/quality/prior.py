"""Task-level quality: each model's mean in each task, shrunk by empirical Bayes.

Takes scores [prompt, model] with gaps and task probabilities [prompt, task]; gives means and
standard errors [task, model]. Knows nothing of features.

A task's mean is split in two, because routing needs only the second part: how hard the task is
for all models together (many observations, little shrinkage), and how a model differs there from
what its overall level and that difficulty predict (few observations, shrunk by the variance that
such differences really have; Efron and Morris 1975).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finerouter.gaps import column_means
from finerouter.quality.unbalanced import fit_with_gaps

Floats = NDArray[np.float64]
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class TaskPrior:
    """Shrunk quality of every model in every task.

    Attributes:
        mean: [task, model], in [0, 1].
        std: [task, model], posterior standard deviation of `mean`.
        overall: [model], mean over all prompts.
    """

    mean: Floats
    std: Floats
    overall: Floats

    @cached_property
    def moments(self) -> tuple[Floats, Floats, Floats]:
        """Squares of `mean` and `std`, [task, model], and the variance of `mean` over tasks.

        Kept, for every decision needs them.
        """
        return np.square(self.mean), np.square(self.std), self.mean.var(axis=0)

    @classmethod
    def fit(cls, score: Floats, task_probs: Floats) -> TaskPrior:
        """Fit on training prompts.

        Args:
            score: [prompt, model] in [0, 1], NaN where missing; every model has an outcome.
            task_probs: [prompt, task], out of fold.
        """
        if np.isnan(score).any():
            return cls(*fit_with_gaps(score, task_probs))
        overall = column_means(score)
        residual = score - overall
        prompt_level = residual.mean(axis=1, keepdims=True)
        # Scores of one prompt share its difficulty: models asked the same prompts are compared
        # without it.
        noise = residual - prompt_level
        weight = np.repeat(task_probs.sum(axis=0)[:, None], score.shape[1], axis=1)
        mean = task_probs.T @ residual / np.maximum(weight, _TINY)
        level = (weight * mean).sum(axis=1) / np.maximum(weight.sum(axis=1), _TINY)
        level, level_variance = _shrunk_levels(level, prompt_level[:, 0], task_probs)
        tilt, tilt_variance = _shrunk_tilts(mean, weight, noise, task_probs)
        quality = np.clip(overall + level[:, None] + tilt, 0.0, 1.0)
        return cls(quality, np.sqrt(level_variance[:, None] + tilt_variance), overall)

    def with_model(self, mean: Floats, std: Floats, overall: float) -> TaskPrior:
        """The same with one more model, its `mean` and `std` [task]."""
        return TaskPrior(
            np.column_stack([self.mean, mean]),
            np.column_stack([self.std, std]),
            np.append(self.overall, np.clip(overall, 0.0, 1.0)),
        )

    def without_model(self, column: int) -> TaskPrior:
        """The same without one model."""
        return TaskPrior(
            np.delete(self.mean, column, axis=1),
            np.delete(self.std, column, axis=1),
            np.delete(self.overall, column),
        )

    def to_tensors(self) -> dict[str, Floats]:
        """The fitted arrays, by name."""
        return {"mean": self.mean, "std": self.std, "overall": self.overall}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats]) -> TaskPrior:
        """Rebuild from what `to_tensors` gave."""
        return cls(tensors["mean"], tensors["std"], tensors["overall"])


def _shrunk_levels(
    level: Floats, prompt_level: Floats, task_probs: Floats
) -> tuple[Floats, Floats]:
    weight = task_probs.sum(axis=0)
    return shrink(level, prompt_level.var() / np.maximum(weight, _TINY), weight)


def _shrunk_tilts(
    mean: Floats, weight: Floats, noise: Floats, task_probs: Floats
) -> tuple[Floats, Floats]:
    """How models differ from their overall level, beside what all do in a task."""
    total = np.maximum(weight.sum(axis=1, keepdims=True), _TINY)
    tilt = np.where(weight > 0, mean - (weight * mean).sum(axis=1, keepdims=True) / total, 0.0)
    centre = task_probs.T @ noise / np.maximum(weight, _TINY)
    square = task_probs.T @ np.square(noise) / np.maximum(weight, _TINY)
    own = np.maximum(square - np.square(centre), 0.0)
    pooled = (weight * own).sum(axis=0) / np.maximum(weight.sum(axis=0), _TINY)
    # Half own variance, half the model's pooled one: a small task's own says little.
    return shrink(tilt, 0.5 * (own + pooled) / np.maximum(weight, _TINY), weight)


def shrink(mean: Floats, noise: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Shrink noisy means towards zero by the share of their spread that is noise.

    The true variance is estimated by moments: weighted mean of squares less mean noise, floored
    at a hundredth of the squares so that a finite sample never rules differences out entirely.

    Args:
        mean: centred on zero, any shape.
        noise: sampling variance of each mean, same shape.
        weight: observations behind each mean, same shape.

    Returns:
        Shrunk means and posterior variances, of the same shape.
    """
    total = max(float(weight.sum()), _TINY)
    squares = float((weight * np.square(mean)).sum()) / total
    mean_noise = float((weight * noise).sum()) / total
    true = max(squares - mean_noise, 0.01 * squares) + _TINY
    kept = true / (true + noise)
    return kept * mean, kept * noise

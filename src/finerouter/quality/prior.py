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

import numpy as np
from numpy.typing import NDArray

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

    @classmethod
    def fit(cls, score: Floats, task_probs: Floats) -> TaskPrior:
        """Fit on training prompts.

        Args:
            score: [prompt, model] in [0, 1], NaN where missing; every model has an outcome.
            task_probs: [prompt, task], out of fold.
        """
        seen = ~np.isnan(score)
        filled = np.where(seen, score, 0.0)
        overall = filled.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        residual = np.where(seen, score - overall, 0.0)
        prompt_level = residual.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        # Scores of one prompt share its difficulty: differences between models are far less noisy.
        difference = np.where(seen, residual - prompt_level[:, None], 0.0)
        level, level_variance = _shrunk_levels(prompt_level, task_probs)
        tilt, tilt_variance = _shrunk_tilts(difference, seen, task_probs)
        mean = np.clip(overall + level[:, None] + tilt, 0.0, 1.0)
        return cls(mean, np.sqrt(level_variance[:, None] + tilt_variance), overall)

    def to_tensors(self) -> dict[str, Floats]:
        """The fitted arrays, by name."""
        return {"mean": self.mean, "std": self.std, "overall": self.overall}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Floats]) -> TaskPrior:
        """Rebuild from what `to_tensors` gave."""
        return cls(tensors["mean"], tensors["std"], tensors["overall"])


def _shrunk_levels(prompt_level: Floats, task_probs: Floats) -> tuple[Floats, Floats]:
    weight = task_probs.sum(axis=0)
    mean = task_probs.T @ prompt_level / np.maximum(weight, _TINY)
    noise = prompt_level.var() / np.maximum(weight, _TINY)
    return shrink(mean, noise, weight)


def _shrunk_tilts(
    difference: Floats, seen: NDArray[np.bool_], task_probs: Floats
) -> tuple[Floats, Floats]:
    weight = task_probs.T @ seen
    mean = task_probs.T @ difference / np.maximum(weight, _TINY)
    square = task_probs.T @ np.square(difference) / np.maximum(weight, _TINY)
    pooled = (weight * (square - np.square(mean))).sum(axis=0) / np.maximum(
        weight.sum(axis=0), _TINY
    )
    # Half own variance, half the model's pooled one: a small task's own says little.
    variance = 0.5 * np.maximum(square - np.square(mean), 0.0) + 0.5 * pooled
    return shrink(mean, variance / np.maximum(weight, _TINY), weight)


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

"""Stage 2 as one: task-level and prompt-level quality blended, with an uncertainty.

Takes feature rows, task probabilities and the probability of no task; gives quality and its
standard deviation [prompt, model]. Knows nothing of costs or decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finerouter.quality.experts import Experts
from finerouter.quality.prior import TaskPrior

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
LEAST_STD = 1e-3


@dataclass(frozen=True, eq=False)
class QualityModel:
    """Blend of what a model does in a task and what the prompt itself says.

    quality = alpha * prompt-level + (1 - alpha) * task-level where the prompt has a task, and the
    general heads alone to the extent that it has none.

    Attributes:
        priors: task-level quality, one per level of granularity; they are averaged.
        experts: prompt-level quality.
        alpha: weight of the prompt-level estimate, 0 to 1.
        std_scale: factor that makes the uncertainty right on held-out prompts.
    """

    priors: tuple[TaskPrior, ...]
    experts: Experts
    alpha: float
    std_scale: float = 1.0

    def estimate(self, rows: Rows, levels: Sequence[Floats], none: Floats) -> tuple[Floats, Floats]:
        """Quality and its standard deviation.

        Args:
            rows: unit feature rows [prompt, feature].
            levels: task probabilities [prompt, task] of each level, the named tasks' first; each
                adds up to 1 - none.
            none: [prompt], probability that the prompt has no task.

        Returns:
            Both [prompt, model]; quality in [0, 1], the deviation positive. The deviation is that
            of the expected score, not of a single answer.
        """
        general, prompt_level = self.experts.estimate(rows, levels[0])
        none = none[:, None]
        by_level = [probs @ prior.mean for probs, prior in zip(levels, self.priors, strict=True)]
        task_level = sum(by_level[1:], start=by_level[0]) / len(by_level)
        known = self.alpha * (prompt_level - none * general) + (1 - self.alpha) * task_level
        quality = np.clip(known + none * general, 0.0, 1.0)
        disagreement = np.square(prompt_level - (task_level + none * general)) / 4
        variance = self._task_variance(levels[0], by_level[0], none) + disagreement
        return quality, np.maximum(self.std_scale * np.sqrt(variance), LEAST_STD)

    def _task_variance(self, task_probs: Floats, task_level: Floats, none: Floats) -> Floats:
        """What is not known of the named tasks' quality, and of which task it is."""
        square, variance, spread = self.priors[0].moments
        within = np.square(task_probs) @ variance
        mean_square = task_probs @ square
        between = mean_square - np.square(task_level) / np.maximum(1 - none, 1e-9)
        # Without a task there is only the overall spread of tasks to go by.
        unknown = none * spread
        total: Floats = within + np.maximum(between, 0.0) + unknown
        return total

    def scaled(self, std_scale: float) -> QualityModel:
        """The same with another scale of its uncertainty."""
        return replace(self, std_scale=std_scale)

    def without_model(self, column: int) -> QualityModel:
        """The same without one model."""
        priors = tuple(prior.without_model(column) for prior in self.priors)
        return replace(self, priors=priors, experts=self.experts.without_model(column))

    def to_tensors(self) -> dict[str, NDArray[np.generic]]:
        """The fitted arrays, by name."""
        parts: dict[str, NDArray[np.generic]] = {"blend": np.array([self.alpha, self.std_scale])}
        for level, prior in enumerate(self.priors):
            parts.update(
                {f"prior{level}.{key}": array for key, array in prior.to_tensors().items()}
            )
        parts.update({f"experts.{key}": value for key, value in self.experts.to_tensors().items()})
        return parts

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.generic]]) -> QualityModel:
        """Rebuild from what `to_tensors` gave."""
        alpha, std_scale = np.asarray(tensors["blend"], np.float64)
        parts: dict[str, dict[str, NDArray[np.generic]]] = {}
        for name, value in tensors.items():
            part, _, key = name.partition(".")
            parts.setdefault(part, {})[key] = value
        priors = [parts[f"prior{level}"] for level in range(len(parts) - 2)]
        return cls(
            tuple(
                TaskPrior.from_tensors(
                    {key: np.asarray(value, np.float64) for key, value in prior.items()}
                )
                for prior in priors
            ),
            Experts.from_tensors(parts["experts"]),
            float(alpha),
            float(std_scale),
        )

"""Stage 2 as one: task-level and prompt-level quality blended, with an uncertainty.

Takes feature rows, task probabilities and the probability of no task; gives quality and its
standard deviation [prompt, model]. Knows nothing of costs or decisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finerouter.quality.experts import Experts
from finerouter.quality.prior import TaskPrior

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
_LEAST_STD = 1e-3


@dataclass(frozen=True, eq=False)
class QualityModel:
    """Blend of what a model does in a task and what the prompt itself says.

    quality = alpha * prompt-level + (1 - alpha) * task-level where the prompt has a task, and the
    general heads alone to the extent that it has none.

    Attributes:
        prior: task-level quality.
        experts: prompt-level quality.
        alpha: weight of the prompt-level estimate, 0 to 1.
        std_scale: factor that makes the uncertainty right on held-out prompts.
    """

    prior: TaskPrior
    experts: Experts
    alpha: float
    std_scale: float = 1.0

    def estimate(self, rows: Rows, task_probs: Floats, none: Floats) -> tuple[Floats, Floats]:
        """Quality and its standard deviation.

        Args:
            rows: unit feature rows [prompt, feature].
            task_probs: [prompt, task], adding up to 1 - none.
            none: [prompt], probability that the prompt has no task.

        Returns:
            Both [prompt, model]; quality in [0, 1], the deviation positive. The deviation is that
            of the expected score, not of a single answer.
        """
        general, prompt_level = self.experts.estimate(rows, task_probs)
        task_level = task_probs @ self.prior.mean
        none = none[:, None]
        known = self.alpha * (prompt_level - none * general) + (1 - self.alpha) * task_level
        quality = np.clip(known + none * general, 0.0, 1.0)
        variance = self._variance(prompt_level, task_level + none * general, task_probs, none)
        return quality, np.maximum(self.std_scale * np.sqrt(variance), _LEAST_STD)

    def _variance(
        self, prompt_level: Rows, task_level: Floats, task_probs: Floats, none: Floats
    ) -> Floats:
        within = np.square(task_probs) @ np.square(self.prior.std)
        between = task_probs @ np.square(self.prior.mean) - np.square(
            task_probs @ self.prior.mean
        ) / np.maximum(1 - none, 1e-9)
        # Without a task there is only the overall spread of tasks to go by.
        unknown = none * self.prior.mean.var(axis=0)
        disagreement = np.square(prompt_level - task_level) / 4
        total: Floats = within + np.maximum(between, 0.0) + unknown + disagreement
        return total

    def scaled(self, std_scale: float) -> QualityModel:
        """The same with another scale of its uncertainty."""
        return replace(self, std_scale=std_scale)

    def to_tensors(self) -> dict[str, NDArray[np.generic]]:
        """The fitted arrays, by name."""
        parts: dict[str, NDArray[np.generic]] = {"blend": np.array([self.alpha, self.std_scale])}
        parts.update({f"prior.{key}": value for key, value in self.prior.to_tensors().items()})
        parts.update({f"experts.{key}": value for key, value in self.experts.to_tensors().items()})
        return parts

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.generic]]) -> QualityModel:
        """Rebuild from what `to_tensors` gave."""
        alpha, std_scale = np.asarray(tensors["blend"], np.float64)
        prior = {
            key[6:]: np.asarray(value, np.float64)
            for key, value in tensors.items()
            if key.startswith("prior.")
        }
        experts = {key[8:]: value for key, value in tensors.items() if key.startswith("experts.")}
        return cls(
            TaskPrior.from_tensors(prior),
            Experts.from_tensors(experts),
            float(alpha),
            float(std_scale),
        )

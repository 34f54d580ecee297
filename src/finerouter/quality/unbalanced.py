"""Task-level quality from outcomes with gaps, where models were asked different prompts.

Takes scores [prompt, model] with gaps and task probabilities [prompt, task]; gives the arrays of a
`TaskPrior`. Knows nothing of features.

Plain means mislead here: a model that was asked the harder prompts looks worse, and the sampling
error of a few outcomes would drown what thousands of others say. So

- overall levels of models and of tasks are fitted together, as an additive two-way table weighted
  by outcomes (Yates 1934);
- a prompt's difficulty is estimated from all models asked there and taken off, shrunk by how much
  of the scatter prompts account for (a random effect; Henderson 1975);
- how far models truly differ within tasks is estimated so that squared differences over their own
  variances add up to their number (Paule and Mandel 1982), which few-outcome cells cannot distort;
- a model that was asked less than the others in a task gives its excess uncertainty away: it must
  not be chosen for what nobody has seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.gaps import column_means

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ROUNDS = 8
_TABLE_ROUNDS = 20
_HALVINGS = 50
_TINY = 1e-12
# Less of a prompt than this is no outcome.
_LEAST_COUNT = 1e-6
# Variance of a score around its task over that of its prompt's difficulty.
_DIFFICULTY = 1.5
# Outcomes' worth of the pooled variance in each cell's own.
_POOLED = 5.0
# True differences of 5 points between models in a task are ordinary (docs/experiments.md).
_LEAST_SPREAD = 0.05**2


@dataclass(frozen=True, eq=False)
class TwoWay:
    """overall[model] + level[task], and what differs from it in each cell.

    Attributes:
        overall: [model]; level: [task], mean zero over prompts.
        tilt: [task, model], zero where nothing was observed.
    """

    overall: Floats
    level: Floats
    tilt: Floats

    @classmethod
    def fit(cls, mean: Floats, count: Floats, size: Floats) -> TwoWay:
        """Fit to means [task, model] of so many outcomes, by turns; size is that of the tasks."""
        overall, level = mean.mean(axis=0), np.zeros(len(mean))
        by_task = np.maximum(count.sum(axis=1), _TINY)
        by_model = np.maximum(count.sum(axis=0), _TINY)
        for _ in range(_TABLE_ROUNDS):
            level = (count * (mean - overall)).sum(axis=1) / by_task
            level = level - size @ level / size.sum()
            overall = (count * (mean - level[:, None])).sum(axis=0) / by_model
        return cls(overall, level, np.where(count > 0, mean - overall - level[:, None], 0.0))

    @property
    def additive(self) -> Floats:
        """[task, model] without the tilt."""
        return self.overall + self.level[:, None]


def fit_with_gaps(score: Floats, task_probs: Floats) -> tuple[Floats, Floats, Floats]:
    """Fit task-level quality.

    Args:
        score: [prompt, model] in [0, 1], NaN where missing; every model has an outcome.
        task_probs: [prompt, task], out of fold.

    Returns:
        Mean and standard deviation [task, model], and overall quality [model].
    """
    seen = ~np.isnan(score)
    filled = np.where(seen, score, 0.0)
    asked = seen.sum(axis=1, keepdims=True)
    count, size = task_probs.T @ seen, np.maximum(task_probs.sum(axis=0), _TINY)
    known = count > _LEAST_COUNT
    count = np.where(known, count, 0.0)
    difficulty = np.zeros((len(score), 1))
    for _ in range(_ROUNDS):
        adjusted = np.where(seen, filled - difficulty, 0.0)
        mean = task_probs.T @ adjusted / np.maximum(count, _TINY)
        table = TwoWay.fit(np.where(known, mean, column_means(score)), count, size)
        noise = _noise(
            np.where(seen, adjusted - task_probs @ (table.additive + table.tilt), 0.0),
            task_probs,
            count,
        )
        tilt, variance = _shrunk(table.tilt, noise, known, sum(count.shape) - 1)
        left = np.where(seen, filled - task_probs @ (table.additive + tilt), 0.0)
        difficulty = left.sum(axis=1, keepdims=True) / (asked + _DIFFICULTY)
    scatter = max(float(np.square(left.sum(axis=1)).sum() / max(np.square(asked).sum(), 1)), 0.01)
    level_noise = scatter / np.maximum(task_probs.T @ (asked[:, 0] > 0), 1.0)
    level, level_variance = _shrunk(table.level, level_noise, size > _LEAST_COUNT, 1, least=0.0)
    std = np.sqrt(level_variance[:, None] + variance)
    excess = np.sqrt(variance) - np.sqrt(variance.min(axis=1, keepdims=True))
    quality = np.clip(table.overall + level[:, None] + tilt - excess, 0.0, 1.0)
    return quality, std, np.clip(table.overall, 0.0, 1.0)


def _noise(residual: Floats, task_probs: Floats, count: Floats) -> Floats:
    """Sampling variance of each mean [task, model]."""
    own = task_probs.T @ np.square(residual)
    pooled = own.sum(axis=0) / np.maximum(count.sum(axis=0) - 0.5 * len(count), 1.0)
    noise: Floats = (own + _POOLED * pooled) / (count + _POOLED) / np.maximum(count, 1e-3)
    return noise


def _shrunk(
    values: Floats, noise: Floats, known: Flags, fitted: int, *, least: float = _LEAST_SPREAD
) -> tuple[Floats, Floats]:
    """Shrink towards zero; posterior means and variances. `fitted` parameters were taken off."""
    spread = max(true_spread(values[known], noise[known], int(known.sum()) - fitted), least) + _TINY
    kept = np.where(known, spread / (spread + noise), 0.0)
    return kept * values, np.where(known, kept * noise, spread)


def true_spread(values: Floats, noise: Floats, freedom: int) -> float:
    """Variance of the true values behind noisy ones, by Paule and Mandel 1982.

    The variance at which the sum of values squared over (variance + noise) is `freedom`; zero where
    noise alone explains them.
    """
    low, high = 0.0, 1.0
    freedom = max(freedom, 1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        more = (np.square(values) / (middle + noise)).sum() > freedom
        low, high = (middle, high) if more else (low, middle)
    return low

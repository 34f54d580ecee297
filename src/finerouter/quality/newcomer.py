"""A model that joins a fitted stage 2: its quality from few probes and its likeness to others.

Takes the known models' task-level quality and estimates, and the newcomer's scores on probes; gives
the newcomer's column of every table, with what is not known of it. NumPy alone. Knows nothing of
prompts, prices or files.

The newcomer's quality is held to be a mixture of the known models' plus a shift of level and a
deviation in every task:

    quality = sum over models of (weight * quality of the model) + level + deviation[task]

with Gaussian priors: weights around equal ones (or around a model it is declared to be like), level
and deviations around zero. All of it is linear, so the posterior is exact (Bayesian linear
regression), and the newcomer's column keeps the form of everybody's. On a probe the known models'
own outcomes stand in part for their quality there: a prompt that is hard for all says less about
the newcomer. How far newcomers deviate is learned from the known models, each left out in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.quality.prior import TaskPrior

Floats = NDArray[np.float64]

# Of a known model's score on a probe, less its quality there, so much counts (docs/experiments.md).
ECHO = 0.4
# A declared benchmark score tells the mixture to so much of the known models' spread on it.
_BENCHMARK_NOISE = 0.25
# Weights of mixtures scatter by about so much, whatever the pool (docs/experiments.md).
_LIKENESS = 0.25
_DEVIATIONS = (0.02, 0.035, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)
_LEAST_SHARE = 0.1
_NOISE_PROBES = 20.0
_TINY = 1e-12


@dataclass(frozen=True)
class Spread:
    """Prior standard deviations of what makes a newcomer.

    Attributes:
        likeness: of each known model's weight.
        level: of the shift in all tasks.
        task: of the deviation in each task.
    """

    likeness: float
    level: float
    task: float

    @classmethod
    def learn(cls, prior: TaskPrior) -> Spread:
        """Leave each known model out and see how far it is from mixtures of the others.

        The spread with the largest expected log density of the known models' task-level quality;
        the expectation is over what is not known of it (`prior.std`).
        """
        grid = [cls(_LIKENESS, task / 2, task) for task in _DEVIATIONS]
        return max(grid, key=lambda spread: _fit_of(spread, prior))

    def variances(self, models: int, tasks: int) -> Floats:
        """Prior variances of (weights, level, deviations), [models + 1 + tasks]."""
        deviations = np.repeat([self.likeness, self.level, self.task], [models, 1, tasks])
        return np.square(deviations)


@dataclass(frozen=True, eq=False)
class Design:
    """Rows of a linear law: offset + features @ (weights, level, deviations).

    Attributes:
        offset: [row], mean of the known models.
        features: [row, models + 1 + tasks]; tasks of all levels side by side.
    """

    offset: Floats
    features: Floats

    @classmethod
    def of(cls, quality: Floats, tasks: Floats) -> Design:
        """Rows at which known models have this quality [row, model], in these tasks [row, task]."""
        offset = quality.mean(axis=1)
        contrasts = quality - offset[:, None]
        return cls(offset, np.hstack([contrasts, np.ones((len(quality), 1)), tasks]))

    @property
    def noise(self) -> Floats:
        """Variance of one score, [row]: that of right or wrong, which graded scores stay below."""
        share = np.clip(self.offset, _LEAST_SHARE, 1 - _LEAST_SHARE)
        return share * (1 - share)


@dataclass(frozen=True, eq=False)
class Newcomer:
    """What is known of a newcomer.

    Attributes:
        mean: posterior mean of (weights, level, deviations).
        covariance: of the same.
        models: how many known models there are.
    """

    mean: Floats
    covariance: Floats
    models: int

    @property
    def likeness(self) -> Floats:
        """Weights of the known models, [model], adding up to one."""
        weights = self.mean[: self.models]
        shares: Floats = weights + (1 - weights.sum()) / self.models
        return shares

    @property
    def level(self) -> float:
        """Shift in all tasks."""
        return float(self.mean[self.models])

    @property
    def deviations(self) -> Floats:
        """Deviation in each task, [task], the tasks of all levels side by side."""
        return self.mean[self.models + 1 :]

    def quality(self, design: Design) -> tuple[Floats, Floats]:
        """Expected quality and its standard deviation at the rows of a design, both [row]."""
        variance = np.einsum("ij,jk,ik->i", design.features, self.covariance, design.features)
        mean: Floats = design.offset + design.features @ self.mean
        return mean, np.sqrt(np.maximum(variance, 0.0))


def probe_design(quality: Floats, score: Floats, tasks: Floats) -> Design:
    """Rows of probes.

    Args:
        quality: the known models' estimates [probe, model].
        score: their outcomes on the same probes, NaN where missing; all may be.
        tasks: task probabilities of all levels side by side, each level's divided by their number.
    """
    surprise = np.nan_to_num(score - quality)
    return Design.of(quality + ECHO * surprise, tasks)


def task_design(priors: Sequence[TaskPrior]) -> Design:
    """Rows of all levels' tasks, one after the other."""
    quality = np.concatenate([prior.mean for prior in priors])
    return Design.of(quality, np.eye(len(quality)))


def prior_newcomer(
    spread: Spread,
    *,
    models: int,
    tasks: int,
    like: int | None = None,
    benchmarks: Sequence[tuple[float, Mapping[int, float]]] = (),
) -> Newcomer:
    """What is known of a newcomer without a single probe.

    A declared score counts as at most one standard deviation of the known models' scores beyond
    their range. The weights are linear in it, and what nobody is near to would make them huge with
    opposite signs: a newcomer that is nine times one model less eight times another. Held at a
    bound, a better score never tells of a worse model, as it would if overshoot counted as noise.

    Args:
        spread: how newcomers differ.
        models, tasks: how many there are; the tasks of all levels together.
        like: the known model that it is declared to be like, None for the mean of all.
        benchmarks: of each benchmark, the newcomer's declared score and those of at least two known
            models, by column.
    """
    mean = np.zeros(models + 1 + tasks)
    if like is not None:
        mean[like] = 1.0
    newcomer = Newcomer(mean, np.diag(spread.variances(models, tasks)), models)
    if not benchmarks:
        return newcomer
    design, scores = _benchmark_design(benchmarks, models, tasks)
    known_std = np.array([np.std(list(known.values())) for _, known in benchmarks])
    low, high = np.array([(min(k.values()), max(k.values())) for _, k in benchmarks]).T
    scores = np.clip(scores, low - known_std, high + known_std)
    return updated(newcomer, design, scores, np.square(_BENCHMARK_NOISE * known_std) + _TINY)


def _benchmark_design(
    benchmarks: Sequence[tuple[float, Mapping[int, float]]], models: int, tasks: int
) -> tuple[Design, Floats]:
    """Benchmarks inform the weights alone: their scale of scores is not that of the outcomes."""
    features = np.zeros((len(benchmarks), models + 1 + tasks))
    offset = np.array([np.mean(list(known.values())) for _, known in benchmarks])
    for row, (_, known) in enumerate(benchmarks):
        for column, score in known.items():
            features[row, column] = score - offset[row]
    return Design(offset, features), np.array([score for score, _ in benchmarks])


def with_probes(newcomer: Newcomer, design: Design, score: Floats) -> Newcomer:
    """What is known after probes.

    Args:
        newcomer: what was known before.
        design: of the probes.
        score: the newcomer's scores on them, [probe].
    """
    first = updated(newcomer, design, score, design.noise)
    predicted, std = newcomer.quality(design)
    squares = np.square(score - predicted) / (design.noise + np.square(std))
    # Graded scores scatter less than right and wrong do; a few probes must not say so too easily.
    scale = min(1.0, (_NOISE_PROBES + squares.sum()) / (_NOISE_PROBES + len(score)))
    return first if scale == 1.0 else updated(newcomer, design, score, scale * design.noise)


def updated(newcomer: Newcomer, design: Design, score: Floats, noise: Floats) -> Newcomer:
    """Condition on scores [row] of these sampling variances: one step of Bayesian regression."""
    features = design.features
    if len(features) > len(newcomer.mean):
        return _updated_by_precision(newcomer, design, score, noise)
    reach = newcomer.covariance @ features.T
    gain = np.linalg.solve(features @ reach + np.diag(noise), reach.T).T
    mean = newcomer.mean + gain @ (score - design.offset - features @ newcomer.mean)
    return Newcomer(mean, newcomer.covariance - gain @ reach.T, newcomer.models)


def _updated_by_precision(
    newcomer: Newcomer, design: Design, score: Floats, noise: Floats
) -> Newcomer:
    """The same by the smaller of the two systems, when there are more scores than parameters."""
    weighted = design.features.T / noise
    precision = np.linalg.inv(newcomer.covariance) + weighted @ design.features
    covariance = np.asarray(np.linalg.inv(precision), np.float64)
    off = score - design.offset - design.features @ newcomer.mean
    return Newcomer(newcomer.mean + covariance @ (weighted @ off), covariance, newcomer.models)


def _fit_of(spread: Spread, prior: TaskPrior) -> float:
    return sum(_left_out_fit(spread, prior, model) for model in range(prior.mean.shape[1]))


def _left_out_fit(spread: Spread, prior: TaskPrior, model: int) -> float:
    """Expected log density of one known model's task-level quality, as a mixture of the others."""
    others = np.delete(prior.mean, model, axis=1)
    design = Design.of(others, np.eye(len(others)))
    variances = spread.variances(others.shape[1], len(others))
    covariance = (design.features * variances) @ design.features.T
    inverse = np.linalg.inv(covariance)
    off = prior.mean[:, model] - design.offset
    unknown = float(np.diag(inverse) @ np.square(prior.std[:, model]))
    return float(-0.5 * (off @ inverse @ off + unknown + np.linalg.slogdet(covariance)[1]))

"""Prompt-level quality: a mixture of experts over a shared trunk.

Takes unit feature rows [prompt, feature], scores [prompt, model] with gaps, and task
probabilities; gives estimates [prompt, model]. Serves with NumPy alone. Knows nothing of how tasks
were found.

The trunk compares a prompt with landmark prompts by a Gaussian kernel and projects that on the
few directions in which the models' scores vary: kernel ridge regression (`kernel.py`) of reduced
rank (Izenman 1975). The general heads read every model's estimate off the
trunk. A task head corrects a candidate model's estimate within a task; it is fitted with the trunk
frozen, as a ridge regression on what the general head left over, and so is pulled to the general
head the more, the smaller the task. All of it is closed form: no step size, no seed, no epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finerouter.quality.kernel import Kernel, KernelRidge, row_slices

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
_JITTER = 1e-6


@dataclass(frozen=True, eq=False)
class Trunk:
    """Shared trunk with its general heads.

    Attributes:
        kernel: features to landmark similarities.
        projection: [landmark, unit]; offset: [unit].
        heads: [unit, model]; bias: [model].
    """

    kernel: Kernel
    projection: Rows
    offset: Rows
    heads: Rows
    bias: Rows

    @classmethod
    def fit(cls, kernel: Kernel, rows: Rows, score: Floats, *, penalty: float, rank: int) -> Trunk:
        """Phase one: trunk and general heads on all prompts; as `fit_each` with one penalty."""
        return cls.fit_each(kernel, rows, score, penalties=(penalty,), rank=rank)[0]

    @classmethod
    def fit_each(
        cls, kernel: Kernel, rows: Rows, score: Floats, *, penalties: Sequence[float], rank: int
    ) -> tuple[Trunk, ...]:
        """Phase one at several penalties, for little more than the price of one.

        Args:
            kernel: the landmarks.
            rows: [prompt, feature].
            score: [prompt, model], NaN where missing; every model has an outcome.
            penalties: of kernel ridge regression.
            rank: units of the trunk, at most the number of models.

        Returns:
            A trunk per penalty, in their order.
        """
        ridge = KernelRidge.of(kernel, rows, score)
        each = [ridge.coefficients(penalty) for penalty in penalties]
        spreads = _spreads(kernel, rows, each)
        return tuple(
            cls._of_rank(kernel, coefficients, ridge.bias, *spread, rank=rank)
            for coefficients, spread in zip(each, spreads, strict=True)
        )

    @classmethod
    def _of_rank(
        cls,
        kernel: Kernel,
        coefficients: Floats,
        bias: Floats,
        centre: Floats,
        covariance: Floats,
        *,
        rank: int,
    ) -> Trunk:
        """Keep the directions in which the fitted scores vary most."""
        variance, directions = np.linalg.eigh(covariance)
        kept = np.argsort(variance)[::-1][:rank]
        scale = np.sqrt(np.maximum(variance[kept], 0.0)) + _JITTER
        directions = directions[:, kept]
        return cls(
            kernel,
            projection=(coefficients @ directions / scale).astype(np.float32),
            offset=(centre @ directions / scale).astype(np.float32),
            heads=(directions * scale).T.astype(np.float32),
            bias=(bias + centre).astype(np.float32),
        )

    def units(self, rows: Rows) -> Rows:
        """Trunk units [prompt, unit]: mean zero and variance one over the training prompts."""
        units: Rows = self.kernel(rows) @ self.projection - self.offset
        return units

    def general(self, units: Rows) -> Rows:
        """General heads' estimates [prompt, model]."""
        estimate: Rows = units @ self.heads + self.bias
        return estimate


def _spreads(
    kernel: Kernel, rows: Rows, each: Sequence[Floats]
) -> tuple[tuple[Floats, Floats], ...]:
    """Mean [model] and covariance [model, model] of the fitted scores, per set of coefficients."""
    stacked = np.stack(each)
    total = np.zeros((len(each), stacked.shape[2]))
    square = np.zeros((len(each), stacked.shape[2], stacked.shape[2]))
    for part in row_slices(len(rows)):
        # In double precision, or the smallest directions would drown in rounding.
        fitted = kernel(rows[part]).astype(np.float64) @ stacked
        total += fitted.sum(axis=1)
        square += fitted.transpose(0, 2, 1) @ fitted
    centre = total / len(rows)
    covariance = square / len(rows) - centre[:, :, None] * centre[:, None, :]
    return tuple(zip(centre, covariance, strict=True))


@dataclass(frozen=True, eq=False)
class Experts:
    """General heads for all models and task heads for each task's candidates.

    Attributes:
        trunk: shared, with the general heads.
        task_heads: [task, 1 + unit, model]; the first is the intercept; zero where a model is no
            candidate of the task.
    """

    trunk: Trunk
    task_heads: Rows

    @classmethod
    def fit(
        cls,
        trunk: Trunk,
        rows: Rows,
        score: Floats,
        task_probs: Floats,
        candidates: Sequence[Sequence[int]],
        *,
        shrinkage: float,
    ) -> Experts:
        """Phase two: task heads, the trunk frozen.

        Args:
            trunk: fitted.
            rows: [prompt, feature].
            score: [prompt, model], NaN where missing.
            task_probs: [prompt, task], out of fold.
            candidates: columns of the models that matter, per task.
            shrinkage: prompts' worth of evidence for the general head.
        """
        units = trunk.units(rows)
        left_over = score - trunk.general(units)
        inputs = np.concatenate([np.ones((len(units), 1)), units], axis=1, dtype=np.float64)
        heads = np.zeros((task_probs.shape[1], inputs.shape[1], score.shape[1]), np.float32)
        for task, columns in enumerate(candidates):
            # The tail of tiny probabilities costs time and changes nothing.
            members = np.flatnonzero(task_probs[:, task] > 1e-3)
            chosen = np.asarray(columns, dtype=np.int64)
            heads[task][:, chosen] = _task_head(
                inputs[members],
                left_over[np.ix_(members, chosen)],
                task_probs[members, task],
                shrinkage,
            )
        return cls(trunk, heads)

    def estimate(self, rows: Rows, task_probs: Floats) -> tuple[Rows, Rows]:
        """General and prompt-level estimates, both [prompt, model].

        Args:
            rows: [prompt, feature].
            task_probs: [prompt, task]; what is missing to one has no task head.
        """
        units = self.trunk.units(rows)
        general = self.trunk.general(units)
        tasks, width, models = self.task_heads.shape
        probs = task_probs.astype(np.float32)
        gated = np.empty((len(rows), tasks, width), np.float32)
        gated[:, :, 0] = probs
        np.multiply(probs[:, :, None], units[:, None, :], out=gated[:, :, 1:])
        correction = gated.reshape(len(rows), -1) @ self.task_heads.reshape(-1, models)
        return general, general + correction

    def with_mixture(self, weights: Floats, level: float, left_over: Floats) -> Experts:
        """The same with one more model: a mixture of the others, and a shift.

        Args:
            weights: of the known models, [model].
            level: shift everywhere.
            left_over: shift in each task beside it, [task].
        """
        trunk = self.trunk
        heads = trunk.heads @ weights
        task_heads = self.task_heads @ weights
        task_heads[:, 0] += left_over
        mixed = replace(
            trunk,
            heads=np.column_stack([trunk.heads, heads]).astype(np.float32),
            bias=np.append(trunk.bias, trunk.bias @ weights + level).astype(np.float32),
        )
        joined = np.concatenate([self.task_heads, task_heads[:, :, None]], axis=2)
        return Experts(mixed, joined.astype(np.float32))

    def without_model(self, column: int) -> Experts:
        """The same without one model; the trunk keeps its units."""
        trunk = replace(
            self.trunk,
            heads=np.delete(self.trunk.heads, column, axis=1),
            bias=np.delete(self.trunk.bias, column),
        )
        return Experts(trunk, np.delete(self.task_heads, column, axis=2))

    def to_tensors(self) -> dict[str, NDArray[np.generic]]:
        """The fitted arrays, by name."""
        trunk = self.trunk
        return {
            "landmarks": trunk.kernel.landmarks,
            "sharpness": np.array([trunk.kernel.sharpness]),
            "projection": trunk.projection,
            "offset": trunk.offset,
            "heads": trunk.heads,
            "bias": trunk.bias,
            "task_heads": self.task_heads,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.generic]]) -> Experts:
        """Rebuild from what `to_tensors` gave."""
        single = {name: np.asarray(value, np.float32) for name, value in tensors.items()}
        sharpness = float(np.asarray(tensors["sharpness"], np.float64)[0])
        kernel = Kernel(single["landmarks"], sharpness)
        trunk = Trunk(
            kernel, single["projection"], single["offset"], single["heads"], single["bias"]
        )
        return cls(trunk, single["task_heads"])


def _task_head(inputs: Floats, left_over: Floats, weight: Floats, shrinkage: float) -> Floats:
    """Weighted ridge regression towards zero, [1 + unit, model], gaps left out."""
    heads = np.empty((inputs.shape[1], left_over.shape[1]))
    seen = ~np.isnan(left_over)
    filled = np.where(seen, left_over, 0.0)
    regular = shrinkage * np.eye(inputs.shape[1])
    complete = seen.all()
    gram = (inputs * weight[:, None]).T @ inputs
    for column in range(left_over.shape[1]):
        if not complete:
            gram = (inputs * (weight * seen[:, column])[:, None]).T @ inputs
        product = inputs.T @ (weight * filled[:, column])
        heads[:, column] = np.linalg.solve(gram + regular, product)
    return heads

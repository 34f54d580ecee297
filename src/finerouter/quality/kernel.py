"""Kernel ridge regression on landmark prompts: the arithmetic under the trunk.

Takes unit feature rows [prompt, feature] and scores [prompt, model] with gaps; gives coefficients
[landmark, model] for any penalty. Nystrom approximation (Williams and Seeger 2001). Serves with
NumPy alone. Knows nothing of heads or tasks.

What is summed over prompts does not depend on the penalty, so a whole grid of penalties costs
little more than one. Sums run over slices of prompts: memory grows with the landmarks, not with
prompts times landmarks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.gaps import column_means

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Index = NDArray[np.int64]
_JITTER = 1e-6
_ROWS_AT_A_TIME = 8_192


@dataclass(frozen=True, eq=False)
class Kernel:
    """Similarity to landmark prompts.

    Attributes:
        landmarks: [feature, landmark], unit columns.
        sharpness: gamma of exp(-gamma * squared distance).
    """

    landmarks: Rows
    sharpness: float

    def __call__(self, rows: Rows) -> Rows:
        """Kernel values [prompt, landmark] of unit feature rows."""
        # Squared distance of unit rows is 2 - 2 * dot product.
        values = rows @ self.landmarks
        values -= np.float32(1.0)
        values *= np.float32(2.0 * self.sharpness)
        return np.exp(values, out=values)

    @classmethod
    def draw(cls, rows: Rows, *, landmarks: int, sharpness: float, seed: int) -> Kernel:
        """A kernel on landmarks drawn from training rows."""
        random = np.random.default_rng(seed)
        drawn = np.sort(random.permutation(len(rows))[:landmarks])
        return cls(np.ascontiguousarray(rows[drawn].T), sharpness)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the prompts that the same models were asked.

    Attributes:
        columns: those models.
        seen: [prompt], whether they were asked.
        gram: [landmark, landmark]; product: [landmark, column].
    """

    columns: Index
    seen: NDArray[np.bool_]
    gram: Floats
    product: Floats


@dataclass(frozen=True, eq=False)
class KernelRidge:
    """The part of kernel ridge regression that does not depend on the penalty.

    Attributes:
        bias: [model], mean scores; what is regressed is the rest.
        smoothness: [landmark, landmark], the kernel among landmarks.
        sums: one entry per set of models that were asked the same prompts: usually a single one.
    """

    bias: Floats
    smoothness: Floats
    sums: tuple[_Sums, ...]

    @classmethod
    def of(cls, kernel: Kernel, rows: Rows, score: Floats) -> KernelRidge:
        """Sum over prompts.

        Args:
            kernel: the landmarks.
            rows: unit feature rows [prompt, feature].
            score: [prompt, model], NaN where missing; every model has an outcome.
        """
        bias = column_means(score)
        smoothness = kernel(np.ascontiguousarray(kernel.landmarks.T)).astype(np.float64)
        sums = _empty_sums(score, len(smoothness))
        left_over = np.nan_to_num(score - bias).astype(np.float32)
        for part in row_slices(len(rows)):
            similarity = kernel(rows[part])
            for entry in sums:
                _add(entry, similarity, left_over[part], entry.seen[part])
        return cls(bias, smoothness, sums)

    def coefficients(self, penalty: float) -> Floats:
        """Coefficients [landmark, model] at this penalty."""
        regular = penalty * self.smoothness + _JITTER * np.eye(len(self.smoothness))
        found = np.empty((len(self.smoothness), len(self.bias)))
        for entry in self.sums:
            found[:, entry.columns] = np.linalg.solve(entry.gram + regular, entry.product)
        return found


def row_slices(count: int) -> Iterator[slice]:
    """Slices of so many rows that kernel values of one slice are cheap to hold."""
    for start in range(0, count, _ROWS_AT_A_TIME):
        yield slice(start, start + _ROWS_AT_A_TIME)


def _empty_sums(score: Floats, landmarks: int) -> tuple[_Sums, ...]:
    patterns, group = np.unique(~np.isnan(score), axis=1, return_inverse=True)
    empty = []
    for at, seen in enumerate(patterns.T):
        columns = np.flatnonzero(group.ravel() == at)
        gram, product = np.zeros((landmarks, landmarks)), np.zeros((landmarks, len(columns)))
        empty.append(_Sums(columns, seen, gram, product))
    return tuple(empty)


def _add(entry: _Sums, similarity: Rows, left_over: Rows, seen: NDArray[np.bool_]) -> None:
    rows = similarity if seen.all() else similarity[seen]
    values = left_over if seen.all() else left_over[seen]
    np.add(entry.gram, rows.T @ rows, out=entry.gram)
    np.add(entry.product, rows.T @ values[:, entry.columns], out=entry.product)

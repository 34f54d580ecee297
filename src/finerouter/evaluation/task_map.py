"""Held-out prompts on a plane, tasks apart: for looking at, not for measuring.

Takes feature rows and task probabilities; gives a point per prompt. Knows nothing of outcomes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_TINY = 1e-12


def task_map(rows: NDArray[np.float32], task_probs: Floats) -> Floats:
    """A point per prompt, [prompt, 2], from the two axes along which tasks differ most.

    Principal components of the tasks' mean rows, weighted by their prompts (Dhillon, Modha and
    Spangler 2002, class-preserving projections); where there are fewer than three tasks, of the
    prompts' own rows. Scaled so that the points' root mean square is 1; signs are fixed by the
    largest loading, so the same router gives the same map.
    """
    values = np.asarray(rows, np.float64)
    weight = task_probs.sum(axis=0)
    centred = values - values.mean(axis=0)
    if (weight > 0.5).sum() >= 3:
        means = (task_probs.T @ centred) / np.maximum(weight, _TINY)[:, None]
        spread = means * np.sqrt(weight)[:, None]
    else:
        spread = centred
    _, _, axes = np.linalg.svd(spread, full_matrices=False)
    axes = _signed(axes[:2])
    points = np.zeros((len(values), 2))
    points[:, : len(axes)] = centred @ axes.T
    return points / max(float(np.sqrt(np.square(points).mean())), _TINY)


def _signed(axes: Floats) -> Floats:
    largest = np.abs(axes).argmax(axis=1)
    sign = np.sign(axes[np.arange(len(axes)), largest])
    return axes * np.where(sign == 0, 1.0, sign)[:, None]

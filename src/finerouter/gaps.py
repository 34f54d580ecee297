"""Sums over arrays with gaps: a missing outcome is NaN, and left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def column_means(values: Floats) -> Floats:
    """Mean of each column over what is there; NaN for a column without anything."""
    return _means(values, axis=0)


def row_means(values: Floats) -> Floats:
    """Mean of each row over what is there; NaN for a row without anything."""
    return _means(values, axis=1)


def with_means(values: Floats) -> Floats:
    """The values with their column's mean in gaps, and zero in a column without anything."""
    return np.nan_to_num(np.where(np.isnan(values), column_means(values), values))


def _means(values: Floats, axis: int) -> Floats:
    count = (~np.isnan(values)).sum(axis=axis)
    total = np.nan_to_num(values).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)

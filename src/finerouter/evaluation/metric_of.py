"""A published figure made of a number, or of a statistic over draws of the prompts.

Takes numbers; gives a `Metric`. Knows nothing of which figures there are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.resampled import interval, mirrored_interval
from finerouter.evaluation.result import Metric

Floats = NDArray[np.float64]


def plain(key: str, name: str, value: float | None, unit: str, note: str = "") -> Metric:
    """A figure without an interval."""
    nan = float("nan")
    known = None if value is None else Interval(value, nan, nan)
    return Metric(key, name, known, unit, difference=False, note=note)


def of_draws(
    key: str,
    name: str,
    values: Floats,
    unit: str,
    missing: str,
    *,
    difference: bool = False,
    mirrored: bool = False,
    note: str = "",
) -> Metric:
    """A figure with its interval; `missing` is the note where it cannot be known.

    Args:
        values: of every draw, the first that of all prompts.
        difference: whether zero means "no difference".
        mirrored: whether its interval is mirrored; see `mirrored_interval`.
    """
    if not np.isfinite(values[0]):
        return Metric(key, name, None, unit, difference, missing)
    made = mirrored_interval if mirrored else interval
    return Metric(key, name, made(values), unit, difference, note)

"""Paired bootstrap intervals: prompts are drawn again, everything is judged on the same draw.

Takes per-prompt values; gives intervals of any statistic of their means. Knows nothing of
routing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_BATCH = 100


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        value: on all prompts.
        low, high: percentiles 2.5 and 97.5 over resamples of the prompts.
    """

    value: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether zero is a plausible value: then no difference is shown."""
        return not (self.low > 0 or self.high < 0)

    @classmethod
    def of(cls, value: float, resampled: Floats) -> Interval:
        """An interval from the statistic on all prompts and on each resample; NaN is left out."""
        known = resampled[~np.isnan(resampled)]
        if not len(known):
            return cls(value, float("nan"), float("nan"))
        low, high = np.percentile(known, [2.5, 97.5])
        return cls(float(value), float(low), float(high))


def resampled_means(values: Floats, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Means of the columns of values [prompt, column] on bootstrap samples of the prompts.

    Efron 1979. All columns are averaged over the same draw, so differences are paired.

    Yields:
        [column], once per resample.
    """
    random = np.random.default_rng(seed)
    prompts = len(values)
    for start in range(0, resamples, _BATCH):
        count = min(_BATCH, resamples - start)
        drawn = random.multinomial(prompts, np.full(prompts, 1 / prompts), size=count)
        yield from drawn @ values / prompts

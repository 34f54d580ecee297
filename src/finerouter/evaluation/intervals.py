"""Paired bootstrap intervals: prompts are drawn again, everything is judged on the same draw.

Takes per-prompt values; gives intervals of any statistic of their means. Knows nothing of
routing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
# Draws are made in batches of about this many numbers, so that memory does not grow with resamples.
_BATCH_NUMBERS = 2_000_000


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        value: on all prompts.
        low, high: of the interval.
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
        """Percentiles 2.5 and 97.5 of the statistic over resamples; NaN is left out.

        Source: Efron 1979, the percentile interval.
        """
        low, high = _percentiles(resampled)
        return cls(float(value), low, high)

    @classmethod
    def reflected(cls, value: float, resampled: Floats) -> Interval:
        """The percentile interval mirrored at the value: 2 value - percentiles 97.5 and 2.5.

        For statistics that pick the best of many (a highest point, a hull): resampling adds once
        more the luck that picking already added, so percentiles lie too high by twice the bias,
        and mirrored they lie where they should. Source: Davison and Hinkley 1997, Bootstrap
        Methods and their Application, section 5.2 (the basic interval).
        """
        low, high = _percentiles(resampled)
        return cls(float(value), 2 * float(value) - high, 2 * float(value) - low)


def _percentiles(resampled: Floats) -> tuple[float, float]:
    known = resampled[~np.isnan(resampled)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def resampled_means(values: Floats, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Means of the columns of values [prompt, column] on bootstrap samples of the prompts.

    Efron 1979. All columns are averaged over the same draw, so differences are paired.

    Yields:
        [column], once per resample.
    """
    for drawn in _draws(len(values), resamples, seed):
        yield from drawn @ values / len(values)


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums of per-prompt columns by group of prompts: on all prompts, then on each resample.

    Attributes:
        sums: [draw, group, column]; the first draw is every prompt once.
        counts: [draw, group], prompts.
    """

    sums: Floats
    counts: Floats

    @property
    def means(self) -> Floats:
        """Means over all prompts of a draw, [draw, column]."""
        return self.sums.sum(axis=1) / self.counts.sum(axis=1)[:, None]

    @property
    def group_means(self) -> Floats:
        """Means over each group, [draw, group, column]; NaN where a draw missed the group."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.sums / self.counts[:, :, None]

    @property
    def outside_means(self) -> Floats:
        """Means over all prompts but the group's, [draw, group, column]; NaN where none is left."""
        rest = self.counts.sum(axis=1, keepdims=True) - self.counts
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.sums.sum(axis=1, keepdims=True) - self.sums) / rest[:, :, None]


def tallies(
    blocks: Sequence[tuple[Floats, Labels]], *, resamples: int, seed: int
) -> tuple[Tally, ...]:
    """Tallies of several blocks of columns on the same draws of prompts.

    Args:
        blocks: values [prompt, column] and the group of each prompt, 0 to G - 1.
        resamples: of the prompts.
        seed: of the draws.
    """
    prompts = len(blocks[0][0])
    members = [_members(groups) for _, groups in blocks]
    found: list[list[tuple[Floats, Floats]]] = [[] for _ in blocks]
    for drawn in (np.ones((1, prompts)), *_draws(prompts, resamples, seed)):
        for at, (values, _) in enumerate(blocks):
            found[at].append(_summed(drawn, values, members[at]))
    return tuple(
        Tally(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))) for parts in found
    )


def _members(groups: Labels) -> list[Labels]:
    return [np.flatnonzero(groups == group) for group in range(int(groups.max(initial=0)) + 1)]


def _summed(drawn: Floats, values: Floats, members: Sequence[Labels]) -> tuple[Floats, Floats]:
    if len(members) == 1:  # no copy of all values for the usual case
        return (drawn @ values)[:, None], drawn.sum(axis=1, keepdims=True)
    sums = np.stack([drawn[:, rows] @ values[rows] for rows in members], axis=1)
    return sums, np.stack([drawn[:, rows].sum(axis=1) for rows in members], axis=1)


def _draws(prompts: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each prompt is drawn, [resample, prompt], in batches."""
    random = np.random.default_rng(seed)
    batch = max(1, min(100, _BATCH_NUMBERS // max(prompts, 1)))
    for start in range(0, resamples, batch):
        count = min(batch, resamples - start)
        drawn = random.multinomial(prompts, np.full(prompts, 1 / prompts), size=count)
        yield drawn.astype(np.float64)

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


@dataclass(frozen=True)
class Draws:
    """Resamples of the prompts; every walk over them gives the same ones, so figures are paired.

    Attributes:
        prompts: how many there are.
        resamples: how often as many are drawn again, with replacement.
        seed: of the drawing.
    """

    prompts: int
    resamples: int
    seed: int

    def __iter__(self) -> Iterator[Floats]:
        """How often each prompt is drawn, [draw, prompt], in batches; first every prompt once."""
        yield np.ones((1, self.prompts))
        random = np.random.default_rng(self.seed)
        batch = max(1, min(100, _BATCH_NUMBERS // max(self.prompts, 1)))
        even = np.full(self.prompts, 1 / self.prompts)
        for start in range(0, self.resamples, batch):
            count = min(batch, self.resamples - start)
            yield random.multinomial(self.prompts, even, size=count).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums of per-prompt columns by group of prompts: on all prompts, then on each resample.

    Efron 1979. All columns are summed over the same draws, so differences are paired.

    A mean is the sum of what a draw knows over how much it knows. Were a gap filled beforehand, as
    with the column's mean, every draw would count that as observed, and intervals would be those
    of a column without gaps.

    Attributes:
        sums: of what is known, [draw, group, column]; the first draw is every prompt once.
        counts: [draw, group], prompts.
        known: how many of these prompts the column knows, [draw, group, column]; of a block
            without gaps [draw, group, 1].
    """

    sums: Floats
    counts: Floats
    known: Floats

    @property
    def means(self) -> Floats:
        """Means over all prompts of a draw, [draw, column]; NaN where a draw knows none."""
        return _ratio(self.sums.sum(axis=1), self.known.sum(axis=1))

    @property
    def group_means(self) -> Floats:
        """Means over each group, [draw, group, column]; NaN where a draw knows none of it."""
        return _ratio(self.sums, self.known)

    @property
    def outside_means(self) -> Floats:
        """Means over all prompts but the group's, [draw, group, column]; NaN where none is left."""
        rest = self.known.sum(axis=1, keepdims=True) - self.known
        return _ratio(self.sums.sum(axis=1, keepdims=True) - self.sums, rest)

    def completed(self, column: int) -> Floats:
        """Sums of one column with the draw's mean in its gaps, [draw, group]."""
        known = self.known[:, :, column if self.known.shape[2] > 1 else 0]
        sums: Floats = self.sums[:, :, column]
        missing = self.counts - known
        mean = _ratio(sums.sum(axis=1), known.sum(axis=1))[:, None]
        return np.where(missing > 0, sums + missing * mean, sums)


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: Floats = above / below
    return ratio


def tallies(
    blocks: Sequence[tuple[Floats, Labels]], *, resamples: int, seed: int
) -> tuple[Tally, ...]:
    """Tallies of several blocks of columns on the same draws of prompts.

    Args:
        blocks: values [prompt, column], NaN in gaps, and the group of each prompt, 0 to G - 1.
        resamples: of the prompts.
        seed: of the draws.
    """
    batches = list(tally_batches(blocks, Draws(len(blocks[0][0]), resamples, seed)))
    return tuple(joined(parts) for parts in zip(*batches, strict=True))


def tally_batches(
    blocks: Sequence[tuple[Floats, Labels]], draws: Draws
) -> Iterator[tuple[Tally, ...]]:
    """Tallies as of `tallies`, batch after batch of the draws.

    For what is averaged over groups at once: all draws of many groups and columns need not fit
    into memory.
    """
    columns = [_Columns.of(values, groups) for values, groups in blocks]
    for drawn in draws:
        yield tuple(block.tally(drawn) for block in columns)


def joined(parts: Sequence[Tally]) -> Tally:
    """Batches of one block as one tally."""
    return Tally(
        np.concatenate([part.sums for part in parts]),
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.known for part in parts]),
    )


@dataclass(frozen=True, eq=False)
class _Columns:
    """Columns to be summed: zero in gaps, one where there is none, and the rows of each group."""

    filled: Floats
    known: Floats | None
    members: Sequence[Labels]

    @classmethod
    def of(cls, values: Floats, groups: Labels) -> _Columns:
        return cls(*_without_gaps(values), _members(groups))

    def tally(self, drawn: Floats) -> Tally:
        sums, counts = _summed(drawn, self.filled, self.members)
        if self.known is None:
            return Tally(sums, counts, counts[:, :, None])
        return Tally(sums, counts, _summed(drawn, self.known, self.members)[0])


def _without_gaps(values: Floats) -> tuple[Floats, Floats | None]:
    """Values with zero in their gaps, and one where there is none; None for no gap at all."""
    gaps = np.isnan(values)
    if not gaps.any():
        return values, None
    return np.where(gaps, 0.0, values), 1.0 - gaps


def _members(groups: Labels) -> list[Labels]:
    return [np.flatnonzero(groups == group) for group in range(int(groups.max(initial=0)) + 1)]


def _summed(drawn: Floats, values: Floats, members: Sequence[Labels]) -> tuple[Floats, Floats]:
    if len(members) == 1:  # no copy of all values for the usual case
        return (drawn @ values)[:, None], drawn.sum(axis=1, keepdims=True)
    sums = np.stack([drawn[:, rows] @ values[rows] for rows in members], axis=1)
    return sums, np.stack([drawn[:, rows].sum(axis=1) for rows in members], axis=1)

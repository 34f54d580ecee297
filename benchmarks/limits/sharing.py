"""How much of a quantity's variance over prompts like prompts share, and estimates explain.

Takes a value per prompt, such as one model's score less another's; gives shares of its variance.
What two prompts share is the mean product of their deviations from the overall mean: all of the
variance if their values are equal, nothing if they are drawn apart. For prompts of one benchmark
that is what lies between benchmarks; for near neighbours in a benchmark, what they share beyond it.

The rest, which not even the nearest prompt shares, is noise to whoever learns from prompts like
these, whether it is luck of the run or hangs on the very prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
MOST = 50
# Names, and which neighbours by rank.
RANKS = {"nearest": (0, 1), "five nearest": (0, 5), "5th to 50th": (4, MOST)}
NAMES = ("between benchmarks", *RANKS, "explained out of fold")


def neighbours(rows: NDArray[np.float32], groups: Sequence[str]) -> Index:
    """The nearest prompts of the same group, nearest first, [prompt, 50]; -1 where none is left."""
    found = np.full((len(rows), MOST), -1)
    own = np.array(groups)
    for name in np.unique(own):
        member = np.flatnonzero(own == name)
        near = rows[member] @ rows[member].T
        np.fill_diagonal(near, -np.inf)
        count = min(MOST, len(member) - 1)
        found[member, :count] = member[np.argsort(-near, axis=1, kind="stable")[:, :count]]
    return found


def parts_of(value: Floats, estimate: Floats, groups: Sequence[str], near: Index) -> Floats:
    """What each prompt adds to each share of the variance, and to the variance itself.

    Args:
        value, estimate: [prompt]; the estimate is one out of fold.
        groups: [prompt].
        near: what `neighbours` gave.

    Returns:
        [prompt, share], in the order of `NAMES`, the variance last.
    """
    off = value - value.mean()
    _, number = np.unique(np.array(groups), return_inverse=True)
    size, total = np.bincount(number), np.bincount(number, weights=off)
    mates = (total[number] - off) / np.maximum(size[number] - 1, 1)
    beyond = [
        off * (_mean_of(off, near[:, low:high], mates) - mates) for low, high in RANKS.values()
    ]
    explained = off**2 - (value - estimate) ** 2
    return np.stack([off * mates, *beyond, explained, off**2], axis=1)


def _mean_of(off: Floats, near: Index, otherwise: Floats) -> Floats:
    """Mean over neighbours; where there are none, what would add nothing."""
    there = near >= 0
    count = there.sum(axis=1)
    sums = np.where(there, off[near], 0.0).sum(axis=1)
    return np.where(count > 0, sums / np.maximum(count, 1), otherwise)


def shares(parts: Floats, drawn: Floats) -> Floats:
    """Shares of the variance [draw, share], by how often each prompt is drawn."""
    sums = drawn @ parts
    found: Floats = sums[:, :-1] / sums[:, -1:]
    return found

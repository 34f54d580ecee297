"""Costs of choices, where some are unknown and their model's mean cost stands in.

Takes realised costs with gaps; gives costs of choices [prompt] to be averaged, over all prompts and
over resamples of them. Knows nothing of scores and of who chose.

Left out, a gap would shift the mean of a choice that falls on several models towards those whose
costs are known; filled in as if it were known, it would make intervals too narrow. So the mean
stands in, and each known cost carries its part in that mean: its distance from the mean, times how
often the mean stands in, over how many costs the mean is of (the influence function of a
ratio, Davison and Hinkley 1997, section 2.7). These parts add up to zero, so the mean stays as it
is, and a resample moves it by as much as if the model's mean had been taken anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finerouter.gaps import column_means, with_means

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Costs:
    """Realised costs of outcomes.

    Attributes:
        usd: [prompt, model], NaN where unknown.
    """

    usd: Floats

    @property
    def all_models_known(self) -> bool:
        """Whether every model has at least one known cost; without, costs mean nothing."""
        return not bool(np.isnan(self.means).any())

    @cached_property
    def means(self) -> Floats:
        """Mean known cost of each model, [model], NaN where none is known."""
        return column_means(self.usd)

    @cached_property
    def filled(self) -> Floats:
        """With the model's mean in its gaps, zero where that is unknown too, [prompt, model]."""
        return with_means(self.usd)

    def of_choice(self, column: Labels) -> Floats:
        """Of one model per prompt, [prompt]."""
        rows = np.arange(len(column))
        gaps = np.isnan(self.usd[rows, column])
        stood_in = np.bincount(column[gaps], minlength=self.usd.shape[1])
        return self._with_parts(self.filled[rows, column], stood_in.astype(np.float64))

    def of_any(self, asked: NDArray[np.bool_]) -> Floats:
        """Of one of the models asked [prompt, model], drawn at random; [prompt]."""
        share = asked / np.maximum(asked.sum(axis=1, keepdims=True), 1)
        stood_in: Floats = np.where(np.isnan(self.usd), share, 0.0).sum(axis=0)
        mean = np.where(asked, self.filled, 0.0).sum(axis=1) / np.maximum(asked.sum(axis=1), 1)
        return self._with_parts(mean, stood_in)

    def mean_within(self, rows: Labels, column: Labels) -> float:
        """Mean cost of these prompts, each of its model; NaN where none of these costs is known.

        The mean that stands in is that of these prompts, or of all where these have none.
        """
        part = self.usd[rows]
        chosen = part[np.arange(len(rows)), column]
        means = column_means(part)
        means = np.where(np.isnan(means), self.means, means)[column]
        known = ~np.isnan(chosen)
        return float(np.where(known, chosen, means).mean()) if known.any() else float("nan")

    def _with_parts(self, cost: Floats, stood_in: Floats) -> Floats:
        if not stood_in.any():
            return cost
        known = ~np.isnan(self.usd)
        apart = np.where(known, self.usd - self.means, 0.0)
        return cost + np.nan_to_num(apart) @ (stood_in / np.maximum(known.sum(axis=0), 1))

"""The balanced cost weight: as much saved as can be without giving up quality.

Takes out-of-fold estimates and outcomes of the training prompts; gives one cost weight. Knows
nothing of how estimates are made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.frontier import best_at, cost_weights
from finerouter.gaps import column_means

Floats = NDArray[np.float64]
# The largest of many weights that just reach a quality got there by luck too, so it has to reach
# it by a margin; docs/experiments.md tells what margins of other sizes do.
_MARGIN = 1.0
_TINY = 1e-12


def balanced_cost_weight(quality: Floats, cost_usd: Floats, score: Floats) -> float:
    """The largest cost weight that reaches the best single model's quality by a margin.

    Its mean gain over that model, prompt by prompt, is at least one standard error. Zero where no
    weight's is: then nothing of the quality is given up for cost.

    Args:
        quality, cost_usd: out-of-fold estimates [prompt, model].
        score: outcomes [prompt, model]. A prompt without an outcome of the best single model
            counts against that model's mean.
    """
    observed = ~np.isnan(score)
    rows = np.flatnonzero(observed.any(axis=1))
    means = column_means(score)
    single = score[rows, int(np.nanargmax(means))]
    target = np.where(np.isnan(single), np.nanmax(means), single)
    best = 0.0
    for weight in cost_weights(cost_usd).tolist():
        chosen = best_at(quality[rows], cost_usd[rows], observed[rows], weight)
        if _reaches(score[rows, chosen] - target):
            best = max(best, weight)
    return best


def _reaches(gain: Floats) -> bool:
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return bool(gain.mean() >= _MARGIN * error - _TINY)

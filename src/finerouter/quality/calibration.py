"""How far estimates can be trusted: Brier score, calibration error, scale of the uncertainty.

Takes estimates and observed scores [prompt, model]; gives figures per model. Knows nothing of how
the estimates were made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.gaps import column_means

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
_LEAST_GROUP = 10
_SCALE_RANGE = (0.25, 4.0)


def brier_score(quality: Floats, score: Floats) -> Floats:
    """Mean squared error of the estimate per model, [model]; gaps left out, NaN without any.

    Source: Brier 1950; for graded scores the same formula, mean of (quality - score)^2.
    """
    return column_means(np.square(quality - score))


def expected_calibration_error(quality: Floats, score: Floats, *, bins: int = 10) -> Floats:
    """Expected calibration error per model, [model], over bins of equally many prompts.

    ECE = sum over bins of (share of prompts) * |mean score - mean quality|. Equally filled bins
    after Nixon et al. 2019 (arXiv 1904.01685): estimates that crowd together are told apart.
    """
    return np.array(
        [_calibration_error(quality[:, at], score[:, at], bins) for at in range(score.shape[1])]
    )


def _calibration_error(quality: Floats, score: Floats, bins: int) -> float:
    parts = calibration_bins(quality, score, bins=bins)
    if not parts:
        return float("nan")
    off = [abs(float(part.mean()) - estimate) * len(part) for estimate, part in parts]
    return sum(off) / sum(len(part) for _, part in parts)


def calibration_bins(
    quality: Floats, score: Floats, *, bins: int = 10
) -> list[tuple[float, Floats]]:
    """Mean estimate and the scores of each bin of equally many prompts, by rising estimate.

    Args:
        quality, score: of one model, [prompt]; gaps in the scores are left out.
    """
    seen = ~np.isnan(score)
    order = np.argsort(quality[seen], kind="stable")
    estimates, scores = quality[seen][order], score[seen][order]
    parts = zip(np.array_split(estimates, bins), np.array_split(scores, bins), strict=True)
    return [(float(estimate.mean()), part) for estimate, part in parts if len(part)]


def uncertainty_scale(quality: Floats, std: Floats, score: Floats, groups: Labels) -> float:
    """Factor by which `std` must be multiplied to match errors on held-out prompts.

    A single score is mostly luck, so errors are averaged over groups of like prompts: the squared
    mean error of a group, less its sampling variance, is what the estimate itself was off by.
    That is compared with the mean predicted variance. It sees no error finer than a group.

    Args:
        quality, std, score: [prompt, model], out of fold; scores may have gaps.
        groups: [prompt], such as the most probable task.

    Returns:
        A factor between 0.25 and 4.
    """
    errors = score - quality
    off, predicted = 0.0, 0.0
    for group in np.unique(groups):
        part = errors[groups == group]
        count = (~np.isnan(part)).sum(axis=0)
        enough = count >= _LEAST_GROUP
        if not enough.any():
            continue
        part, count = part[:, enough], count[enough]
        sampling = np.nanvar(part, axis=0, ddof=1) / count
        off += float((count * (np.square(column_means(part)) - sampling)).sum())
        predicted += float((count * np.square(std[groups == group][:, enough]).mean(axis=0)).sum())
    if predicted <= 0:
        return 1.0
    return float(np.clip(np.sqrt(max(off, 0.0) / predicted), *_SCALE_RANGE))

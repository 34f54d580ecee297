from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.quality.calibration import (
    brier_score,
    expected_calibration_error,
    uncertainty_scale,
)

qualities = arrays(np.float64, (30, 2), elements=st.floats(0, 1))
scores = arrays(np.float64, (30, 2), elements=st.sampled_from([0.0, 0.3, 1.0, np.nan])).map(
    lambda score: np.vstack([[0.5, 0.5], score[1:]])
)


@given(qualities, scores)
def test_brier_score_is_the_mean_squared_error_of_what_was_seen(quality, score) -> None:
    found = brier_score(quality, score)
    for model in range(2):
        seen = ~np.isnan(score[:, model])
        errors = quality[seen, model] - score[seen, model]
        assert found[model] == pytest.approx((errors**2).mean())


def test_a_perfect_estimate_has_no_calibration_error() -> None:
    score = np.random.default_rng(0).uniform(size=(100, 3))
    np.testing.assert_array_equal(expected_calibration_error(score, score), 0.0)


def test_an_estimate_right_on_average_in_every_bin_has_no_calibration_error() -> None:
    quality = np.repeat([0.25, 0.75], 40)[:, None]
    score = np.tile([0.0, 0.0, 0.0, 1.0], 10), np.tile([1.0, 1.0, 1.0, 0.0], 10)
    found = expected_calibration_error(quality, np.concatenate(score)[:, None], bins=2)
    assert found[0] == pytest.approx(0.0)


def test_a_constant_bias_is_the_calibration_error() -> None:
    quality = np.random.default_rng(0).uniform(0.0, 0.8, size=(200, 1))
    found = expected_calibration_error(quality + 0.15, quality)
    assert found[0] == pytest.approx(0.15)


@given(qualities, scores)
def test_calibration_error_is_at_most_the_mean_absolute_error(quality, score) -> None:
    found = expected_calibration_error(quality, score)
    assert (found >= 0).all()
    assert (found <= np.nanmean(np.abs(quality - score), axis=0) + 1e-12).all()


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_the_scale_of_the_uncertainty_is_recovered(factor: float) -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(300), 60)
    std = np.full((len(groups), 2), 0.08)
    truth = random.uniform(0.35, 0.65, size=(300, 2))
    score = (random.uniform(size=std.shape) < truth[groups]).astype(float)
    quality = (truth + random.normal(scale=0.08 * factor, size=truth.shape))[groups]
    assert uncertainty_scale(quality, std, score, groups) == pytest.approx(factor, rel=0.15)


def test_the_scale_stays_within_its_bounds() -> None:
    groups = np.repeat(np.arange(5), 20)
    score = np.tile([0.0, 1.0], (100, 1))
    std = np.full((100, 2), 1e-3)
    assert uncertainty_scale(score, std, score, groups) == 0.25
    assert uncertainty_scale(1 - score, std, score, groups) == 4.0


def test_groups_too_small_to_tell_leave_the_scale_alone() -> None:
    score = np.tile([0.0, 1.0], (9, 1))
    std = np.full((9, 2), 0.1)
    assert uncertainty_scale(1 - score, std, score, np.zeros(9, dtype=int)) == 1.0


def test_gaps_are_left_out_of_the_scale() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 40)
    score = random.uniform(size=(800, 2))
    quality, std = np.full_like(score, 0.5), np.full_like(score, 0.1)
    holed = np.where(random.uniform(size=score.shape) < 0.5, np.nan, score)
    holed[groups == 0, 0] = np.nan
    assert np.isfinite(uncertainty_scale(quality, std, holed, groups))

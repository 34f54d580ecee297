from __future__ import annotations

import numpy as np
import pytest

from finerouter.evaluation.intervals import Interval, resampled_means


def interval_of(values, *, seed: int = 0, resamples: int = 300) -> Interval:
    means = np.array(list(resampled_means(values[:, None], resamples=resamples, seed=seed)))
    return Interval.of(float(values.mean()), means[:, 0])


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)
    held = 0
    for trial in range(300):
        found = interval_of(random.exponential(size=80), seed=trial)
        held += found.low <= 1.0 <= found.high
    assert 0.89 <= held / 300 <= 0.985


def test_intervals_shrink_with_more_prompts() -> None:
    random = np.random.default_rng(0)
    few, many = interval_of(random.normal(size=100)), interval_of(random.normal(size=10_000))
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(10, rel=0.3)


def test_differences_are_paired() -> None:
    random = np.random.default_rng(0)
    pair = random.normal(size=(200, 1)) + np.array([[0.0, 0.1]])
    means = np.array(list(resampled_means(pair, resamples=100, seed=0)))
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.1)
    assert means[:, 0].std() > 0.01


@pytest.mark.parametrize("resamples", [1, 99, 250])
def test_as_many_resamples_as_asked_for_the_same_by_seed(resamples: int) -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    first, again = (
        np.array(list(resampled_means(values, resamples=resamples, seed=4))) for _ in range(2)
    )
    assert first.shape == (resamples, 3)
    np.testing.assert_array_equal(first, again)
    other = np.array(list(resampled_means(values, resamples=resamples, seed=5)))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("low", "high", "holds"), [(-1, 1, True), (0, 1, True), (0.1, 1, False), (-1, -0.1, False)]
)
def test_whether_zero_is_plausible(low: float, high: float, holds: bool) -> None:
    assert Interval(0.5, low, high).holds_zero is holds


def test_resamples_without_a_value_are_left_out() -> None:
    found = Interval.of(0.5, np.array([np.nan, 0.4, 0.6, np.nan]))
    assert 0.4 <= found.low <= found.high <= 0.6
    nothing = Interval.of(0.5, np.array([np.nan]))
    assert np.isnan([nothing.low, nothing.high]).all()
    assert nothing.holds_zero

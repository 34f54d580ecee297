from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.evaluation.intervals import Interval, tallies


def resampled_means(values, *, resamples: int, seed: int):
    """Means of the columns on resamples of the prompts, [resample, column]."""
    everyone = np.zeros(len(values), dtype=np.int64)
    (tally,) = tallies([(values, everyone)], resamples=resamples, seed=seed)
    return tally.means[1:]


def interval_of(values, *, seed: int = 0, resamples: int = 300) -> Interval:
    means = resampled_means(values[:, None], resamples=resamples, seed=seed)
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
    means = resampled_means(pair, resamples=100, seed=0)
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.1)
    assert means[:, 0].std() > 0.01


@pytest.mark.parametrize("resamples", [1, 99, 250])
def test_as_many_resamples_as_asked_for_the_same_by_seed(resamples: int) -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    first, again = (resampled_means(values, resamples=resamples, seed=4) for _ in range(2))
    assert first.shape == (resamples, 3)
    np.testing.assert_array_equal(first, again)
    other = resampled_means(values, resamples=resamples, seed=5)
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


@given(st.integers(0, 10_000))
def test_a_gap_counts_neither_above_nor_below_in_any_draw(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.uniform(size=(40, 3))
    values[random.uniform(size=values.shape) < [0.0, 0.5, 0.95]] = np.nan
    groups = random.integers(0, 3, 40)
    (tally,) = tallies([(values, groups)], resamples=20, seed=seed)
    every = np.eye(40)  # each prompt as a column of its own says how often a draw holds it
    (drawn,) = tallies([(every, np.zeros(40, np.int64))], resamples=20, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for at, often in enumerate(drawn.sums[:, 0].round().astype(int)):
            rows = np.repeat(np.arange(40), often)
            np.testing.assert_allclose(tally.means[at], np.nanmean(values[rows], axis=0))
            for group in range(3):
                inside = groups[rows] == group
                within, outside = values[rows][inside], values[rows][~inside]
                np.testing.assert_allclose(tally.group_means[at, group], np.nanmean(within, axis=0))
                np.testing.assert_allclose(
                    tally.outside_means[at, group], np.nanmean(outside, axis=0)
                )
    for column in range(3):
        np.testing.assert_allclose(tally.completed(column).sum(axis=1) / 40, tally.means[:, column])


def test_without_gaps_nothing_is_divided_but_by_the_prompts() -> None:
    random = np.random.default_rng(0)
    values, groups = random.uniform(size=(60, 4)), random.integers(0, 2, 60)
    (tally,) = tallies([(values, groups)], resamples=50, seed=1)
    np.testing.assert_array_equal(tally.means, tally.sums.sum(axis=1) / 60)
    np.testing.assert_array_equal(tally.group_means, tally.sums / tally.counts[:, :, None])
    np.testing.assert_array_equal(tally.completed(2), tally.sums[:, :, 2])

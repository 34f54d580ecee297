"""Dials are judged on other prompts than they were picked by, and what that is good for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.evaluation import crossfit
from finerouter.evaluation.crossfit import CurveTally, fold_labels, hull_weights
from finerouter.evaluation.intervals import Interval, tallies
from finerouter.frontier import mean_quality_over

POINTS = 6


def tallied(
    score, cost, single_score, single_cost, *, resamples: int = 0, folds=None
) -> CurveTally:
    """A curve of `POINTS` points and a single model, per prompt."""
    count = len(score)
    if folds is None:
        folds = np.arange(count) % 5
    columns = np.column_stack([score, cost, single_score, single_cost])
    (tally,) = tallies([(columns, folds)], resamples=resamples, seed=0)
    width = score.shape[1]
    return CurveTally(tally, slice(0, width), slice(width, 2 * width), 2 * width, 2 * width + 1)


def noise(seed: int, count: int = 100, points: int = POINTS):
    """Points that are all truly as good as the single model, at falling costs."""
    random = np.random.default_rng(seed)
    score = (random.uniform(size=(count, points)) < 0.6) * 1.0
    single = (random.uniform(size=count) < 0.6) * 1.0
    cost = np.tile(np.linspace(1.0, 0.1, points), (count, 1))
    return score, cost, single, np.ones(count)


def slow_best(score, cost, folds):
    """The same by hand: pick outside the fold, judge inside."""
    quality, usd = np.zeros(len(score)), np.zeros(len(score))
    for fold in np.unique(folds):
        out = folds == fold
        at = score[~out].mean(axis=0).argmax()
        quality[out], usd[out] = score[out, at], cost[out, at]
    return quality.mean(), usd.mean()


@given(st.integers(0, 1_000))
def test_the_best_dial_is_picked_outside_and_judged_inside(seed: int) -> None:
    data = noise(seed, 60)
    folds = np.arange(60) % 5
    found = crossfit.best_quality(tallied(*data, folds=folds))
    quality, usd = slow_best(*data[:2], folds)
    assert found.quality[0] == pytest.approx(quality)
    assert found.cost_usd[0] == pytest.approx(usd)


@given(st.integers(0, 1_000))
def test_where_no_dial_reaches_the_single_model_that_is_asked(seed: int) -> None:
    score, cost, single, single_cost = noise(seed)
    found = crossfit.cheapest_reaching_single(
        tallied(0 * score, cost, np.maximum(single, 0.5), single_cost)
    )
    assert found.cost_usd[0] == pytest.approx(1.0)
    assert found.quality[0] == pytest.approx(np.maximum(single, 0.5).mean())


def test_a_dial_that_is_always_as_good_and_cheap_is_found() -> None:
    score, cost, single, single_cost = noise(1)
    score[:, 4] = single
    score[:, [0, 1, 2, 3, 5]] = 0.0
    found = crossfit.cheapest_reaching_single(tallied(score, cost, single, single_cost))
    assert found.quality[0] == pytest.approx(single.mean())
    assert found.cost_usd[0] == pytest.approx(cost[0, 4])


def test_within_a_budget_only_what_keeps_it_is_picked() -> None:
    data = noise(2)
    found = crossfit.best_within(tallied(*data), 0.5)
    assert found.cost_usd[0] <= 0.5
    assert np.isnan(crossfit.best_within(tallied(*data), 0.05).quality[0])


@given(
    arrays(np.float64, POINTS, elements=st.floats(0.1, 4.0)),
    arrays(np.float64, POINTS, elements=st.floats(0.0, 1.0)),
    st.floats(0.0, 3.0),
    st.floats(0.05, 4.0),
)
def test_hull_weights_give_the_mean_height_of_the_hull(cost, quality, low, width) -> None:
    corners, weights = hull_weights(cost, quality, low, low + width)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= -1e-12).all()
    expected = mean_quality_over(cost, quality, low, low + width)
    assert weights @ quality[corners] == pytest.approx(expected, abs=1e-9)


def test_the_mean_height_is_that_of_the_hull_when_folds_agree() -> None:
    score = np.tile(np.linspace(0.9, 0.2, POINTS), (50, 1))
    cost = np.tile(np.linspace(1.0, 0.1, POINTS), (50, 1))
    curve = tallied(score, cost, np.full(50, 0.8), np.ones(50), resamples=3)
    found = crossfit.mean_height(curve, np.full(4, 0.2), np.full(4, 0.9))
    expected = mean_quality_over(cost[0], score[0], 0.2, 0.9)
    np.testing.assert_allclose(found, expected)
    assert np.isnan(crossfit.mean_height(curve, np.ones(4), np.ones(4))).all()


def gains(trials: int) -> tuple[np.ndarray, np.ndarray, list[Interval], list[Interval]]:
    """Gain of the best of twenty equally good dials: read off the curve, and cross-fitted."""
    plain, fair, plain_intervals, fair_intervals = [], [], [], []
    for seed in range(trials):
        curve = tallied(*noise(seed, 200, 20), resamples=200)
        means = curve.tally.means
        single = means[:, curve.single_score]
        off_curve = means[:, curve.score].max(axis=1) - single
        crossed = crossfit.best_quality(curve).quality - single
        plain.append(off_curve[0])
        fair.append(crossed[0])
        plain_intervals.append(Interval.of(off_curve[0], off_curve[1:]))
        fair_intervals.append(Interval.of(crossed[0], crossed[1:]))
    return np.array(plain), np.array(fair), plain_intervals, fair_intervals


def test_luck_in_picking_shows_off_the_curve_and_not_when_cross_fitted() -> None:
    """All dials are worth exactly the single model: every gain is luck."""
    plain, fair, plain_intervals, fair_intervals = gains(60)
    assert plain.mean() > 0.04
    assert abs(fair.mean()) < 0.02
    # Read off the curve, percentile intervals find a gain that is not there far too often.
    assert np.mean([found.low > 0 for found in plain_intervals]) > 0.3
    assert np.mean([found.low > 0 for found in fair_intervals]) <= 0.08


def test_mirrored_intervals_take_off_what_resampling_adds() -> None:
    """Of a highest point, percentiles lie above the value; mirrored they reach below it."""
    curve = tallied(*noise(3, 200, 20), resamples=300)
    means = curve.tally.means
    highest = means[:, curve.score].max(axis=1)
    plain = Interval.of(highest[0], highest[1:])
    mirrored = Interval.reflected(highest[0], highest[1:])
    assert plain.high - plain.value > plain.value - plain.low
    assert mirrored.value - mirrored.low == pytest.approx(plain.high - plain.value)
    assert mirrored.low < plain.low


@given(
    st.lists(st.sampled_from("abc"), min_size=25, max_size=60),
    st.integers(1, 12),
    st.integers(0, 99),
)
def test_folds_are_even_in_each_stratum_and_keep_groups_whole(names, size: int, seed: int) -> None:
    groups = np.unique(np.arange(len(names)) // size, return_inverse=True)[1]
    folds = fold_labels(names, groups, folds=5, seed=seed)
    for group in np.unique(groups):
        assert len(set(folds[groups == group].tolist())) == 1
    if size == 1:
        assert np.ptp(np.bincount(folds, minlength=5)) <= 1
        for name in set(names):
            members = np.array(names) == name
            assert np.ptp(np.bincount(folds[members], minlength=5)) <= 1
    np.testing.assert_array_equal(folds, fold_labels(names, groups, folds=5, seed=seed))

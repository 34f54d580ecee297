from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.frontier import (
    Curve,
    best_at,
    cheapest_argmax,
    cost_weights,
    hull,
    mean_quality_over,
    quality_cost_curve,
)

grid = st.integers(0, 8).map(lambda value: value / 8)
points = st.integers(1, 12).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, count, elements=grid), arrays(np.float64, count, elements=grid)
    )
)
grids = st.tuples(st.integers(1, 6), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(
        arrays(np.float64, shape, elements=grid),
        arrays(np.float64, shape, elements=st.one_of(grid, st.just(np.nan))),
    )
)


@given(points)
def test_the_hull_rises_and_is_concave(drawn) -> None:
    at_cost, height = hull(*drawn)
    assert (np.diff(at_cost) > 0).all()
    assert (np.diff(height) > 0).all()
    slopes = np.diff(height) / np.diff(at_cost)
    assert (np.diff(slopes) < 0).all()


@given(points)
def test_no_point_lies_above_the_hull(drawn) -> None:
    cost, quality = drawn
    at_cost, height = hull(cost, quality)
    assert (quality <= np.interp(cost, at_cost, height) + 1e-12).all()


@given(points)
def test_the_hull_consists_of_points(drawn) -> None:
    given_points = set(zip(*map(np.ndarray.tolist, drawn), strict=True))
    assert set(zip(*map(np.ndarray.tolist, hull(*drawn)), strict=True)) <= given_points
    at_cost, height = hull(*drawn)
    assert at_cost[0] == drawn[0].min()
    assert height[-1] == drawn[1].max()


@given(points, grid, grid)
def test_mean_quality_is_the_integral_over_the_range(drawn, one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = mean_quality_over(*drawn, low, high)
    middles = low + (np.arange(4_000) + 0.5) / 4_000 * (high - low)
    expected = np.interp(middles, *hull(*drawn)).mean()
    assert found == pytest.approx(expected, abs=1e-3)


def test_beyond_the_hull_its_ends_count() -> None:
    cost, quality = np.array([1.0, 2.0]), np.array([0.4, 0.8])
    assert mean_quality_over(cost, quality, 0.0, 1.0) == pytest.approx(0.4)
    assert mean_quality_over(cost, quality, 2.0, 5.0) == pytest.approx(0.8)
    assert mean_quality_over(cost, quality, 0.0, 3.0) == pytest.approx((0.4 + 0.6 + 0.8) / 3)


@given(grids)
def test_cheapest_argmax_is_the_best_and_among_the_best_the_cheapest(drawn) -> None:
    utility, cost = drawn
    priced = np.where(np.isnan(cost), np.inf, cost)
    for row, column in enumerate(cheapest_argmax(utility, cost)):
        best = np.flatnonzero(utility[row] == utility[row].max())
        assert column in best
        assert priced[row, column] == priced[row, best].min()
        assert column == best[priced[row, best].argmin()]


def test_what_is_ruled_out_is_not_chosen() -> None:
    utility = np.array([[-np.inf, -5.0, -np.inf]])
    assert cheapest_argmax(utility, np.array([[0.0, 9.0, np.nan]])).tolist() == [1]


def test_an_unknown_cost_counts_as_dearest() -> None:
    utility = np.array([[0.5, 0.5]])
    assert cheapest_argmax(utility, np.array([[np.nan, 1e300]])).tolist() == [1]


def outcomes(seed: int = 0):
    random = np.random.default_rng(seed)
    score = (random.uniform(size=(200, 3)) < [0.3, 0.6, 0.9]).astype(float)
    cost = np.tile([1e-5, 1e-4, 1e-3], (200, 1))
    quality = np.tile([0.3, 0.6, 0.9], (200, 1))
    return quality, cost, score


def test_the_curve_goes_from_the_best_to_the_cheapest() -> None:
    quality, cost, score = outcomes()
    curve = quality_cost_curve(quality, cost, score, cost)
    assert curve.cost_weight[0] == 0
    assert (np.diff(curve.cost_weight) > 0).all()
    assert curve.quality[0] == score[:, 2].mean()
    assert curve.cost_usd[-1] == pytest.approx(1e-5)
    assert (np.diff(curve.cost_usd) <= 1e-15).all()


def test_a_model_without_an_outcome_is_not_chosen_there() -> None:
    quality, cost, score = outcomes()
    score[:50, 2] = np.nan
    score[-1] = np.nan
    curve = quality_cost_curve(quality, cost, score, cost, weights=np.zeros(1))
    expected = np.concatenate([score[:50, 1], score[50:-1, 2]]).mean()
    assert curve.quality[0] == pytest.approx(expected)


def test_equal_costs_leave_one_point_of_quality() -> None:
    quality, cost, score = outcomes()
    curve = quality_cost_curve(quality, np.full_like(cost, 1e-4), score, np.full_like(cost, 1e-4))
    assert (curve.quality == curve.quality[0]).all()


def test_unknown_costs_leave_a_curve_of_one_weight() -> None:
    quality, cost, score = outcomes()
    unknown = np.full_like(cost, np.nan)
    curve = quality_cost_curve(quality, unknown, score, unknown)
    assert curve.cost_weight.tolist() == [0.0]
    assert curve.quality[0] == score[:, 2].mean()


def test_weights_scale_with_the_costs() -> None:
    _, cost, _ = outcomes()
    np.testing.assert_allclose(cost_weights(1_000 * cost), cost_weights(cost) / 1_000)


def test_cheapest_reaching_a_quality() -> None:
    curve = Curve(np.array([0.0, 1.0, 2.0]), np.array([3.0, 2.0, 1.0]), np.array([0.9, 0.95, 0.5]))
    assert curve.cheapest_reaching(0.9) == 2.0
    assert curve.cheapest_reaching(0.4) == 1.0
    assert curve.cheapest_reaching(0.99) == float("inf")


def test_an_unknown_cost_is_not_zero() -> None:
    quality = np.array([[0.9, 0.5, 0.4], [0.9, 0.5, 0.4], [0.9, 0.5, 0.4]])
    cost = np.array([[np.nan, 2.0, 1.0]] * 3)
    allowed = np.array([[True, True, True], [True, False, False], [True, False, True]])
    assert best_at(quality, cost, allowed, 0.0).tolist() == [0, 0, 0]
    assert best_at(quality, cost, allowed, 0.01).tolist() == [1, 0, 2]
    assert best_at(quality, cost, allowed, 1.0).tolist() == [2, 0, 2]
    assert best_at(0 * quality, cost, allowed, 0.0).tolist() == [2, 0, 2]


def test_a_model_of_unknown_cost_does_not_change_the_grid_of_weights() -> None:
    cost = np.random.default_rng(0).uniform(size=(20, 2))
    wider = np.column_stack([cost, np.full(20, np.nan)])
    np.testing.assert_allclose(cost_weights(wider), cost_weights(cost))
    assert cost_weights(np.full((3, 2), np.nan)).tolist() == [0.0]


def test_realised_costs_with_gaps_count_their_models_mean() -> None:
    random = np.random.default_rng(0)
    score = random.uniform(size=(200, 2))
    usd = np.column_stack([np.full(200, 1.0), random.uniform(5, 15, size=200)])
    gaps = usd.copy()
    gaps[::2, 1] = np.nan
    quality = np.tile([0.1, 0.9], (200, 1))
    whole, part = (quality_cost_curve(quality, usd, score, each) for each in (usd, gaps))
    assert part.cost_usd[0] == pytest.approx(whole.cost_usd[0], rel=0.1)

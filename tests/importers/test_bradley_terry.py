"""Strengths from pairwise results, and scores that allow for the opponent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.importers.bradley_terry import against_field, fair_score, strengths, win_chance

chances = st.floats(0.01, 0.99)
results = st.floats(0, 1)


def battles(
    strength: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    first = random.integers(0, len(strength), count)
    second = (first + random.integers(1, len(strength), count)) % len(strength)
    won = random.random(count) < win_chance(strength[first] - strength[second])
    return first, second, won.astype(float)


def fit(first: np.ndarray, second: np.ndarray, result: np.ndarray, size: int) -> np.ndarray:
    return strengths(first, second, result, centre=np.zeros(size), spread=3.0)


def test_planted_strengths_are_found() -> None:
    truth = np.array([-1.5, -0.5, 0.0, 0.5, 1.5])
    found = fit(*battles(truth, 20_000, seed=1), 5)
    np.testing.assert_allclose(found - found.mean(), truth, atol=0.1)


def test_two_models_agree_with_the_closed_form() -> None:
    """Without pull, the difference in strength is the log odds of the wins."""
    first, second = np.zeros(40, dtype=np.int64), np.ones(40, dtype=np.int64)
    result = np.array([1.0] * 30 + [0.0] * 10)
    found = strengths(first, second, result, centre=np.zeros(2), spread=1e6)
    assert found[0] - found[1] == pytest.approx(np.log(3.0))
    assert win_chance(found[:1] - found[1:])[0] == pytest.approx(0.75)


@given(seed=st.integers(0, 99), size=st.integers(2, 6), count=st.integers(1, 60))
def test_the_slope_of_the_posterior_is_zero_at_the_answer(seed: int, size: int, count: int) -> None:
    random = np.random.default_rng(seed)
    first, second, result = battles(random.normal(size=size), count, seed)
    centre = random.normal(size=size)
    found = strengths(first, second, result, centre=centre, spread=1.0)
    surprise = result - win_chance(found[first] - found[second])
    slope = np.bincount(first, surprise, size) - np.bincount(second, surprise, size)
    np.testing.assert_allclose(slope, found - centre, atol=1e-8)


@given(seed=st.integers(0, 99), size=st.integers(2, 6), count=st.integers(1, 60))
def test_it_does_not_matter_who_is_named_first(seed: int, size: int, count: int) -> None:
    first, second, result = battles(np.arange(size) * 0.5, count, seed)
    one = fit(first, second, result, size)
    np.testing.assert_allclose(fit(second, first, 1 - result, size), one, atol=1e-8)


def test_a_model_that_always_won_stays_finite_and_comes_first() -> None:
    first, second = np.zeros(200, dtype=np.int64), np.array([1, 2] * 100)
    found = fit(first, second, np.ones(200), 3)
    assert np.isfinite(found).all()
    assert found[0] > found[1] == pytest.approx(found[2])


def test_a_model_without_battles_stays_at_its_centre() -> None:
    first, second, result = battles(np.array([0.0, 1.0]), 50, seed=0)
    found = strengths(first, second, result, centre=np.array([0.0, 0.0, 0.7]), spread=1.0)
    assert found[2] == pytest.approx(0.7)


def test_ties_are_half_a_win_each() -> None:
    first, second = np.zeros(9, dtype=np.int64), np.ones(9, dtype=np.int64)
    found = fit(first, second, np.full(9, 0.5), 2)
    np.testing.assert_allclose(found, 0.0, atol=1e-12)


@given(strength=st.lists(st.floats(-5, 5), min_size=2, max_size=7).map(np.array))
def test_chances_against_the_field(strength: np.ndarray) -> None:
    field = against_field(strength)
    assert ((field >= 0) & (field <= 1)).all()
    assert field.mean() == pytest.approx(0.5)
    assert (np.diff(field[np.argsort(strength)]) > -1e-12).all()
    others = [win_chance(strength[0] - other) for other in strength[1:]]
    assert field[0] == pytest.approx(np.mean(others))


@given(chance=chances, field=chances, result=results)
def test_a_fair_score_stays_in_range_and_grows_with_the_result(
    chance: float, field: float, result: float
) -> None:
    low, score, high = fair_score(
        np.array([0.0, result, 1.0]), np.full(3, chance), np.full(3, field)
    )
    assert 0 <= low <= score <= high <= 1


@given(chance=chances, field=chances)
def test_the_expected_fair_score_is_the_chance_against_the_field(
    chance: float, field: float
) -> None:
    lost, won = fair_score(np.array([0.0, 1.0]), np.full(2, chance), np.full(2, field))
    assert chance * won + (1 - chance) * lost == pytest.approx(field)


@given(chance=chances, result=results)
def test_against_a_mean_opponent_the_score_is_the_result(chance: float, result: float) -> None:
    score = fair_score(np.array([result]), np.array([chance]), np.array([chance]))
    assert score[0] == pytest.approx(result)


def test_beating_the_strong_counts_more_than_beating_the_weak() -> None:
    field = np.full(2, 0.5)
    strong, weak = fair_score(np.ones(2), np.array([0.2, 0.8]), field)
    assert strong == 1.0
    assert weak == pytest.approx(0.5 / 0.8)
    strong, weak = fair_score(np.zeros(2), np.array([0.2, 0.8]), field)
    assert strong == pytest.approx(1 - 0.5 / 0.8)
    assert weak == 0.0


def test_mean_fair_scores_do_not_depend_on_the_opponents() -> None:
    """Model 0 meets weak opponents mostly, model 1 strong ones; they are equally strong."""
    strength = np.array([0.0, 0.0, -1.5, 1.5])
    random = np.random.default_rng(0)
    first = np.repeat([0, 1], 20_000)
    often = np.where(first == 0, 2, 3)
    second = np.where(random.random(40_000) < 0.9, often, 5 - often)
    result = (random.random(40_000) < win_chance(strength[first] - strength[second])).astype(float)
    plain = [result[first == model].mean() for model in (0, 1)]
    chance = win_chance(strength[first] - strength[second])
    score = fair_score(result, chance, against_field(strength)[first])
    fair = [score[first == model].mean() for model in (0, 1)]
    assert plain[0] - plain[1] > 0.4
    assert fair[0] == pytest.approx(fair[1], abs=0.015)

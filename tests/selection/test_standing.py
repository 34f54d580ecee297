from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.selection.standing import Standing, improvement


def standing(quality, *, variance: float = 0.003, cost=(1.0, 1.0, 1.0)) -> Standing:
    quality = np.atleast_2d(np.asarray(quality, dtype=np.float64))
    return Standing(
        share=np.full(len(quality), 1 / len(quality)),
        quality=quality,
        variance=np.full(quality.shape, variance),
        noise=quality * (1 - quality),
        cost_usd=np.broadcast_to(np.asarray(cost), quality.shape),
        weights=np.zeros(1),
    )


@given(st.floats(0, 1), st.floats(0.01, 1))
def test_improvement_is_that_of_drawn_values(behind: float, std: float) -> None:
    drawn = np.random.default_rng(0).normal(-behind, std, size=40_000)
    expected = np.maximum(drawn, 0).mean()
    found = improvement(np.array(behind), np.array(std))
    assert float(found) == pytest.approx(expected, abs=0.02 * std)


@given(st.floats(0, 1), st.floats(0, 1))
def test_improvement_falls_with_the_distance_and_rises_with_doubt(behind, std) -> None:
    now = improvement(np.array(behind), np.array(std))
    assert now >= 0
    assert improvement(np.array(behind + 0.1), np.array(std)) <= now + 1e-3 * std
    assert improvement(np.array(behind), np.array(std + 0.1)) >= now - 1e-9


def test_rivals_are_worth_asking_and_hopeless_models_are_not() -> None:
    gains = standing([0.80, 0.79, 0.30]).gains(10)[0]
    assert gains[0] > 0
    assert gains[1] > 20 * gains[2]


def test_what_is_known_well_is_not_asked_again() -> None:
    vague, known = (standing([0.8, 0.79, 0.5], variance=var).gains(10) for var in (0.01, 1e-5))
    assert (known < 0.1 * vague).all()


def test_more_outcomes_gain_more_but_less_each() -> None:
    one, ten = (standing([0.8, 0.75, 0.6]).gains(number) for number in (1, 10))
    assert (ten > one).all()
    assert (ten < 10 * one).all()


def test_a_cheaper_model_is_a_rival_where_cost_counts() -> None:
    quality, cost = [0.80, 0.60, 0.79], (10.0, 1.0, 10.0)
    blind = standing(quality, cost=cost).gains(10)[0]
    table = standing(quality, cost=cost)
    counting = Standing(**{**vars(table), "weights": np.array([0.022])}).gains(10)[0]
    assert counting[1] > 5 * blind[1]


def test_cost_weights_span_where_single_models_change_places() -> None:
    random = np.random.default_rng(0)
    score = (random.uniform(size=(400, 3)) < [0.9, 0.6, 0.3]).astype(float)
    cost = np.broadcast_to([10.0, 2.0, 1.0], score.shape)
    table = Standing.of(score, np.ones((400, 1)), cost)
    assert table.weights[0] == 0
    slope = (score[:, 0].mean() - score[:, 1].mean()) / 8
    assert table.weights[1] < slope < table.weights[-1]


def test_without_costs_quality_alone_counts() -> None:
    score = (np.random.default_rng(0).uniform(size=(60, 3)) < 0.5).astype(float)
    table = Standing.of(score, np.ones((60, 1)), np.full(score.shape, np.nan))
    assert table.weights.tolist() == [0.0]
    assert np.isfinite(table.gains(5)).all()

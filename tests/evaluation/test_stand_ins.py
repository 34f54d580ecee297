"""Unknown costs: their model's mean stands in, and is not certain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.evaluation.intervals import tallies
from finerouter.evaluation.stand_ins import Costs
from finerouter.gaps import column_means


def some_costs(seed: int, prompts: int = 60, models: int = 3):
    random = np.random.default_rng(seed)
    usd = random.exponential(size=(prompts, models)) * [1.0, 10.0, 100.0]
    usd[random.uniform(size=usd.shape) < random.uniform(0, 0.9)] = np.nan
    usd[0] = [1.0, 10.0, 100.0]
    return Costs(usd), random


@given(st.integers(0, 10_000))
def test_a_models_mean_stands_in_and_leaves_means_as_they_are(seed: int) -> None:
    costs, random = some_costs(seed)
    column = random.integers(0, 3, len(costs.usd))
    filled = np.where(np.isnan(costs.usd), np.nanmean(costs.usd, axis=0), costs.usd)
    chosen = filled[np.arange(len(column)), column]
    assert costs.of_choice(column).mean() == pytest.approx(chosen.mean())
    asked = random.uniform(size=costs.usd.shape) < 0.5
    asked[:, 1] = True
    drawn = np.where(asked, filled, np.nan)
    assert costs.of_any(asked).mean() == pytest.approx(np.nanmean(drawn, axis=1).mean())
    whole = Costs(filled)
    np.testing.assert_array_equal(whole.of_choice(column), chosen)


@pytest.mark.parametrize("unknown", [0.0, 0.5, 0.9])
def test_intervals_of_costs_are_those_of_means_taken_anew_in_every_draw(unknown: float) -> None:
    random = np.random.default_rng(1)
    usd = random.exponential(size=(600, 2)) * [1.0, 10.0]
    usd[random.uniform(size=600) < unknown, 1] = np.nan
    column = (random.uniform(size=600) < 0.6).astype(np.int64)
    everyone = np.zeros(600, dtype=np.int64)
    values = Costs(usd).of_choice(column)[:, None]
    (tally,) = tallies([(values, everyone)], resamples=500, seed=0)
    anew = []
    for _ in range(500):
        rows = random.integers(0, 600, 600)
        part = usd[rows]
        means = column_means(part)
        anew.append(np.where(np.isnan(part), means, part)[np.arange(600), column[rows]].mean())
    assert tally.means[1:].std() == pytest.approx(np.std(anew), rel=0.15)


def test_the_mean_within_some_prompts_is_theirs_where_they_have_one() -> None:
    costs = Costs(np.array([[1.0, np.nan], [3.0, 8.0], [np.nan, np.nan], [np.nan, 4.0]]))
    first, all_second = np.zeros(4, dtype=np.int64), np.ones(4, dtype=np.int64)
    assert costs.mean_within(np.array([0, 1, 2]), first[:3]) == 2.0
    assert np.isnan(costs.mean_within(np.array([2, 3]), first[:2]))
    assert costs.mean_within(np.array([2, 3]), all_second[:2]) == 4.0
    assert costs.mean_within(np.array([0, 2, 3]), np.array([0, 1, 1])) == 3.0


def test_a_model_without_any_cost_is_said_not_to_be_known() -> None:
    assert not Costs(np.array([[1.0, np.nan]])).all_models_known
    assert Costs(np.array([[1.0, 0.0]])).all_models_known
    np.testing.assert_array_equal(
        Costs(np.array([[1.0, np.nan], [2.0, np.nan]])).of_choice(np.array([1, 1])), [0.0, 0.0]
    )

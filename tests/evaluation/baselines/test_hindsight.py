from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.errors import DataError
from finerouter.evaluation.baselines import (
    benchmark_means,
    cheapest_correct_choice,
    oracle_choice,
    random_outcome,
)
from tests import synthetic

TABLE = synthetic.outcomes(60)
some_scores = arrays(np.float64, (60, 4), elements=st.sampled_from([0.0, 0.5, 1.0, np.nan])).map(
    lambda score: np.where(np.arange(4) == 3, np.nan_to_num(score), score)
)


@given(some_scores)
def test_the_oracle_takes_the_best_and_of_these_the_cheapest(score) -> None:
    chosen = oracle_choice(replace(TABLE, score=score))
    cost = TABLE.realised_cost_usd
    for row, column in enumerate(chosen):
        best = np.flatnonzero(score[row] == np.nanmax(score[row]))
        assert column in best
        assert cost[row, column] == cost[row, best].min()


@given(some_scores)
def test_the_cheapest_correct_is_right_where_anybody_is(score) -> None:
    chosen = cheapest_correct_choice(replace(TABLE, score=score))
    cost = TABLE.realised_cost_usd
    for row, column in enumerate(chosen):
        right = np.flatnonzero(score[row] >= 0.5)
        among = right if len(right) else np.flatnonzero(~np.isnan(score[row]))
        assert column in among
        assert cost[row, column] == cost[row, among].min()


@given(some_scores)
def test_a_random_model_scores_the_mean_of_those_asked(score) -> None:
    for row, expected in enumerate(random_outcome(score)):
        assert expected == pytest.approx(np.mean([s for s in score[row] if not np.isnan(s)]))


def test_means_of_benchmarks_leave_gaps_out() -> None:
    score = TABLE.score.copy()
    arithmetic = np.array(TABLE.benchmarks) == "arithmetic"
    score[np.flatnonzero(arithmetic)[:3], 0] = np.nan
    score[arithmetic, 1] = np.nan
    train = replace(TABLE, score=score)
    found = benchmark_means(train, TABLE).quality
    np.testing.assert_allclose(found[arithmetic, 0], np.nanmean(score[arithmetic, 0]))
    np.testing.assert_allclose(found[arithmetic, 1], np.nanmean(score[:, 1]))
    facts = np.array(TABLE.benchmarks) == "facts"
    np.testing.assert_allclose(found[facts], np.tile(score[facts].mean(axis=0), (10, 1)))


def test_benchmarks_must_be_known() -> None:
    with pytest.raises(DataError, match="no benchmarks"):
        benchmark_means(replace(TABLE, benchmarks=None), TABLE)
    with pytest.raises(DataError, match="of benchmark 'facts'"):
        benchmark_means(TABLE.rows(range(5)), TABLE)

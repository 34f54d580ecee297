from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.encoders.protocol import unit_rows
from finerouter.evaluation.baselines import kmeans_task_means, oracle_choice, random_outcome
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
def test_a_random_model_scores_the_mean_of_those_asked(score) -> None:
    for row, expected in enumerate(random_outcome(score)):
        assert expected == pytest.approx(np.mean([s for s in score[row] if not np.isnan(s)]))


@pytest.fixture(scope="module")
def separable():
    """Rows in six far clusters, and outcomes whose means differ by cluster."""
    table = synthetic.outcomes(600)
    kinds = synthetic.kind_numbers(table)
    noise = np.random.default_rng(0).normal(size=(len(kinds), 10))
    return unit_rows((np.eye(6, 10)[kinds] + 0.1 * noise).astype(np.float32)), table, kinds


def test_means_of_separable_clusters_are_found(separable) -> None:
    rows, table, kinds = separable
    quality, cost = kmeans_task_means(rows, table, rows, clusters=6, seed=0)
    for kind in range(6):
        members = kinds == kind
        np.testing.assert_allclose(
            quality[members], table.score[members].mean(0)[None].repeat(100, 0)
        )
        np.testing.assert_allclose(
            cost[members], table.cost_usd[members].mean(0)[None].repeat(100, 0)
        )


def test_new_rows_get_the_means_of_their_cluster(separable) -> None:
    rows, table, kinds = separable
    first = table.rows(range(300))
    quality, _ = kmeans_task_means(rows[:300], first, rows[300:], clusters=6, seed=0)
    error = np.abs(quality - synthetic.STRENGTH[kinds[300:]])
    assert error.max() < 0.25


def test_one_cluster_is_the_overall_mean(separable) -> None:
    rows, table, _ = separable
    quality, _ = kmeans_task_means(rows, table, rows[:3], clusters=1, seed=0)
    np.testing.assert_allclose(quality, np.tile(table.score.mean(axis=0), (3, 1)))


def test_a_gap_in_a_cluster_falls_back_to_the_models_mean(separable) -> None:
    rows, table, kinds = separable
    score = table.score.copy()
    score[kinds == 2, 1] = np.nan
    quality, _ = kmeans_task_means(rows, replace(table, score=score), rows, clusters=6, seed=0)
    np.testing.assert_allclose(quality[kinds == 2, 1], np.nanmean(score[:, 1]))


def test_more_clusters_than_rows_is_no_trouble(separable) -> None:
    rows, table, _ = separable
    few = np.repeat(rows[:3], 2, axis=0)
    quality, _ = kmeans_task_means(few, table.rows(range(6)), few, clusters=50, seed=0)
    assert np.isfinite(quality).all()

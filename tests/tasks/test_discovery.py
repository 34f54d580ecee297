from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.encoders.protocol import unit_rows
from finerouter.tasks.discovery import (
    FREE,
    Granularity,
    candidate_models,
    discover_tasks,
    join_nearest,
)
from finerouter.tasks.graph import neighbour_edges

PLANTED = np.repeat([0, 1, 2, 3], [40, 30, 20, 10])


@pytest.fixture(scope="module")
def rows():
    noise = np.random.default_rng(0).normal(size=(len(PLANTED), 8))
    return unit_rows((np.eye(4, 8)[PLANTED] + 0.15 * noise).astype(np.float32))


@pytest.fixture(scope="module")
def edges(rows):
    score = (np.random.default_rng(1).uniform(size=(len(rows), 3)) < 0.5).astype(float)
    return neighbour_edges(rows, score, k=6, persistence=0.8, seed=0)


def discover(edges, rows, **changes):
    settings = {"minimum_size": 5, "seed": 0, **changes}
    return discover_tasks(edges, rows, Granularity(0.5, 0.0), **settings)


def test_planted_groups_are_found_by_falling_size(edges, rows) -> None:
    np.testing.assert_array_equal(discover(edges, rows), PLANTED)


def test_same_seed_same_tasks(edges, rows) -> None:
    fine = Granularity(4.0, 0.6)
    first, again = (discover_tasks(edges, rows, fine, minimum_size=3, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_no_task_is_smaller_than_the_minimum(edges, rows) -> None:
    assert np.bincount(discover(edges, rows, minimum_size=15)).min() >= 15


def test_fixed_tasks_stay_and_the_rest_is_discovered_after_them(edges, rows) -> None:
    fixed = np.full(len(rows), FREE)
    fixed[PLANTED == 3], fixed[PLANTED == 1] = 0, 1
    labels = discover(edges, rows, fixed=fixed)
    np.testing.assert_array_equal(labels, np.array([2, 1, 3, 0])[PLANTED])


def test_when_everything_is_fixed_nothing_is_discovered(edges, rows) -> None:
    np.testing.assert_array_equal(discover(edges, rows, fixed=PLANTED.copy()), PLANTED)


def test_a_single_free_prompt_is_a_task_of_its_own(edges, rows) -> None:
    fixed = PLANTED.copy()
    fixed[17] = FREE
    labels = discover(edges, rows, fixed=fixed)
    assert labels[17] == 4
    np.testing.assert_array_equal(np.delete(labels, 17), np.delete(PLANTED, 17))


def test_free_prompts_join_the_task_of_their_neighbours(rows) -> None:
    partly = np.where(np.arange(len(rows)) % 3 == 0, PLANTED, FREE)
    np.testing.assert_array_equal(join_nearest(rows, partly, k=6, seed=0), PLANTED)


def test_joining_spreads_from_a_single_labelled_prompt(rows) -> None:
    seeded = np.full(len(rows), FREE)
    seeded[0] = 0
    labels = join_nearest(rows, seeded, k=6, seed=0)
    assert (labels == 0).all()


def test_what_nothing_reaches_joins_the_largest_task(rows) -> None:
    seeded = np.where(PLANTED == 0, FREE, PLANTED - 1)
    labels = join_nearest(rows, seeded, k=3, seed=0)
    assert (labels[PLANTED == 0] == 0).all()
    np.testing.assert_array_equal(labels[PLANTED > 0], PLANTED[PLANTED > 0] - 1)


scores_with_gaps = st.tuples(st.integers(1, 12), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.5, 1.0, np.nan]))
)


def literal_coverage(score, chosen) -> float:
    """Share of prompts with a preference that have a preferred model among the chosen."""
    covered, counted = 0, 0
    for row in score:
        seen = row[~np.isnan(row)]
        if not len(seen) or seen.max() == seen.min():
            continue
        counted += 1
        covered += any(row[column] == seen.max() for column in chosen)
    return covered / counted if counted else 1.0


@given(scores_with_gaps, st.floats(0.05, 0.99))
def test_candidates_reach_the_coverage_they_report(score, coverage: float) -> None:
    chosen, reached = candidate_models(score, coverage=coverage)
    assert reached >= coverage
    assert reached == pytest.approx(literal_coverage(score, chosen))
    assert 1 <= len(chosen) == len(set(chosen)) <= score.shape[1]


@given(scores_with_gaps, st.floats(0.05, 0.99))
def test_no_candidate_is_added_once_coverage_is_reached(score, coverage: float) -> None:
    chosen, _ = candidate_models(score, coverage=coverage)
    if len(chosen) > 1:
        assert literal_coverage(score, chosen[:-1]) < coverage


@given(scores_with_gaps)
def test_more_coverage_only_adds_candidates(score) -> None:
    few, _ = candidate_models(score, coverage=0.3)
    many, _ = candidate_models(score, coverage=0.95)
    assert many[: len(few)] == few


def test_one_model_is_its_own_candidate() -> None:
    assert candidate_models(np.array([[1.0], [0.0]]), coverage=0.9) == ((0,), 1.0)


def test_without_any_preference_the_best_on_average_is_the_candidate() -> None:
    score = np.array([[1.0, np.nan], [np.nan, 0.2], [0.6, 0.6]])
    assert candidate_models(score, coverage=0.9) == ((0,), 1.0)


def test_the_model_preferred_most_often_comes_first() -> None:
    score = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert candidate_models(score, coverage=0.5)[0] == (1,)
    assert candidate_models(score, coverage=0.9)[0] == (1, 0)

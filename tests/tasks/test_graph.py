from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.encoders.protocol import unit_rows
from finerouter.tasks.graph import EXACT_UP_TO, nearest_neighbours, neighbour_edges


def unit(shape: tuple[int, int], seed: int = 0):
    return unit_rows(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def brute_force(rows, k: int):
    similarity = rows.astype(np.float64) @ rows.T.astype(np.float64)
    np.fill_diagonal(similarity, -np.inf)
    return -np.sort(-similarity, axis=1)[:, :k]


@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 10_000))
def test_exact_neighbours_equal_brute_force(count: int, k: int, seed: int) -> None:
    rows = unit((count, 5), seed)
    neighbours, similarity = nearest_neighbours(rows, k, seed=0)
    k = min(k, count - 1)
    assert neighbours.shape == similarity.shape == (count, k)
    np.testing.assert_allclose(similarity, brute_force(rows, k), atol=1e-5)
    of_found = np.einsum("if,ikf->ik", rows, rows[neighbours])
    np.testing.assert_allclose(of_found, similarity, atol=1e-5)


@pytest.mark.parametrize("copies", [2, 4, 30])
def test_no_prompt_is_its_own_neighbour_even_among_duplicates(copies: int) -> None:
    rows = np.repeat(unit((5, 4)), copies, axis=0)
    neighbours, similarity = nearest_neighbours(rows, 3, seed=0)
    assert neighbours.shape == (5 * copies, 3)
    assert not (neighbours == np.arange(len(rows))[:, None]).any()
    assert all(len(set(row)) == 3 for row in neighbours.tolist())
    np.testing.assert_allclose(similarity[:, : min(3, copies - 1)], 1.0, atol=1e-5)


def test_a_single_row_has_no_neighbours() -> None:
    neighbours, similarity = nearest_neighbours(unit((1, 4)), 5, seed=0)
    assert neighbours.shape == similarity.shape == (1, 0)


@pytest.fixture(scope="module")
def many_rows():
    """Clustered rows, enough for the approximate search."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(60, 6))
    noise = random.normal(size=(EXACT_UP_TO + 100, 6))
    return unit_rows((centres[np.arange(len(noise)) % 60] + 0.3 * noise).astype(np.float32))


def test_approximate_neighbours_are_mostly_the_true_ones(many_rows) -> None:
    neighbours, similarity = nearest_neighbours(many_rows, 5, seed=0)
    probed = np.arange(0, len(many_rows), 100)
    true = many_rows[probed] @ many_rows.T
    true[np.arange(len(probed)), probed] = -np.inf
    fifth = -np.partition(-true, 4, axis=1)[:, 4]
    recall = (similarity[probed] >= fifth[:, None] - 1e-5).mean()
    assert recall > 0.9
    assert not (neighbours == np.arange(len(many_rows))[:, None]).any()


@pytest.fixture(scope="module")
def edges():
    score = (np.random.default_rng(1).uniform(size=(50, 4)) < 0.6).astype(float)
    return neighbour_edges(unit((50, 6)), score, k=4, persistence=0.8, seed=0)


def test_both_similarities_lie_between_zero_and_one(edges) -> None:
    for values in (edges.semantic, edges.performance):
        assert values.shape == (200,)
        assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_graph_is_symmetric_and_blends_the_similarities(edges, beta: float) -> None:
    graph = edges.weighted(beta)
    assert abs(graph - graph.T).max() < 1e-12
    expected = (1 - beta) * edges.semantic + beta * edges.performance
    found = np.asarray(graph[edges.source, edges.target]).ravel()
    assert (found >= expected - 1e-12).all()
    assert np.isclose(found, expected).mean() > 0.5


def test_prompts_that_rank_models_alike_are_closer_in_performance() -> None:
    rows = unit_rows(np.ones((4, 3), np.float32) + 0.01 * unit((4, 3)))
    score = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    alike = neighbour_edges(rows, score, k=3, persistence=0.8, seed=0)
    assert alike.performance.min() == 1.0
    gaps = np.where(np.eye(4, 2) > 0, np.nan, score)
    assert np.isfinite(neighbour_edges(rows, gaps, k=3, persistence=0.8, seed=0).performance).all()

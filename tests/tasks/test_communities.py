from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from finerouter.encoders.protocol import unit_rows
from finerouter.tasks import communities
from finerouter.tasks.communities import by_falling_size, leiden_communities, merge_small
from finerouter.tasks.graph import nearest_neighbours


def blobs(sizes: list[int], seed: int = 0):
    """Unit rows around orthogonal centres, and the blob of each."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).normal(size=(len(labels), len(sizes)))
    return unit_rows((np.eye(len(sizes))[labels] + 0.05 * noise).astype(np.float32)), labels


def same_division(one, other) -> bool:
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


def block_graph(labels) -> sparse.csr_matrix:
    alike = (labels[:, None] == labels[None, :]).astype(float)
    np.fill_diagonal(alike, 0.0)
    return sparse.csr_matrix(alike)


def test_leiden_finds_the_blocks_of_a_block_graph() -> None:
    labels = np.repeat([0, 1, 2], [12, 8, 5])
    found = leiden_communities(block_graph(labels), resolution=1.0, seed=0)
    assert same_division(found, labels)
    assert np.bincount(found).tolist() == [12, 8, 5]


def test_same_seed_same_communities() -> None:
    random = sparse.random(200, 200, density=0.04, random_state=0, format="csr")
    graph = (random + random.T).tocsr()
    first = leiden_communities(graph, resolution=1.0, seed=3)
    again = leiden_communities(graph, resolution=1.0, seed=3)
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first)) > 1


def test_higher_resolution_gives_more_communities() -> None:
    random = sparse.random(200, 200, density=0.04, random_state=0, format="csr")
    graph = (random + random.T).tocsr()
    few = leiden_communities(graph, resolution=0.5, seed=0).max()
    many = leiden_communities(graph, resolution=4.0, seed=0).max()
    assert many > few


def test_a_prompt_without_edges_is_a_community_of_its_own() -> None:
    labels = np.repeat([0, 1, 2, 3], [6, 4, 1, 1])
    found = leiden_communities(block_graph(labels), resolution=1.0, seed=0)
    assert same_division(found, labels)


@pytest.mark.parametrize("prompts", [1, 2, 5])
def test_without_any_edge_every_prompt_is_a_community(prompts: int) -> None:
    empty = sparse.csr_matrix((prompts, prompts))
    found = leiden_communities(empty, resolution=1.0, seed=0)
    assert found.tolist() == list(range(prompts))


def test_edges_of_no_weight_bind_nobody() -> None:
    weightless = sparse.csr_matrix(([0.0, 0.0], ([0, 1], [1, 0])), shape=(3, 3))
    found = leiden_communities(weightless, resolution=1.0, seed=0)
    assert sorted(found.tolist()) == [0, 1, 2]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=7), st.integers(1, 15))
def test_merging_respects_the_minimum(sizes: list[int], minimum: int) -> None:
    rows, labels = blobs(sizes)
    merged = merge_small(labels, rows, minimum=minimum)
    counts = np.bincount(merged)
    assert len(counts) == 1 or counts.min() >= minimum
    assert (np.diff(counts) <= 0).all()


def test_what_is_large_enough_stays_apart() -> None:
    rows, labels = blobs([9, 7, 5])
    assert same_division(merge_small(labels, rows, minimum=5), labels)


def test_a_small_community_joins_the_nearest() -> None:
    rows = unit_rows(np.array([[1, 0]] * 5 + [[0, 1]] * 6 + [[0.9, 0.3]], np.float32))
    labels = np.repeat([0, 1, 2], [5, 6, 1])
    merged = merge_small(labels, rows, minimum=3)
    assert merged[-1] == merged[0] != merged[5]


@pytest.mark.parametrize("singles", [1, 40])
def test_a_crowd_of_singles_joins_within_as_many_rounds_as_the_minimum_doubles(
    singles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = []

    def counting(rows, k, *, seed):
        searched.append(len(rows))
        return nearest_neighbours(rows, k, seed=seed)

    monkeypatch.setattr(communities, "nearest_neighbours", counting)
    rows, _ = blobs([3] * singles)
    merge_small(np.arange(len(rows)), rows, minimum=16)
    assert len(searched) <= 4


def test_communities_are_only_ever_joined_never_divided() -> None:
    rows, labels = blobs([8, 3, 2, 2, 1])
    merged = merge_small(labels, rows, minimum=4)
    assert all(len(set(merged[labels == label])) == 1 for label in range(5))


@given(st.lists(st.integers(-3, 4), min_size=1, max_size=30))
def test_labels_are_numbered_by_falling_size(values: list[int]) -> None:
    labels = np.array(values)
    numbered = by_falling_size(labels)
    counts = np.bincount(numbered)
    assert counts.min() > 0
    assert (np.diff(counts) <= 0).all()
    assert same_division(numbered, labels)


def test_ties_in_size_go_by_first_appearance() -> None:
    assert by_falling_size(np.array([7, 2, 7, 2, 5])).tolist() == [0, 1, 0, 1, 2]

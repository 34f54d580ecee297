from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.tasks.rankings import competition_ranks, rank_biased_overlap, smoothed_scores

persistences = st.floats(0.05, 0.95)


@st.composite
def rank_pairs(draw):
    """Rankings with ties of the same items, two lists of [pair, item]."""
    items = draw(st.integers(1, 6))
    values = arrays(np.float64, (3, items), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
    return competition_ranks(draw(values)), competition_ranks(draw(values))


def literal_overlap(ranks_a, ranks_b, persistence: float) -> float:
    """Sum over depths of p^(d-1) * A_d, as Webber et al. write it, normalised over the depths."""
    above, below = 0.0, 0.0
    for depth in range(1, len(ranks_a) + 1):
        held_a = {item for item, rank in enumerate(ranks_a) if rank + 1 <= depth}
        held_b = {item for item, rank in enumerate(ranks_b) if rank + 1 <= depth}
        agreement = 2 * len(held_a & held_b) / (len(held_a) + len(held_b))
        above += persistence ** (depth - 1) * agreement
        below += persistence ** (depth - 1)
    return above / below


@given(rank_pairs(), persistences)
def test_overlap_equals_the_formula_written_out(pair, persistence: float) -> None:
    found = rank_biased_overlap(*pair, persistence=persistence)
    expected = [literal_overlap(a, b, persistence) for a, b in zip(*pair, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(rank_pairs(), persistences)
def test_overlap_is_symmetric_and_lies_between_zero_and_one(pair, persistence: float) -> None:
    forth = rank_biased_overlap(pair[0], pair[1], persistence=persistence)
    back = rank_biased_overlap(pair[1], pair[0], persistence=persistence)
    np.testing.assert_array_equal(forth, back)
    assert ((forth >= 0) & (forth <= 1)).all()


@given(rank_pairs(), persistences)
def test_a_ranking_overlaps_wholly_with_itself(pair, persistence: float) -> None:
    found = rank_biased_overlap(pair[0], pair[0], persistence=persistence)
    np.testing.assert_allclose(found, 1.0)


def test_only_identical_rankings_overlap_wholly() -> None:
    ranks = competition_ranks(np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0]]))
    assert rank_biased_overlap(ranks[:1], ranks[1:])[0] < 1.0


def test_a_swap_at_the_top_costs_more_than_one_at_the_bottom() -> None:
    straight = competition_ranks(np.array([[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]]))
    top = competition_ranks(np.array([[5.0, 6.0, 4.0, 3.0, 2.0, 1.0]]))
    bottom = competition_ranks(np.array([[6.0, 5.0, 4.0, 3.0, 1.0, 2.0]]))
    swapped_top = rank_biased_overlap(straight, top)[0]
    swapped_bottom = rank_biased_overlap(straight, bottom)[0]
    assert swapped_top < swapped_bottom < 1.0


def test_less_persistence_looks_at_the_top_only() -> None:
    one = competition_ranks(np.array([[4.0, 3.0, 2.0, 1.0]]))
    other = competition_ranks(np.array([[4.0, 1.0, 2.0, 3.0]]))
    shallow = rank_biased_overlap(one, other, persistence=0.05)[0]
    deep = rank_biased_overlap(one, other, persistence=0.95)[0]
    assert shallow > 0.95 > deep


def test_overlap_does_not_depend_on_how_pairs_are_batched() -> None:
    random = np.random.default_rng(0)
    ranks = competition_ranks(random.integers(0, 4, size=(270_000, 3)).astype(float))
    shuffled = ranks[::-1]
    found = rank_biased_overlap(ranks, shuffled)
    np.testing.assert_array_equal(found[-5:], rank_biased_overlap(ranks[-5:], shuffled[-5:]))


def test_competition_ranks_count_the_strictly_better() -> None:
    ranks = competition_ranks(np.array([[0.5, 0.9, 0.5, 0.1], [1.0, 1.0, 1.0, 1.0]]))
    assert ranks.tolist() == [[1, 0, 1, 3], [0, 0, 0, 0]]


@given(arrays(np.float64, (4, 5), elements=st.floats(0, 1, width=16)))
def test_some_item_ranks_first_and_every_rank_counts_its_betters(values) -> None:
    ranks = competition_ranks(values)
    assert (ranks.min(axis=1) == 0).all()
    expected = (values[:, None, :] > values[:, :, None] + 1e-9).sum(axis=2)
    np.testing.assert_array_equal(ranks, expected)


def test_smoothing_is_the_mean_of_a_prompt_and_its_neighbours() -> None:
    score = np.array([[1.0, 0.0], [0.0, 0.0], [0.5, 1.0]])
    neighbours = np.array([[1, 2], [0, 0], [0, 1]])
    smoothed = smoothed_scores(score, neighbours, grid=1e-6)
    np.testing.assert_allclose(smoothed[0], [0.5, 1 / 3], atol=1e-6)
    np.testing.assert_allclose(smoothed[1], [2 / 3, 0.0], atol=1e-6)


def test_smoothing_leaves_gaps_out_and_falls_back_to_the_overall_mean() -> None:
    score = np.array([[1.0, np.nan], [np.nan, np.nan], [0.0, 0.2], [0.5, 0.6]])
    neighbours = np.array([[1], [0], [3], [2]])
    smoothed = smoothed_scores(score, neighbours, grid=1e-6)
    np.testing.assert_allclose(smoothed[0], [1.0, 0.4], atol=1e-6)
    np.testing.assert_allclose(smoothed[2], [0.25, 0.4], atol=1e-6)


def test_smoothing_makes_near_ties_tie() -> None:
    score = np.array([[0.501, 0.499], [0.501, 0.499]])
    ranks = competition_ranks(smoothed_scores(score, np.array([[1], [0]])))
    assert (ranks == 0).all()

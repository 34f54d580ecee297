from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.evaluation import metrics
from finerouter.evaluation.intervals import tallies
from finerouter.evaluation.two_models import (
    SHARES,
    StrongShareCurve,
    average_pgr,
    call_performance_threshold,
    performance_gap_recovered,
    strong_share_curve,
)
from finerouter.frontier import hull

share = st.floats(0.0, 1.0)
positive = st.floats(0.01, 1.0)
curves = st.integers(1, 12).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, count, elements=st.floats(0.01, 5.0)),
        arrays(np.float64, count, elements=share),
    )
)


@given(arrays(np.float64, 12, elements=share), st.permutations(["a", "b", "b", "c"] * 3))
def test_benchmarks_count_alike_whatever_their_size(score, names) -> None:
    groups = np.array(["abc".index(name) for name in names])
    (tally,) = tallies([(score[:, None], groups)], resamples=0, seed=0)
    by_hand = [
        np.mean([s for s, n in zip(score, names, strict=True) if n == name]) for name in "abc"
    ]
    assert tally.means[0, 0] == pytest.approx(score.mean())
    found = metrics.benchmark_mean(tally.group_means)
    np.testing.assert_allclose(found, [[np.mean(by_hand)]], atol=1e-12)


def test_a_benchmark_without_a_mean_is_left_out() -> None:
    means = np.array([[[0.2, np.nan], [0.6, np.nan]], [[np.nan, 0.5], [0.4, 0.7]]])
    np.testing.assert_allclose(metrics.benchmark_mean(means), [[0.4, np.nan], [0.4, 0.6]])


@given(arrays(np.float64, (9, 2), elements=share), st.sets(st.integers(0, 8), max_size=8))
def test_the_mean_quality_is_that_of_the_scores_there_are(score, gaps) -> None:
    score = score.copy()
    score[sorted(gaps), 1] = np.nan
    (tally,) = tallies([(score, np.zeros(9, dtype=np.int64))], resamples=0, seed=0)
    by_hand = [np.mean(column[~np.isnan(column)]) for column in score.T]
    np.testing.assert_allclose(tally.means, [by_hand])


def test_cost_is_per_thousand_prompts() -> None:
    np.testing.assert_allclose(metrics.cost_per_1k_usd(np.array([0.002, 0.0])), [2.0, 0.0])
    assert np.isnan(metrics.cost_per_1k_usd(np.nan))


@given(share, positive)
def test_what_is_saved_and_what_is_spent_are_the_whole(spent: float, single_cost: float) -> None:
    saved = float(metrics.share_saved(spent * single_cost, single_cost))
    assert saved + spent == pytest.approx(1)
    assert np.isnan(metrics.share_saved(spent, 0.0))


@given(st.lists(st.integers(0, 3), max_size=30))
def test_shares_count_the_prompts_of_each_model(chosen) -> None:
    found = metrics.shares(np.array(chosen, dtype=np.int64), 4)
    assert found.sum() == pytest.approx(1.0 if chosen else 0.0)
    assert [round(part * len(chosen)) for part in found] == [chosen.count(at) for at in range(4)]


@given(share, positive)
def test_a_relative_gain_rebuilds_the_quality(quality: float, reference: float) -> None:
    gain = float(metrics.relative_gain(quality, reference))
    assert reference * (1 + gain) == pytest.approx(quality, abs=1e-9)
    assert metrics.relative_gain(reference, reference) == 0


@given(share, positive)
def test_the_gap_to_the_oracle_is_nothing_at_the_oracle_and_all_at_zero(
    quality: float, oracle: float
) -> None:
    assert metrics.gap_to_oracle(oracle, oracle) == 0
    assert metrics.gap_to_oracle(0.0, oracle) == 1
    assert float(metrics.gap_to_oracle(quality, oracle)) == pytest.approx(1 - quality / oracle)


@given(share, st.floats(0.01, 1.0), share)
def test_the_gap_closed_runs_from_nought_to_one(single: float, gap: float, part: float) -> None:
    target = single + gap
    assert metrics.gap_closed(single, single, target) == 0
    assert metrics.gap_closed(target, single, target) == pytest.approx(1)
    assert metrics.gap_closed(single + part * gap, single, target) == pytest.approx(part, abs=1e-6)


def test_a_ratio_over_nothing_is_unknown_not_zero() -> None:
    assert np.isnan(metrics.relative_gain(0.5, 0.0))
    assert np.isnan(metrics.gap_to_oracle(0.0, 0.0))
    assert np.isnan(metrics.gap_closed(0.5, 0.7, 0.7))
    assert np.isnan(metrics.gap_closed(0.5, 0.7, 0.6))


@given(curves, share, positive)
def test_cost_save_is_of_the_cheapest_point_that_reaches_the_quality(
    curve, single: float, single_cost: float
) -> None:
    cost, quality = curve
    found = float(metrics.cost_save(cost, quality, single_cost, single))
    reaching = [c for c, q in zip(cost, quality, strict=True) if q >= single - 1e-12]
    if reaching:
        assert found == pytest.approx(1 - min(reaching) / single_cost)
    else:
        assert np.isnan(found)


def test_cost_save_and_perf_gain_work_on_every_draw_at_once() -> None:
    cost, quality = np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[0.4, 0.6], [0.6, 0.8]])
    single, single_cost = np.array([0.5, 0.5]), np.array([4.0, 4.0])
    np.testing.assert_allclose(metrics.cost_save(cost, quality, single_cost, single), [0.5, 0.75])
    np.testing.assert_allclose(metrics.perf_gain(quality, single), [0.2, 0.6])


def test_nothing_can_be_saved_of_nothing() -> None:
    assert np.isnan(metrics.cost_save(np.array([0.0]), np.array([1.0]), 0.0, 0.5))


@given(curves, st.floats(0.01, 6.0))
def test_quality_at_a_cost_is_the_height_of_the_hull(curve, budget: float) -> None:
    cost, quality = curve
    found = metrics.quality_at_cost(cost, quality, budget)
    at_cost, height = hull(cost, quality)
    if budget < at_cost[0] - 1e-9:
        assert np.isnan(found)
    elif budget > at_cost[-1]:
        assert found == height[-1]
    else:
        affordable = quality[cost <= budget]
        assert found >= affordable.max(initial=0.0) - 1e-9
        assert found <= quality.max() + 1e-9


@given(curves, st.floats(0.0, 3.0), st.floats(0.01, 3.0))
def test_aiq_lies_between_the_ends_of_the_hull_and_is_the_integral(
    curve, low: float, width: float
) -> None:
    cost, quality = curve
    high = low + width
    found = metrics.aiq(cost, quality, low, high)
    grid = np.linspace(low, high, 4_001)
    at_cost, height = hull(cost, quality)
    by_hand = np.interp(grid, at_cost, height).mean()
    assert found == pytest.approx(by_hand, abs=2e-3)
    assert height[0] - 1e-9 <= found <= height[-1] + 1e-9
    assert np.isnan(metrics.aiq(cost, quality, high, low))


@given(curves, st.floats(0.1, 3.0))
def test_aiq_as_coded_is_the_papers_on_its_own_range_scaled(curve, more: float) -> None:
    cost, quality = curve
    dearest = float(cost.max()) + more
    low = float(cost.min())
    expected = metrics.aiq(cost, quality, low, dearest) * (1 - low / dearest)
    assert metrics.aiq_as_coded(cost, quality, dearest) == pytest.approx(expected)
    assert np.isnan(metrics.aiq_as_coded(cost, quality, low))


@given(curves)
def test_no_point_beats_the_pareto_frontier(curve) -> None:
    cost, quality = curve
    best = metrics.pareto_frontier(cost, quality)
    assert (np.diff(cost[best]) > 0).all()
    assert (np.diff(quality[best]) > 0).all()
    for c, q in zip(cost, quality, strict=True):
        assert ((cost[best] <= c) & (quality[best] >= q)).any()


@given(curves)
def test_pareto_dist_is_nothing_for_the_frontier_itself(curve) -> None:
    cost, quality = curve
    best = metrics.pareto_frontier(cost, quality)
    assert metrics.pareto_dist(cost[best], quality[best], cost, quality) == pytest.approx(0)
    assert 0 <= metrics.pareto_dist(cost, quality, cost, quality) <= np.sqrt(2)


def test_pareto_dist_by_hand() -> None:
    cost, quality = np.array([0.0, 2.0, 2.0]), np.array([0.0, 1.0, 0.5])
    # Scaled, the last point is (1, .5); the frontier's nearest is (1, 1).
    assert metrics.pareto_dist(cost[2:], quality[2:], cost, quality) == pytest.approx(0.5)


@given(share, st.floats(1e-4, 500.0))
def test_the_arena_score_is_a_weighted_harmonic_mean(quality: float, cost: float) -> None:
    found = float(metrics.arena_score(quality, cost))
    held = min(max(cost, 0.0044), 200.0)
    cheap = (np.log2(200) - np.log2(held)) / (np.log2(200) - np.log2(0.0044))
    if quality > 0 and cheap > 0:
        assert found == pytest.approx(1.1 / (0.1 / cheap + 1 / quality))
    else:
        assert found == 0
    assert 0 <= found <= 1 + 1e-12


def test_the_arena_score_of_an_unknown_cost_is_unknown() -> None:
    assert np.isnan(metrics.arena_score(0.5, float("nan")))
    assert float(metrics.arena_score(1.0, 0.0)) == pytest.approx(1.0)


@given(arrays(np.float64, 5, elements=st.floats(0, 1)).filter(lambda values: values.sum() > 0.1))
def test_entropy_is_at_most_that_of_even_shares(values) -> None:
    shares = values / values.sum()
    assert -1e-12 <= metrics.routing_entropy(shares) <= np.log2(5) + 1e-9
    assert metrics.routing_entropy(np.eye(5)[0]) == 0
    assert metrics.routing_entropy(np.full(5, 0.2)) == pytest.approx(np.log2(5))


# Two models


pairs = st.integers(20, 60).flatmap(
    lambda count: st.tuples(
        arrays(np.float64, count, elements=st.sampled_from([-0.5, 0.0, 0.1, 0.7])),
        arrays(np.float64, count, elements=st.sampled_from([0.0, 1.0])),
        arrays(np.float64, count, elements=st.sampled_from([0.0, 0.5, 1.0])),
    )
)


@given(pairs)
def test_the_curve_runs_from_the_weak_model_to_the_strong(pair) -> None:
    advantage, weak, strong = pair
    curve = strong_share_curve(advantage, weak, strong)
    assert curve.score[0] == pytest.approx(weak.mean())
    assert curve.score[-1] == pytest.approx(strong.mean())


@given(pairs, st.randoms())
def test_prompts_of_equal_advantage_may_come_in_any_order(pair, random) -> None:
    order = list(range(len(pair[0])))
    random.shuffle(order)
    one = strong_share_curve(*pair)
    other = strong_share_curve(*(values[order] for values in pair))
    np.testing.assert_allclose(one.score, other.score, atol=1e-9)


def test_a_router_that_knows_nothing_has_an_apgr_of_a_half() -> None:
    random = np.random.default_rng(0)
    weak, strong = random.integers(0, 2, 400) * 1.0, np.ones(400)
    curve = strong_share_curve(np.zeros(400), weak, strong)
    assert average_pgr(curve) == pytest.approx(0.5)
    assert call_performance_threshold(curve, 0.5) == pytest.approx(0.5)


def test_a_router_that_knows_all_recovers_the_gap_at_once() -> None:
    weak, strong = np.repeat([0.0, 1.0], 50), np.ones(100)
    curve = strong_share_curve(strong - weak, weak, strong)
    assert call_performance_threshold(curve, 1.0) == pytest.approx(0.5)
    assert average_pgr(curve) == pytest.approx(0.75)


def test_a_strong_model_that_is_no_better_leaves_nothing_to_recover() -> None:
    curve = strong_share_curve(np.zeros(10), np.ones(10), np.zeros(10))
    assert np.isnan(performance_gap_recovered(curve)).all()
    assert np.isnan(average_pgr(curve))
    assert np.isnan(call_performance_threshold(curve, 0.5))


def test_the_threshold_is_the_first_crossing_of_a_curve_that_falls_again() -> None:
    score = np.array([0.0, 0.6, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 1.0])
    curve = StrongShareCurve(SHARES, score)
    assert call_performance_threshold(curve, 0.5) == pytest.approx(0.1 * 0.5 / 0.6)
    assert call_performance_threshold(curve, 0.0) == 0


@given(pairs, st.integers(0, 99))
def test_a_curve_of_a_resample_is_that_of_its_prompts(pair, seed: int) -> None:
    count = len(pair[0])
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=2)
    found = strong_share_curve(*pair, drawn=drawn.astype(np.float64))
    for row, draw in zip(found.score, drawn, strict=True):
        alone = strong_share_curve(*(np.repeat(values, draw) for values in pair))
        np.testing.assert_allclose(row, alone.score, atol=1e-9)


def test_every_row_of_curves_has_its_own_apgr_and_threshold() -> None:
    curves = StrongShareCurve(SHARES, np.stack([SHARES, np.minimum(1, 2 * SHARES), 1 - SHARES]))
    np.testing.assert_allclose(average_pgr(curves), [0.5, 0.75, np.nan])
    for part in (0.2, 0.5, 0.8):
        np.testing.assert_allclose(
            call_performance_threshold(curves, part), [part, part / 2, np.nan]
        )


@given(pairs)
def test_pgr_is_the_gap_closed_from_weak_to_strong(pair) -> None:
    curve = strong_share_curve(*pair)
    recovered = performance_gap_recovered(curve)
    if curve.score[-1] > curve.score[0]:
        assert (recovered[0], recovered[-1]) == (0, 1)
        rebuilt = curve.score[0] + recovered * (curve.score[-1] - curve.score[0])
        np.testing.assert_allclose(rebuilt, curve.score, atol=1e-9)
        assert call_performance_threshold(curve, 0.2) <= call_performance_threshold(curve, 0.8)
    else:
        assert np.isnan(recovered).all()

"""The defining formula of each baseline, on examples worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from finerouter.errors import ConfigError
from finerouter.evaluation.baselines import (
    avengers,
    avengers_pro,
    carrot,
    embed_llm,
    extra,
    graph_router,
    ipr,
    mlp,
    route_llm,
    router_dc,
    single,
)
from finerouter.evaluation.baselines.clusters import Clustering, cluster
from finerouter.evaluation.baselines.descent import Plan, descend
from finerouter.evaluation.baselines.expected_cost import ExpectedCost
from finerouter.evaluation.baselines.knn import neighbour_means
from finerouter.evaluation.baselines.linear import Linear
from finerouter.evaluation.baselines.svm import SVM
from tests import synthetic

LN2, LN3 = np.log(2.0), np.log(3.0)


def test_neighbour_means_leave_gaps_out() -> None:
    train = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], np.float32)
    score = np.array([[1.0, np.nan], [0.5, 0.0], [0.0, 1.0]])
    one, two, all_three = neighbour_means(train, score, train[:1], [1, 2, 5])
    # Nearest to the first row is itself, then the second; of model 2 the first knows nothing, so
    # with one neighbour the model's mean stands in.
    np.testing.assert_allclose(one, [[1.0, 0.5]])
    np.testing.assert_allclose(two, [[0.75, 0.0]])
    np.testing.assert_allclose(all_three, [[0.5, 0.5]])


def test_ridge_shrinks_the_slope() -> None:
    rows = np.array([[-1.0], [1.0]], np.float32)
    # Centred: rows -1 and 1, targets -1/2 and 1/2; slope = 1 / (2 + penalty).
    found = Linear.fit(rows, np.array([[0.0, 1.0], [1.0, np.nan]]), penalty=2.0)
    np.testing.assert_allclose(found.slope, [[0.25, 0.0]])
    np.testing.assert_allclose(found.intercept, [0.5, 1.0])
    np.testing.assert_allclose(found.predict(rows), [[0.25, 1.0], [0.75, 1.0]])


def test_expected_cost_is_never_below_a_twentieth_of_the_mean(tiny) -> None:
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], np.float32)
    cost = ExpectedCost.fit(rows, tiny)
    np.testing.assert_allclose(cost.predict(rows), [[4.0, 1.0]] * 3)
    steep = ExpectedCost(Linear(np.full((2, 2), -9.0), np.zeros(2)), np.array([4.0, np.nan]))
    np.testing.assert_allclose(steep.predict(rows[:1]), [[0.2, np.nan]])


def test_the_median_regression_sees_the_majority_and_the_squared_one_the_mean() -> None:
    table = synthetic.outcomes(100).select_models(("coder", "tiny"))
    rows = np.ones((100, 1), np.float32)
    share = (np.arange(100) % 10 < 7).astype(float)  # right on 70 of 100
    table = type(table)(**{**vars(table), "score": np.stack([share, 1 - share], axis=1)})
    median = SVM(10.0).fit(rows, table, seed=0).prefer(rows[:1]).quality
    mean = SVM(10.0, squared=True).fit(rows, table, seed=0).prefer(rows[:1]).quality
    np.testing.assert_allclose(median, [[1.0, 0.0]], atol=0.02)
    np.testing.assert_allclose(mean, [[0.7, 0.3]], atol=0.02)


def test_cluster_means_leave_gaps_out() -> None:
    found = Clustering(np.eye(2), np.array([0, 0, 1]))
    score = np.array([[1.0, np.nan], [0.0, 0.4], [0.3, np.nan]])
    np.testing.assert_allclose(found.means(score), [[0.5, 0.4], [0.3, 0.4]])
    np.testing.assert_array_equal(found.nearest(np.array([[0.9, 0.1], [0.2, 0.9]])), [0, 1])


def test_clusters_are_found_and_remembered() -> None:
    rows = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    found = cluster(rows, 3, 0)
    assert len(set(found.labels[::5].tolist())) == 3
    np.testing.assert_array_equal(found.labels, np.repeat(found.labels[::5], 5))
    assert cluster(rows.copy(), 3, 0) is found
    assert len(cluster(rows, 50, 0).centres) == 3  # no more clusters than different rows


def test_avengers_vote_by_rank() -> None:
    votes = avengers.rank_votes(np.array([[0.5, 0.9, 0.1], [0.2, 0.2, 0.7]]))
    np.testing.assert_allclose(votes, [[1 / 2, 1, 1 / 3], [1 / 2, 1 / 3, 1]])


def test_avengers_weigh_the_nearest_clusters() -> None:
    clusters = Clustering(np.eye(3), np.arange(3))
    row = np.array([[0.8, 0.6, 0.0]], np.float32)
    # Distances 0.2, 0.4, 1; beta ln(2) / 0.2 makes the second half as heavy as the first.
    weights = avengers.cluster_weights(clusters, row, nearest=2, beta=LN2 / 0.2)
    np.testing.assert_allclose(weights, [[2 / 3, 1 / 3, 0.0]], atol=1e-6)
    np.testing.assert_allclose(
        avengers.cluster_weights(clusters, row, nearest=1, beta=9.0), [[1.0, 0.0, 0.0]]
    )


def test_avengers_pro_balances_score_and_cost() -> None:
    score, cost = np.array([[0.2, 0.6, 1.0]]), np.array([[1.0, 2.0, 4.0]])
    by_code = avengers_pro.balance(score, cost, alpha=0.5, from_cheapest=False)
    np.testing.assert_allclose(by_code, [[0.375, 0.5, 0.5]])
    by_paper = avengers_pro.balance(score, cost, alpha=0.5, from_cheapest=True)
    np.testing.assert_allclose(by_paper, [[0.5, 0.5 + 1 / 12, 0.5]])
    level = avengers_pro.balance(np.ones((1, 3)), np.ones((1, 3)), alpha=0.3, from_cheapest=True)
    np.testing.assert_allclose(level, 0.7)  # nothing to choose by: no division by zero


def test_carrot_explains_variance() -> None:
    values = np.array([[0.0, 5.0], [1.0, 5.0], [np.nan, 5.0]])
    estimate = np.array([[0.25, 1.0], [0.75, 1.0], [9.0, 1.0]])
    # Model 1: error 1/16 over variance 1/4; model 2 never varies and does not count.
    assert carrot.variance_explained(estimate, values) == pytest.approx(0.75)
    assert carrot.variance_explained(estimate, np.ones((3, 2))) == 0.0


def test_mlp_error_over_the_outcomes_that_are_there() -> None:
    parameters = {
        "inner": np.array([[1.0, -1.0]]),
        "inner_bias": np.zeros(2),
        "outer": np.array([[0.5, 1.0], [7.0, 7.0]]),
        "outer_bias": np.array([0.1, 0.0]),
    }
    # The row 1 lights the first unit alone: outputs 0.6 and 1.
    score = np.array([[1.0, np.nan]])
    loss, gradient = mlp.loss_and_gradient(parameters, np.array([[1.0]]), score)
    assert loss == pytest.approx(0.5 * 0.4**2)
    np.testing.assert_allclose(gradient["outer_bias"], [-0.4, 0.0])
    np.testing.assert_allclose(gradient["inner"], [[-0.2, 0.0]])


def test_embed_llm_reads_the_product_of_vectors() -> None:
    parameters = {
        "model": np.array([[1.0, 2.0], [0.0, -1.0]]),
        "projection": np.eye(2),
        "projection_bias": np.array([0.0, 1.0]),
        "classifier": np.array([3.0, 1.0]),
        "bias": np.array([0.5]),
    }
    # Projected (1, 1): 3 * 1 * 1 + 1 * 2 * 1 + 0.5, and 1 * -1 * 1 + 0.5.
    rows = np.array([[1.0, 0.0]])
    np.testing.assert_allclose(embed_llm.logits(parameters, rows), [[5.5, -0.5]])
    loss, _ = embed_llm.loss_and_gradient(parameters, rows, np.array([[np.nan, 0.0]]))
    assert loss == pytest.approx(np.log1p(np.exp(-0.5)))


def test_route_llm_is_trained_on_who_beats_whom() -> None:
    parameters = {
        "model": np.array([[2.0, 0.0], [0.0, 3.0], [0.0, 1.0]]),
        "projection": np.eye(2),
        "classifier": np.array([LN3, LN2]),
    }
    rows = np.array([[1.0, 1.0]])
    # Unit vectors: scores ln 3, ln 2, ln 2; the length of a vector does not matter.
    np.testing.assert_allclose(route_llm.scores(parameters, rows), [[LN3, LN2, LN2]])
    # Model 2 beats model 1, model 3 was not asked: one pair, odds 2 to 3.
    loss, _ = route_llm.loss_and_gradient(parameters, rows, np.array([[0.0, 1.0, np.nan]]))
    assert loss == pytest.approx(-np.log(2 / 5))
    rates = route_llm.win_rates(np.array([[LN3, 0.0, 0.0]]))
    np.testing.assert_allclose(rates, [[0.75, (0.25 + 0.5) / 2, (0.25 + 0.5) / 2]])


def test_ipr_reads_quality_off_prompt_and_model() -> None:
    parameters = {
        "identity": np.array([[1.0, 0.0], [0.0, 1.0]]),
        "inner": np.eye(2),
        "inner_identity": np.array([[1.0, 0.0], [0.0, -3.0]]),
        "inner_bias": np.array([0.0, 1.0]),
        "outer": np.array([LN3, -2 * LN3]),
        "bias": np.array([LN3]),
    }
    rows = np.array([[1.0, 0.0]])
    # The prompt gives (1, 1). With model 1's (1, 0): 2 ln 3 - 2 ln 3 + ln 3, odds 3 to 1. With
    # model 2's (0, -3), which leaves one unit below zero: ln 3 + ln 3, odds 9 to 1.
    loss, gradient = ipr.loss_and_gradient(parameters, rows, np.array([[1.0, np.nan]]))
    assert loss == pytest.approx(0.5 * (1 - 0.75) ** 2)
    slope = (0.75 - 1) * 0.75 * 0.25
    np.testing.assert_allclose(gradient["outer"], [2 * slope, slope])
    loss, _ = ipr.loss_and_gradient(parameters, rows, np.array([[1.0, 0.4]]))
    assert loss == pytest.approx(0.5 * ((1 - 0.75) ** 2 + (0.9 - 0.4) ** 2) / 2)

    always = ExpectedCost(Linear(np.zeros((2, 2)), np.ones(2)), np.array([1.0, 5.0]))
    by_tolerance = ipr._FittedIPR(parameters, always, by_tolerance=True).prefer(rows)
    by_weight = ipr._FittedIPR(parameters, always, by_tolerance=False).prefer(rows)
    for preference in (by_tolerance, by_weight):
        np.testing.assert_allclose(preference.quality, [[0.75, 0.9]])
        np.testing.assert_allclose(preference.cost_usd, [[1.0, 5.0]])
    # All of the way from the best to the worst is tolerated last: then the cheaper model is taken.
    choices = [int(utility.argmax()) for utility in by_tolerance.utilities()]
    assert choices == [1] * (len(choices) - 1) + [0]


def test_router_dc_pulls_to_the_best_and_away_from_the_wrong() -> None:
    dials = router_dc.RouterDC(temperature=1.0, cluster_weight=0.0)
    parameters = {"projection": np.eye(2), "model": np.array([[5.0, 0.0], [0.0, 2.0]])}
    rows, score = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])
    # Cosines 1 and 0. Of the two models, both are among the best three and the worst three; the
    # second scored nothing and does not count as a positive, the first is not wrong.
    loss, _ = router_dc.loss_and_gradient(
        parameters, rows, score, np.array([[0, 1]]), np.array([[0, 0, 0, 0]]), dials
    )
    assert loss == pytest.approx(-np.log(np.e / (np.e + 1)))


def test_router_dc_pulls_prompts_of_a_cluster_together() -> None:
    dials = router_dc.RouterDC(cluster_weight=2.0)
    parameters = {"projection": np.eye(2), "model": np.eye(2)}
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    nobody = np.full((3, 2), np.nan)
    partners = np.array([[1, 2, 2, 2], [1, 1, 1, 1], [2, 2, 2, 2]])
    # Only the first prompt has partners: cosine 1 with its own, 0 with three others.
    loss, _ = router_dc.loss_and_gradient(
        parameters, rows, nobody, np.tile([0, 1], (3, 1)), partners, dials
    )
    assert loss == pytest.approx(2.0 * -np.log(np.e / (np.e + 3)) / 3)


def test_router_dc_partners_and_order() -> None:
    labels = np.array([0] * 4 + [1] * 4 + [2])
    random = np.random.default_rng(0)
    for _ in range(20):
        partners = router_dc.draw_partners(labels, random)
        own, others = partners[:8, 0], partners[:8, 1:]
        assert (labels[own] == labels[:8]).all()
        assert (own != np.arange(8)).all()
        assert (labels[others] != labels[:8, None]).all()
        assert all(len(set(row)) == 3 for row in others.tolist())
        assert (partners[8] == 8).all()  # alone in its cluster: teaches nothing
    score = np.array([[0.0, 1.0, 1.0, np.nan]])
    orders = {tuple(router_dc.by_score(score, random)[0].tolist()) for _ in range(50)}
    assert orders == {(1, 2, 3, 0), (2, 1, 3, 0)}  # equals in either order


def test_graph_router_sends_outcomes_along_edges() -> None:
    parameters = {
        "task": np.array([[0.0], [1.0]]),
        "prompt": np.array([[1.0], [0.0]]),
        "model": np.array([[1.0, 0.0], [-9.0, 0.0]]),
        "edge": np.eye(2),
        "message_1": np.eye(2),
        "edge_1": np.array([[1.0, 0.0], [0.0, 1.0]]),
        "message_2": np.array([[0.0, 1.0], [1.0, 0.0]]),
        "edge_2": np.zeros((2, 2)),
    }
    graph = graph_router.Graph(
        rows=np.array([[1.0, 0.0], [3.0, 0.0]]),
        task_rows=np.array([[0.0, -2.0], [0.0, 4.0]]),
        edges=np.array([[[1.0, 0.5], [0.0, 0.0]], [[0.0, 0.5], [0.0, 0.0]]]),
        known=np.ones((2, 2), dtype=bool),
        right=np.array([[True, False], [True, False]]),
    )
    made = graph_router.forward(parameters, graph, np.array([[True, True], [True, False]]))
    np.testing.assert_allclose(made.prompts, [[-2.0, 1.0], [4.0, 3.0]])
    # Model 1: relu((1, 0) + mean prompt (1, 2) + mean edge (0.5, 0.5)); model 2 sees prompt 1 only.
    np.testing.assert_allclose(made.first, [[2.5, 2.5], [0.0, 1.0]])
    # Plus the mean of relu(prompt), swapped: (2, 2) for model 1, (0, 1) for model 2.
    np.testing.assert_allclose(made.models, [[4.5, 4.5], [1.0, 1.0]])
    hidden = np.array([[False, False], [False, True]])
    loss, _ = graph_router.loss_and_gradient(
        parameters, graph, np.array([[True, True], [True, False]]), hidden
    )
    # The hidden edge: mean of (4, 3) * (1, 1) = 3.5, and it was wrong.
    assert loss == pytest.approx(np.log1p(np.exp(3.5)))


def test_adam_takes_steps_of_the_learning_rate_and_keeps_what_is_asked_for() -> None:
    plan = Plan(learning_rate=0.1, weight_decay=0.0, batch=4, epochs=(2, 0, 1))
    seen: list[int] = []

    def gradient(parameters, batch, random):
        assert parameters["x"].shape == (1,)
        assert isinstance(random, np.random.Generator)
        seen.extend(batch.tolist())
        return {"x": np.array([3.0])}

    found = descend({"x": np.array([1.0])}, gradient, 6, plan, np.random.default_rng(0))
    # A steady slope: each step is the learning rate; two batches an epoch.
    np.testing.assert_allclose([each["x"][0] for each in found], [0.6, 1.0, 0.8], atol=1e-6)
    assert sorted(seen) == sorted(list(range(6)) * 2)


def test_the_best_single_and_the_cheapest(tiny) -> None:
    assert single.best_single(tiny) == 0
    assert single.cheapest(tiny) == 1
    level = type(tiny)(**{**vars(tiny), "score": np.ones((3, 2))})
    assert single.best_single(level) == 1  # equals: the cheaper


def test_scikit_learn_is_named_where_it_is_missing(monkeypatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extra.importlib, "import_module", absent)
    with pytest.raises(ConfigError, match=r"finerouter\[compare\]"):
        extra.scikit_learn("svm")

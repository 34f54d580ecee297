"""From an estimate to the models to ask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finerouter.errors import NoEligibleModel
from finerouter.gateway.choosing import Chance, Kept, choose, sized
from finerouter.gateway.needs import Needs
from finerouter.policy import Estimate, Policy, decide
from finerouter.pool import Model, ModelPool

NAMES = ["small", "middle", "large"]
POOL = ModelPool(
    (
        Model("small", input_usd_per_mtok=0.1, output_usd_per_mtok=0.4, context_window=8_000),
        Model(
            "middle",
            input_usd_per_mtok=1.0,
            cached_input_usd_per_mtok=0.1,
            output_usd_per_mtok=4.0,
            capabilities=frozenset(("vision",)),
        ),
        Model("large", input_usd_per_mtok=10.0, output_usd_per_mtok=40.0),
    )
)
shares = st.floats(0, 1, allow_nan=False)


def estimate(
    quality: tuple[float, ...] = (0.5, 0.7, 0.8), cost: tuple[float, ...] = (1e-5, 1e-4, 1e-3)
) -> Estimate:
    return Estimate(
        models=NAMES,
        tasks=["sums"],
        task_probs=np.array([[0.9]]),
        none=np.array([0.1]),
        quality=np.array([quality]),
        quality_std=np.full((1, 3), 0.05),
        cost_usd=np.array([cost]),
        tokens=np.full((1, 3), 100.0),
    )


@given(st.tuples(shares, shares, shares), st.floats(0, 1e4))
def test_the_first_choice_is_the_decision_and_the_rest_follow_by_the_same_rule(
    quality: tuple[float, ...], weight: float
) -> None:
    policy = Policy(cost_weight=weight)
    choice = choose(estimate(quality), policy, POOL, ruled_out={})
    left = list(NAMES)
    for name in choice.order:
        rule = Policy(cost_weight=weight, allow=frozenset(left))
        assert decide(estimate(quality), rule, POOL).model == name
        left.remove(name)
    assert not left


def test_what_is_ruled_out_is_not_chosen_and_says_why() -> None:
    choice = choose(estimate(), Policy(), POOL, ruled_out={"large": "cannot hear"})
    assert choice.order == ("middle", "small")
    assert [item.filtered for item in choice.estimates] == [None, None, "cannot hear"]


def test_capabilities_and_windows_filter() -> None:
    seeing = choose(estimate(), Policy(needs=frozenset(("vision",))), POOL, ruled_out={})
    assert seeing.order == ("middle",)
    assert seeing.estimates[2].filtered == "lacks vision"
    large = sized(estimate(), Needs(frozenset(), 9_000.0), 100, POOL)
    wide = choose(large, Policy(min_quality=0.0), POOL, ruled_out={})
    assert "small" not in wide.order
    assert "context window" in (wide.estimates[0].filtered or "")


def test_nothing_left_says_so() -> None:
    with pytest.raises(NoEligibleModel, match="lacks audio"):
        choose(estimate(), Policy(needs=frozenset(("audio",))), POOL, ruled_out={})


def test_nothing_left_says_the_real_reasons_and_names_nothing_hidden() -> None:
    policy = Policy(allow=frozenset(("small", "large")))
    out = {"small": "cannot hear", "large": "in trouble"}
    with pytest.raises(NoEligibleModel) as caught:
        choose(estimate(), policy, POOL, ruled_out=out, hidden=frozenset(("middle",)))
    assert "(small: cannot hear; large: in trouble)" in str(caught.value)
    with pytest.raises(NoEligibleModel, match=r"\(none is allowed\)"):
        choose(
            estimate(), Policy(), POOL, ruled_out=dict.fromkeys(NAMES, "x"), hidden=frozenset(NAMES)
        )


def test_a_model_that_the_router_does_not_know_may_be_ruled_out() -> None:
    choice = choose(estimate(), Policy(), POOL, ruled_out={"foreign": "cannot hear"})
    assert choice.order[0] == "large"


def test_all_that_is_sent_is_paid_for() -> None:
    larger = sized(estimate(), Needs(frozenset(), 1_025.0), 100, POOL)
    assert larger.cost_usd[0] - estimate().cost_usd[0] == pytest.approx([1e-4, 1e-3, 1e-2])
    assert larger.tokens[0, 0] == 1_100
    same = estimate()
    assert sized(same, Needs(frozenset(), 25.0), 100, POOL) is same


def test_a_conversation_stays_unless_another_is_better_by_the_margin() -> None:
    stays = choose(
        estimate((0.5, 0.78, 0.8)), Policy(), POOL, ruled_out={}, kept=Kept("middle", 0, 0.03)
    )
    assert stays.order[0] == "middle"
    assert stays.estimates[1].quality == 0.78  # the margin is no estimate
    goes = choose(estimate(), Policy(), POOL, ruled_out={}, kept=Kept("middle", 0, 0.03))
    assert goes.order[0] == "large"


def test_switching_has_to_earn_the_cache_it_loses() -> None:
    long = estimate((0.6, 0.6, 0.1), (5e-3, 6e-3, 1.0))
    policy = Policy(cost_weight=10.0)
    assert choose(long, policy, POOL, ruled_out={}).order[0] == "small"
    kept = Kept("middle", 5_000, 0.0)  # 5,000 tokens at 0.9 USD less per million
    assert choose(long, policy, POOL, ruled_out={}, kept=kept).order[0] == "middle"


def test_a_model_that_cannot_serve_does_not_keep_the_conversation() -> None:
    kept = Kept("middle", 0, 0.5)
    assert choose(estimate(), Policy(), POOL, ruled_out={"middle": "x"}, kept=kept).order == (
        "large",
        "small",
    )


@settings(max_examples=12)
@given(
    st.floats(0.01, 1),
    st.integers(0, 2),
    st.sampled_from([Policy(), Policy(min_quality=0.8), Policy(max_cost_usd=5e-4)]),
)
def test_propensities_are_the_probabilities_of_what_chance_does(
    share: float, out: int, policy: Policy
) -> None:
    ruled_out = {NAMES[out]: "x"} if out else {}
    draws = (np.arange(500) + 0.5) / 500
    chosen = [
        choose(estimate(), policy, POOL, ruled_out=ruled_out, chance=Chance(share, float(draw)))
        for draw in draws
    ]
    first = [choice.order[0] for choice in chosen]
    for name in set(first):
        told = {choice.propensity for choice in chosen if choice.order[0] == name}
        assert len(told) == 1
        assert first.count(name) / len(first) == pytest.approx(told.pop(), abs=5e-3)
    assert not set(first) & set(ruled_out)


def test_a_limit_cuts_the_choice_and_the_fallbacks_and_a_budget_only_sorts_them() -> None:
    budget = Policy(max_cost_usd=1.5e-4)
    assert choose(estimate(), budget, POOL, ruled_out={}).order == ("middle", "small", "large")
    limited = choose(estimate(), budget, POOL, ruled_out={}, limit_usd=1.5e-4)
    assert limited.order == ("middle", "small")
    assert limited.estimates[2].filtered == (
        "expected to cost 0.001 USD, more than max_cost_usd (0.00015)"
    )
    assert choose(estimate(), Policy(), POOL, ruled_out={}, limit_usd=1e-4).order[0] == "middle"


def test_a_limit_that_no_model_keeps_names_what_the_cheapest_would_cost() -> None:
    no_budget = Policy(max_cost_usd=1e-9)
    assert choose(estimate(), no_budget, POOL, ruled_out={}).order[0] == "small"
    with pytest.raises(NoEligibleModel) as caught:
        choose(estimate(), no_budget, POOL, ruled_out={"small": "cannot hear"}, limit_usd=1e-9)
    assert str(caught.value) == (
        "no model is left to choose from (small: cannot hear; middle: expected to cost 0.0001 USD, "
        "more than max_cost_usd (1e-09); large: expected to cost 0.001 USD, more than max_cost_usd "
        "(1e-09)); ask for less, or give max_cost_usd at least 0.0001, which the cheapest is "
        "expected to cost"
    )


@given(st.floats(1e-9, 1e3))
def test_the_cost_that_a_refusal_names_is_a_limit_that_is_kept(cost: float) -> None:
    costs = estimate(cost=(cost, cost * 2, cost * 3))
    with pytest.raises(NoEligibleModel) as caught:
        choose(costs, Policy(), POOL, ruled_out={}, limit_usd=0.0)
    named = float(str(caught.value).split("at least ")[1].split(",")[0])
    assert named == pytest.approx(cost, rel=1e-3)
    assert choose(costs, Policy(), POOL, ruled_out={}, limit_usd=named).order[0] == "small"


def test_a_limit_lets_go_of_a_conversation_whose_model_is_beyond_it() -> None:
    kept = Kept("large", 100, 0.5)
    assert choose(estimate(), Policy(), POOL, ruled_out={}, kept=kept).order[0] == "large"
    limited = choose(estimate(), Policy(), POOL, ruled_out={}, kept=kept, limit_usd=5e-4)
    assert limited.order == ("middle", "small")


@pytest.mark.parametrize(
    ("policy", "limit_usd", "fitting"),
    [
        (Policy(), None, {"small", "middle", "large"}),
        (Policy(max_cost_usd=5e-4), None, {"small", "middle"}),
        (Policy(), 5e-4, {"small", "middle"}),
        (Policy(min_quality=0.85), None, {"middle", "large"}),
        (Policy(min_quality=0.85, max_cost_usd=5e-4), None, {"middle"}),
        (Policy(min_quality=0.85), 5e-4, {"middle"}),
        (Policy(min_quality=0.7, max_cost_usd=5e-4), 5e-4, {"small", "middle"}),
        (Policy(max_cost_usd=1e-9), None, {"small"}),
        (Policy(deny=frozenset(("large",)), min_quality=1.0), None, {"middle"}),
    ],
)
def test_chance_keeps_to_what_was_asked_for(
    policy: Policy, limit_usd: float | None, fitting: set[str]
) -> None:
    draws = (np.arange(60) + 0.5) / 60
    chosen = [
        choose(
            estimate(),
            policy,
            POOL,
            ruled_out={},
            limit_usd=limit_usd,
            chance=Chance(1.0, float(draw)),
        )
        for draw in draws
    ]
    first = [choice.order[0] for choice in chosen]
    assert {name: first.count(name) for name in set(first)} == dict.fromkeys(
        fitting, 60 // len(fitting)
    )
    assert {choice.propensity for choice in chosen} == {1 / len(fitting)}


def test_chance_names_no_more_models_than_it_may() -> None:
    drawn = choose(estimate(), Policy(), POOL, ruled_out={}, chance=Chance(1.0, 0.0), most=2)
    assert (drawn.order, drawn.explored) == (("small", "large"), True)


@given(st.floats(0.001, 1), st.floats(0, 1, exclude_max=True))
def test_where_a_single_model_fits_nothing_is_explored(share: float, draw: float) -> None:
    policy = Policy(min_quality=1.0)
    choice = choose(estimate(), policy, POOL, ruled_out={}, chance=Chance(share, draw))
    assert (choice.order[0], choice.propensity, choice.explored) == ("large", 1.0, False)


def test_unknown_costs_are_none() -> None:
    choice = choose(estimate(cost=(np.nan, 1.0, 2.0)), Policy(), POOL, ruled_out={})
    assert choice.estimates[0].cost_usd is None

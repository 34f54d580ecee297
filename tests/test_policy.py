from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finerouter import Estimate, Model, ModelPool, Policy
from finerouter.errors import NoEligibleModel, PolicyError, PoolError
from finerouter.policy import (
    cautious_quality,
    choose,
    decide,
    eligible_models,
    fitting_models,
    ranked,
)

NAMES = ("a", "b", "c", "d")
POOL = ModelPool(
    (
        Model("a", context_window=1_000, capabilities=frozenset({"json"})),
        Model("b", context_window=10_000, capabilities=frozenset({"json", "tools"})),
        Model("c", capabilities=frozenset({"vision"})),
        Model("d", context_window=500),
    )
)


def estimate_of(quality, cost, *, std=None, tokens=100.0) -> Estimate:
    quality = np.atleast_2d(np.asarray(quality, float))
    shape = quality.shape
    return Estimate(
        models=NAMES[: shape[1]],
        tasks=("sums", "songs"),
        task_probs=np.tile([0.7, 0.2], (shape[0], 1)),
        none=np.full(shape[0], 0.1),
        quality=quality,
        quality_std=np.broadcast_to(0.1 if std is None else np.asarray(std, float), shape),
        cost_usd=np.broadcast_to(np.asarray(cost, float), shape),
        tokens=np.broadcast_to(np.asarray(tokens, float), shape),
    )


# Coarse grids, so that ties of quality, cost and both are common.
levels = st.integers(0, 5).map(lambda value: value / 5)
dimes = st.integers(1, 6).map(lambda value: value / 1_000)


def lists(values, *, models: int = 4):
    return st.lists(values, min_size=models, max_size=models)


estimates = st.builds(estimate_of, lists(levels), lists(dimes), std=lists(levels))
name_sets = st.none() | st.frozensets(st.sampled_from(NAMES), min_size=1)
policies = st.one_of(
    st.builds(Policy, cost_weight=st.just(0.0) | st.floats(0, 1_000), allow=name_sets),
    st.builds(Policy, min_quality=levels, risk_aversion=st.just(0.0) | st.floats(0, 3)),
    st.builds(Policy, max_cost_usd=dimes, cost_weight=st.just(0.0) | st.floats(0, 1_000)),
    st.builds(Policy, max_cost_usd=dimes, min_quality=levels, allow=name_sets),
)


def acceptable(estimate: Estimate, policy: Policy) -> list[str]:
    """Models that the words of `Policy` allow as the answer, written without NumPy."""
    rows = {
        name: (
            max(0.0, estimate.quality[0, at] - policy.risk_aversion * estimate.quality_std[0, at])
            if policy.risk_aversion
            else estimate.quality[0, at],
            estimate.cost_usd[0, at],
        )
        for at, name in enumerate(estimate.models)
        if policy.allow is None or name in policy.allow
    }
    if policy.max_cost_usd is not None:
        within = {name: row for name, row in rows.items() if row[1] <= policy.max_cost_usd}
        cheapest = min(cost for _, cost in rows.values())
        rows = within or {name: row for name, row in rows.items() if row[1] == cheapest}
    if policy.min_quality is not None:
        floor = policy.min_quality * max(quality for quality, _ in rows.values())
        rows = {name: row for name, row in rows.items() if row[0] >= floor}
        least = min(cost for _, cost in rows.values())
        rows = {name: row for name, row in rows.items() if row[1] == least}
        most = max(quality for quality, _ in rows.values())
        return [name for name, row in rows.items() if row[0] == most]
    utility = {name: quality - policy.cost_weight * cost for name, (quality, cost) in rows.items()}
    best = [name for name in rows if utility[name] >= max(utility.values()) - 1e-12]
    least = min(rows[name][1] for name in best)
    return [name for name in best if rows[name][1] == least]


@settings(max_examples=300)
@given(estimates, policies)
def test_a_decision_is_what_the_words_of_the_policy_say(estimate, policy) -> None:
    assert decide(estimate, policy, POOL).model in acceptable(estimate, policy)


@given(estimates, policies)
def test_deciding_twice_gives_the_same(estimate, policy) -> None:
    assert decide(estimate, policy, POOL) == decide(estimate, policy, POOL)


@given(st.lists(estimates, min_size=1, max_size=5), policies)
def test_choosing_in_a_batch_agrees_with_deciding_one_by_one(single, policy) -> None:
    batch = replace(
        single[0],
        **{
            name: np.concatenate([getattr(estimate, name) for estimate in single])
            for name in ("task_probs", "none", "quality", "quality_std", "cost_usd", "tokens")
        },
    )
    chosen = [NAMES[at] for at in choose(batch, policy, POOL)]
    assert chosen == [decide(batch, policy, POOL, row).model for row in range(len(batch))]
    assert chosen == [decide(estimate, policy, POOL).model for estimate in single]


def test_a_decision_carries_the_chosen_models_estimates() -> None:
    estimate = estimate_of([[0.1, 0.2], [0.9, 0.3]], [0.001, 0.002], std=[0.01, 0.05])
    decision = decide(estimate, Policy(), POOL.subset(["a", "b"]), row=1)
    assert (decision.model, decision.quality, decision.cost_usd) == ("a", 0.9, 0.001)
    assert decision.quality_std == 0.01
    assert (decision.task, decision.task_probability) == ("sums", 0.7)
    assert decision.within_budget
    assert decision.filtered == {}
    assert decision.policy == Policy()


def test_a_prompt_of_no_task_says_so() -> None:
    estimate = replace(estimate_of([0.5, 0.4], 0.001), none=np.array([0.75]))
    decision = decide(estimate, Policy(), POOL.subset(["a", "b"]))
    assert (decision.task, decision.task_probability) == (None, 0.75)
    assert "no known task" in decision.reason


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(cost_weight=3.0), Policy(min_quality=0.5), Policy(max_cost_usd=1.0)]
)
def test_equally_good_models_tie_to_the_cheapest(policy: Policy) -> None:
    estimate = estimate_of([0.5, 0.5, 0.5, 0.5], [0.004, 0.002, 0.001, 0.003])
    assert decide(estimate, policy, POOL).model == "c"


def test_equally_cheap_models_tie_to_the_better_under_a_quality_floor() -> None:
    estimate = estimate_of([0.80, 0.85, 0.90, 0.1], 0.001)
    assert decide(estimate, Policy(min_quality=0.8), POOL).model == "c"


def test_a_budget_nobody_keeps_takes_the_cheapest_and_says_so() -> None:
    estimate = estimate_of([0.2, 0.9, 0.5, 0.6], [0.002, 0.004, 0.001, 0.003])
    decision = decide(estimate, Policy(max_cost_usd=0.0005), POOL)
    assert decision.model == "c"
    assert not decision.within_budget
    assert "no model keeps the budget" in decision.reason


def test_risk_aversion_prefers_the_surer_model() -> None:
    estimate = estimate_of([0.80, 0.78], 0.001, std=[0.2, 0.01])
    two = POOL.subset(["a", "b"])
    assert decide(estimate, Policy(), two).model == "a"
    assert decide(estimate, Policy(risk_aversion=1.0), two).model == "b"


@given(estimates, st.floats(0, 500), st.floats(0, 500))
def test_a_higher_cost_weight_never_chooses_a_dearer_model(estimate, one, other) -> None:
    less, more = sorted([one, other])
    cheap = decide(estimate, Policy(cost_weight=more), POOL).cost_usd
    assert cheap <= decide(estimate, Policy(cost_weight=less), POOL).cost_usd


@given(estimates, levels, levels)
def test_a_lower_floor_never_chooses_a_dearer_model(estimate, one, other) -> None:
    low, high = sorted([one, other])
    cheap = decide(estimate, Policy(min_quality=low), POOL).cost_usd
    assert cheap <= decide(estimate, Policy(min_quality=high), POOL).cost_usd


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        (Policy(allow={"b", "c"}), "bc"),
        (Policy(deny={"a"}), "bcd"),
        (Policy(needs={"json"}), "ab"),
        (Policy(needs={"json", "tools"}), "b"),
        (Policy(allow=["c", "d"], deny=("d",)), "c"),
    ],
)
def test_filters_leave_only_what_they_allow(policy: Policy, left: str) -> None:
    for best in range(4):
        quality = np.full(4, 0.5)
        quality[best] = 0.9
        decision = decide(estimate_of(quality, 0.001), policy, POOL)
        assert decision.model in left
        assert decision.model == NAMES[best] or NAMES[best] not in left
        assert set(decision.filtered) == set(NAMES) - set(left)


def test_what_was_filtered_says_why() -> None:
    policy = Policy(allow={"a", "b", "d"}, deny={"a"}, needs={"json"})
    filtered = decide(estimate_of([0.5] * 4, 0.001), policy, POOL).filtered
    assert filtered == {
        "a": "denied",
        "c": "not among the allowed models",
        "d": "lacks json",
    }


def test_models_whose_window_is_too_small_are_filtered_by_prompt() -> None:
    tokens = [[400.0] * 4, [5_000.0] * 4]
    estimate = estimate_of([[0.1, 0.2, 0.3, 0.9]] * 2, 0.001, tokens=tokens)
    assert choose(estimate, Policy(), POOL).tolist() == [3, 2]
    decision = decide(estimate, Policy(), POOL, row=1)
    assert decision.filtered["a"] == "about 5,000 tokens exceed its context window of 1,000"
    assert set(decision.filtered) == {"a", "d"}


def test_when_nothing_is_left_every_filter_is_named() -> None:
    estimate = estimate_of([0.5] * 4, 0.001, tokens=5_000.0)
    policy = Policy(deny={"b"}, needs={"json"})
    with pytest.raises(NoEligibleModel) as raised:
        decide(estimate, policy, POOL)
    for part in ("a: about 5,000 tokens", "b: denied", "c: lacks json", "relax the filters"):
        assert part in str(raised.value)
    with pytest.raises(NoEligibleModel):
        choose(estimate, policy, POOL)


@pytest.mark.parametrize("policy", [Policy(allow={"a", "typo"}), Policy(deny={"typo"})])
def test_an_unknown_name_in_a_filter_is_refused(policy: Policy) -> None:
    with pytest.raises(PoolError, match="'typo'"):
        decide(estimate_of([0.5] * 4, 0.001), policy, POOL)


UNKNOWN = [0.001, math.nan, 0.002, 0.003]


def test_unknown_costs_leave_deciding_by_quality() -> None:
    decision = decide(estimate_of([0.5, 0.9, 0.5, 0.5], UNKNOWN), Policy(), POOL)
    assert decision.model == "b"
    assert math.isnan(decision.cost_usd)
    assert decision.flips == ()


def test_an_unknown_cost_loses_a_tie() -> None:
    assert decide(estimate_of([0.5] * 4, UNKNOWN), Policy(deny={"a"}), POOL).model == "c"


@pytest.mark.parametrize(
    "policy", [Policy(cost_weight=1.0), Policy(min_quality=0.5), Policy(max_cost_usd=1.0)]
)
def test_policies_that_weigh_costs_refuse_unknown_ones_by_name(policy: Policy) -> None:
    estimate = estimate_of([0.5] * 4, UNKNOWN)
    with pytest.raises(PolicyError, match=r"expected cost of 'b' is unknown.*input_usd_per_mtok"):
        decide(estimate, policy, POOL)
    denying = replace(policy, deny=frozenset({"b"}))
    assert decide(estimate, denying, POOL).model == "a"


@pytest.mark.parametrize(
    ("dials", "complaint"),
    [
        ({"cost_weight": -1.0}, "cost_weight must be zero or more"),
        ({"cost_weight": math.nan}, "cost_weight must be"),
        ({"cost_weight": math.inf}, "cost_weight must be"),
        ({"risk_aversion": -0.1}, "risk_aversion must be zero or more"),
        ({"min_quality": 1.1}, "min_quality must be between 0 and 1"),
        ({"min_quality": -0.1}, "min_quality must be between 0 and 1"),
        ({"max_cost_usd": -1.0}, "max_cost_usd must be zero or more"),
        ({"max_cost_usd": math.nan}, "max_cost_usd must be"),
        ({"min_quality": 0.9, "cost_weight": 1.0}, "contradict each other"),
        ({"allow": "a"}, "not the single text 'a'"),
        ({"deny": 3}, "deny must be a collection of names"),
    ],
)
def test_policies_that_make_no_sense_are_refused(dials, complaint: str) -> None:
    with pytest.raises(PolicyError, match=complaint):
        Policy(**dials)


def test_an_endless_budget_is_no_budget() -> None:
    estimate = estimate_of([0.2, 0.9, 0.5, 0.6], [0.002, 0.004, 0.001, 0.003])
    assert decide(estimate, Policy(max_cost_usd=math.inf), POOL).model == "b"


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(), "the best estimated quality"),
        (Policy(cost_weight=5.0), "5 per USD"),
        (Policy(min_quality=0.95), "95% of the best quality"),
        (Policy(max_cost_usd=0.01), "within 0.01 USD"),
    ],
)
def test_the_reason_states_the_rule_and_the_task(policy: Policy, words: str) -> None:
    reason = decide(estimate_of([0.5] * 4, 0.001), policy, POOL).reason
    assert words in reason
    assert "task 'sums' (70%)" in reason


# Flips: just beyond the stated value the stated model really is chosen.

distinct = st.floats(0.05, 1.0).map(lambda value: round(value, 3))
spread = st.builds(
    estimate_of,
    st.lists(distinct, min_size=4, max_size=4, unique=True),
    st.lists(st.integers(1, 999), min_size=4, max_size=4, unique=True).map(
        lambda mills: [mill / 100_000 for mill in mills]
    ),
    std=lists(levels),
)
weighted = st.builds(
    Policy,
    cost_weight=st.just(0.0) | st.floats(0, 2_000),
    risk_aversion=st.sampled_from([0.0, 0.3]),
    allow=name_sets,
    max_cost_usd=st.none() | st.floats(0, 0.01),
)
floored = st.builds(
    Policy,
    min_quality=st.floats(0, 1),
    risk_aversion=st.sampled_from([0.0, 0.3]),
    max_cost_usd=st.none() | st.floats(0, 0.01),
)


def beyond(policy: Policy, flip, by: float) -> Policy:
    """The policy with the flip's dial moved just past its value, or just short of it."""
    step = by * (flip.value if flip.dial == "cost_weight" else 1.0)
    value = flip.value + (step if flip.upward else -step)
    dials = {"cost_weight": 0.0, "min_quality": None, flip.dial: max(0.0, value)}
    return replace(policy, **dials)


def check_flips(estimate: Estimate, policy: Policy) -> None:
    decision = decide(estimate, policy, POOL)
    for flip in decision.flips:
        past = beyond(policy, flip, 1e-6)
        assume(flip.dial != "min_quality" or past.min_quality <= 1)
        assert decide(estimate, past, POOL).model == flip.model
        if flip.value > 1e-6:  # below a dial's least value there is nothing to ask
            assert decide(estimate, beyond(policy, flip, -1e-6), POOL).model == decision.model


@given(spread, weighted)
def test_past_a_flip_of_the_cost_weight_the_named_model_is_chosen(estimate, policy) -> None:
    check_flips(estimate, policy)


@given(spread, floored)
def test_past_a_flip_of_the_floor_the_named_model_is_chosen(estimate, policy) -> None:
    check_flips(estimate, policy)


@given(spread, st.floats(0, 2_000), st.floats(0, 2_000))
def test_between_flips_of_the_cost_weight_the_choice_stays(estimate, weight, other) -> None:
    decision = decide(estimate, Policy(cost_weight=weight), POOL)
    above = [flip.value for flip in decision.flips if flip.upward]
    below = [flip.value for flip in decision.flips if not flip.upward]
    assume(max(below, default=-1.0) < other < min(above, default=math.inf))
    assert decide(estimate, Policy(cost_weight=other), POOL).model == decision.model


@given(spread, st.floats(0, 1), st.floats(0, 1))
def test_between_flips_of_the_floor_the_choice_stays(estimate, floor, other) -> None:
    decision = decide(estimate, Policy(min_quality=floor), POOL)
    above = [flip.value for flip in decision.flips if flip.upward]
    below = [flip.value for flip in decision.flips if not flip.upward]
    assume(max(below, default=-1.0) < other < min(above, default=math.inf))
    assert decide(estimate, Policy(min_quality=other), POOL).model == decision.model


def test_a_flip_says_at_which_weight_and_to_which_model() -> None:
    estimate = estimate_of([0.9, 0.8, 0.5], [0.003, 0.002, 0.001])
    best = decide(estimate, Policy(), POOL.subset(["a", "b", "c"]))
    assert best.model == "a"
    (flip,) = best.flips
    assert (flip.dial, flip.model, flip.upward) == ("cost_weight", "b", True)
    assert flip.value == pytest.approx(100.0)


def test_where_three_models_meet_the_flip_names_the_one_chosen_beyond() -> None:
    estimate = estimate_of([0.75, 0.5, 0.25], [0.003, 0.002, 0.001])
    three = POOL.subset(["a", "b", "c"])
    (flip,) = decide(estimate, Policy(), three).flips
    assert flip.value == pytest.approx(250.0)
    assert decide(estimate, Policy(cost_weight=250.1), three).model == flip.model


def test_beyond_the_budget_no_weight_flips_the_choice() -> None:
    estimate = estimate_of([0.2, 0.9, 0.5, 0.6], [0.002, 0.004, 0.001, 0.003])
    over = Policy(max_cost_usd=0.0005, cost_weight=300.0)
    assert decide(estimate, over, POOL).flips == ()


def test_the_only_model_left_has_no_flips() -> None:
    estimate = estimate_of([0.2, 0.9, 0.5, 0.6], [0.002, 0.004, 0.001, 0.003])
    assert decide(estimate, Policy(allow={"a"}), POOL).flips == ()


@given(estimates, policies)
def test_each_fallback_is_what_would_be_chosen_without_those_before_it(estimate, policy):
    assume(eligible_models(estimate, policy, POOL).any())
    left = set(NAMES if policy.allow is None else policy.allow)
    for at in ranked(estimate, policy, POOL, most=3):
        without = replace(policy, allow=frozenset(left))
        assert at == choose(estimate, without, POOL)[0]
        left.remove(NAMES[at])


@given(estimates, policies)
def test_fitting_models_hold_the_chosen_one_and_keep_budget_and_floor(estimate, policy):
    eligible = eligible_models(estimate, policy, POOL)
    assume(eligible.any())
    fitting = fitting_models(estimate, policy, POOL)[0]
    decision = decide(estimate, policy, POOL)
    assert fitting[NAMES.index(decision.model)]
    assert not (fitting & ~eligible[0]).any()
    if policy.max_cost_usd is not None and decision.within_budget:
        assert (estimate.cost_usd[0, fitting] <= policy.max_cost_usd).all()
    if policy.min_quality is not None:
        quality = cautious_quality(estimate, policy)[0]
        assert (quality[fitting] >= policy.min_quality * quality[fitting].max()).all()


def test_among_fallbacks_of_equal_quality_unknown_costs_come_last():
    estimate = estimate_of([0.5, 0.5, 0.5, 0.9], [math.nan, 2.0, 1.0, math.nan])
    assert ranked(estimate, Policy(), POOL, most=4) == [3, 2, 1, 0]

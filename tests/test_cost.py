from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter import Model, ModelPool
from finerouter.cost import CostModel, LengthLaw

PROMPTS = 300
random = np.random.default_rng(0)
LENGTHS = random.uniform(50, 2_000, size=PROMPTS)
TASK = np.arange(PROMPTS) % 2
PROBS = np.eye(2)[TASK]
NONE = np.zeros(PROMPTS)
POOL = ModelPool((Model("small", "", 0.5, 1.5), Model("large", "", 10.0, 30.0)))
PRICED = np.array([[0.5, 1.5], [10.0, 30.0]])
FACTOR = np.array([[100.0, 300.0], [20.0, 50.0]])
INPUT = np.repeat(LENGTHS[:, None] / 4, 2, axis=1)
OUTPUT = FACTOR[TASK] * (LENGTHS[:, None] / 256) ** 0.3
USD = (INPUT * PRICED[:, 0] + OUTPUT * PRICED[:, 1]) / 1e6
UNKNOWN = np.full((PROMPTS, 2), np.nan)


def fitted(*, input_tokens=INPUT, output_tokens=OUTPUT, cost_usd=USD, pool=POOL) -> CostModel:
    return CostModel.fit(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=cost_usd,
        task_probs=PROBS,
        lengths=LENGTHS,
        pool=pool,
    )


def usd_of(cost: CostModel, pool: ModelPool):
    return cost.estimate(PROBS, NONE, LENGTHS, pool)[0]


def tokens_of(cost: CostModel):
    return cost.estimate(PROBS, NONE, LENGTHS, POOL)[1]


def repriced(pool: ModelPool, factor: float) -> ModelPool:
    return ModelPool(
        tuple(
            replace(
                model,
                input_usd_per_mtok=factor * model.input_usd_per_mtok,
                output_usd_per_mtok=factor * model.output_usd_per_mtok,
            )
            for model in pool
        )
    )


def test_the_law_behind_recorded_tokens_is_recovered() -> None:
    law = LengthLaw.fit(OUTPUT, PROBS, LENGTHS)
    np.testing.assert_allclose(law.exponent, 0.3, atol=0.02)
    np.testing.assert_allclose(law.predict(PROBS, NONE, LENGTHS), OUTPUT, rtol=0.25)


def test_recorded_tokens_are_recovered_on_average() -> None:
    cost = fitted()
    tokens = tokens_of(cost)
    np.testing.assert_allclose(tokens.mean(axis=0), (INPUT + OUTPUT).mean(axis=0), rtol=0.02)
    found = cost.output_tokens.predict(PROBS, NONE, LENGTHS)
    for task in (0, 1):
        of_task = task == TASK
        np.testing.assert_allclose(found[of_task].mean(0), OUTPUT[of_task].mean(0), rtol=0.2)


def test_expected_cost_follows_the_recorded_one() -> None:
    found = usd_of(fitted(), POOL)
    np.testing.assert_allclose(found.mean(axis=0), USD.mean(axis=0), rtol=0.02)
    assert np.corrcoef(found[:, 0], USD[:, 0])[0, 1] > 0.95


@given(st.floats(0, 100))
def test_a_price_change_changes_costs_in_proportion_without_fitting(factor: float) -> None:
    cost = fitted()
    before = usd_of(cost, POOL)
    after = usd_of(cost, repriced(POOL, factor))
    np.testing.assert_allclose(after, factor * before)


def test_output_price_counts_output_tokens_alone() -> None:
    cost = fitted()
    free_input = ModelPool((Model("small", "", 0.0, 1.5), Model("large", "", 10.0, 0.0)))
    found = usd_of(cost, free_input)
    written = cost.output_tokens.predict(PROBS, NONE, LENGTHS)
    read = cost.input_tokens.predict(PROBS, NONE, LENGTHS)
    np.testing.assert_allclose(found[:, 0], written[:, 0] * 1.5e-6)
    np.testing.assert_allclose(found[:, 1], read[:, 1] * 10e-6)


def test_missing_prices_leave_the_cost_unknown() -> None:
    half = ModelPool((POOL["small"], Model("large", "", 10.0, None)))
    cost = fitted(cost_usd=UNKNOWN, pool=half)
    found = usd_of(cost, half)
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1]).all()


def test_a_price_given_later_makes_the_cost_known() -> None:
    unpriced = ModelPool.of(POOL.names)
    cost = fitted(cost_usd=UNKNOWN, pool=unpriced)
    found = usd_of(cost, POOL)
    np.testing.assert_allclose(found.mean(axis=0), USD.mean(axis=0), rtol=0.02)


def test_recorded_cost_alone_is_learned() -> None:
    unpriced = ModelPool.of(POOL.names)
    cost = fitted(input_tokens=UNKNOWN, output_tokens=UNKNOWN, pool=unpriced)
    found = usd_of(cost, unpriced)
    np.testing.assert_allclose(found.mean(axis=0), USD.mean(axis=0), rtol=0.05)


def test_what_the_bill_says_beyond_the_prices_is_kept() -> None:
    cost = fitted(cost_usd=USD * [0.5, 1.25])
    np.testing.assert_allclose(cost.billing, [0.5, 1.25])
    found = usd_of(cost, POOL)
    np.testing.assert_allclose(found.mean(axis=0), USD.mean(axis=0) * [0.5, 1.25], rtol=0.02)


def test_billing_is_learned_only_where_tokens_and_cost_are_both_known() -> None:
    partly = USD * 2.0
    partly[10:] = np.nan
    np.testing.assert_allclose(fitted(cost_usd=partly).billing, 2.0)
    np.testing.assert_allclose(fitted(cost_usd=UNKNOWN).billing, 1.0)


def test_answers_of_no_tokens_cost_their_prompt() -> None:
    flat = ModelPool((Model("small", "", 0.2, 0.2), Model("large", "", 0.2, 0.2)))
    cost = fitted(output_tokens=np.zeros_like(OUTPUT), cost_usd=INPUT * 0.2e-6, pool=flat)
    found = usd_of(cost, flat)
    np.testing.assert_allclose(found.mean(axis=0), INPUT.mean(axis=0) * 0.2e-6, rtol=0.02)
    assert (cost.output_tokens.predict(PROBS, NONE, LENGTHS) == 0).all()


def test_gaps_do_not_bias_the_expected_tokens() -> None:
    hidden = np.random.default_rng(1).uniform(size=OUTPUT.shape) < 0.6
    law = LengthLaw.fit(np.where(hidden, np.nan, OUTPUT), PROBS, LENGTHS)
    np.testing.assert_allclose(
        law.predict(PROBS, NONE, LENGTHS).mean(axis=0), OUTPUT.mean(axis=0), rtol=0.1
    )


def test_a_task_never_observed_gets_the_overall_factor() -> None:
    unseen = np.column_stack([PROBS, np.zeros(PROMPTS)])
    law = LengthLaw.fit(OUTPUT, unseen, LENGTHS)
    np.testing.assert_allclose(law.factor[2], law.overall)


def test_a_prompt_of_no_task_gets_the_overall_factor() -> None:
    law = LengthLaw.fit(OUTPUT, PROBS, LENGTHS)
    found = law.predict(np.zeros((1, 2)), np.ones(1), np.array([256.0]))
    np.testing.assert_allclose(found[0], law.overall)


def test_without_recorded_input_tokens_a_quarter_of_the_bytes_stands_in() -> None:
    cost = fitted(input_tokens=UNKNOWN, output_tokens=UNKNOWN)
    tokens = tokens_of(cost)
    np.testing.assert_allclose(tokens, np.repeat(LENGTHS[:, None] / 4, 2, axis=1))


def test_the_exponent_stays_between_zero_and_one() -> None:
    falling = 1e4 / LENGTHS[:, None] ** [[0.5, 1.5]]
    steep = LENGTHS[:, None] ** [[1.5, 3.0]]
    assert (LengthLaw.fit(falling, PROBS, LENGTHS).exponent == 0).all()
    assert (LengthLaw.fit(steep, PROBS, LENGTHS).exponent == 1).all()


def test_tensors_make_the_same_cost_model() -> None:
    cost = fitted()
    rebuilt = CostModel.from_tensors(cost.to_tensors())
    np.testing.assert_array_equal(
        usd_of(rebuilt, POOL),
        usd_of(cost, POOL),
    )


@pytest.mark.parametrize("recorded", [0, 1])
def test_free_calls_stay_free_of_nan(recorded: int) -> None:
    free = ModelPool((Model("small", "", 0.0, 0.0), Model("large", "", 0.0, 0.0)))
    cost = fitted(cost_usd=np.zeros_like(USD) if recorded else UNKNOWN, pool=free)
    np.testing.assert_array_equal(usd_of(cost, free), 0.0)


def test_a_joined_model_costs_what_its_calls_show_in_every_task() -> None:
    random = np.random.default_rng(0)
    probs = np.eye(2)[np.arange(80) % 2]
    lengths = random.uniform(100, 2_000, size=80)
    tokens = np.array([[50.0, 100.0], [400.0, 800.0]])[np.arange(80) % 2]
    pool = ModelPool((Model("a", "", 1.0, 2.0), Model("b", "", 1.0, 2.0)))
    unknown = np.full_like(tokens, np.nan)
    model = CostModel.fit(
        input_tokens=np.repeat(lengths[:, None] / 4, 2, axis=1),
        output_tokens=tokens,
        cost_usd=unknown,
        task_probs=probs,
        lengths=lengths,
        pool=pool,
    )
    new = Model("c", "", 10.0, 20.0)
    joined = model.joined(
        input_tokens=lengths[:40] / 4,
        output_tokens=3 * tokens[:40, 0],
        cost_usd=unknown[:40, 0],
        task_probs=probs[:40],
        none=np.zeros(40),
        lengths=lengths[:40],
        weights=np.ones(2),
        pool=ModelPool((new,)),
    )
    usd, _ = joined.estimate(probs, np.zeros(80), lengths, ModelPool((*pool, new)))
    expected = (lengths / 4 * 10 + 3 * tokens[:, 0] * 20) / 1e6
    for task in (0, 1):
        rows = np.arange(80) % 2 == task
        assert usd[rows, 2].mean() == pytest.approx(expected[rows].mean(), rel=0.15)
    back = joined.without_model(2)
    for name, value in model.to_tensors().items():
        np.testing.assert_array_equal(back.to_tensors()[name], value)

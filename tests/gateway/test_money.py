"""Tokens and their cost."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.gateway.money.metering import added, cost_usd, expected_usd, metered
from finerouter.gateway.money.savings import Elsewhere, saved_usd
from finerouter.gateway.record import Record, Tokens
from finerouter.pool import Model
from finerouter.upstream.usage import Usage

COUNTS = st.integers(0, 10**7)
PRICES = st.floats(0.0, 1e3)
PRICED = st.builds(
    lambda i, o, c, w: Model(
        "m",
        input_usd_per_mtok=i,
        output_usd_per_mtok=o,
        cached_input_usd_per_mtok=c,
        cache_write_usd_per_mtok=w,
    ),
    PRICES,
    PRICES,
    st.none() | PRICES,
    st.none() | PRICES,
)


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    fresh, cached, write, output = (draw(COUNTS) for _ in range(4))
    return Tokens(
        input=fresh + cached + write, cached_input=cached, cache_write=write, output=output
    )


def cost(counted: Tokens, model: Model) -> float:
    usd = cost_usd(counted, model)
    assert usd is not None
    return usd


def test_the_cost_is_the_sum_of_what_is_billed() -> None:
    model = Model(
        "m",
        input_usd_per_mtok=3.0,
        output_usd_per_mtok=15.0,
        cached_input_usd_per_mtok=0.3,
        cache_write_usd_per_mtok=3.75,
    )
    counted = Tokens(input=1_000, cached_input=600, cache_write=100, output=200, reasoning=150)
    expected = (300 * 3.0 + 600 * 0.3 + 100 * 3.75 + 200 * 15.0) / 1e6
    assert cost_usd(counted, model) == pytest.approx(expected)


def test_without_prices_the_cost_is_unknown() -> None:
    assert cost_usd(Tokens(input=1), Model("m")) is None
    assert cost_usd(Tokens(input=1), Model("m", input_usd_per_mtok=1.0)) is None
    free = Model("m", input_usd_per_mtok=0.0, output_usd_per_mtok=0.0)
    assert cost_usd(Tokens(input=9, output=9), free) == 0.0


@given(counted=tokens(), more=tokens(), model=PRICED)
def test_cost_grows_with_tokens_and_adds_up(counted: Tokens, more: Tokens, model: Model) -> None:
    both = cost(added([counted, more]), model)
    assert both >= cost(counted, model) * (1 - 1e-12)
    assert both == pytest.approx(cost(counted, model) + cost(more, model), rel=1e-9)


@given(counted=tokens(), model=PRICED)
def test_cached_input_is_dearer_only_if_its_price_is(counted: Tokens, model: Model) -> None:
    uncached = replace_tokens(counted, cached_input=0, cache_write=0)
    own = (model.cached_input_usd_per_mtok, model.cache_write_usd_per_mtok)
    assert model.input_usd_per_mtok is not None
    if all(price is None or price <= model.input_usd_per_mtok for price in own):
        assert cost(counted, model) <= cost(uncached, model) * (1 + 1e-12)
    plain = replace(model, cached_input_usd_per_mtok=None, cache_write_usd_per_mtok=None)
    assert cost(counted, plain) == pytest.approx(cost(uncached, plain))


def replace_tokens(counted: Tokens, **changes: int) -> Tokens:
    return msgspec.structs.replace(counted, **changes)


@given(counted=tokens(), thoughts=COUNTS, model=PRICED)
def test_thoughts_are_output_and_cost_nothing_twice(
    counted: Tokens, thoughts: int, model: Model
) -> None:
    assert cost(replace_tokens(counted, reasoning=thoughts), model) == cost(counted, model)


def test_reported_usage_is_taken_as_it_is() -> None:
    usage = Usage(100, 50, cached_input_tokens=60, cache_write_tokens=10, reasoning_tokens=20)
    assert metered(usage, request_bytes=9, answer_bytes=9) == Tokens(
        input=100, output=50, cached_input=60, cache_write=10, reasoning=20
    )


@given(
    usage=st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
    model=PRICED,
)
def test_a_report_that_does_not_add_up_never_makes_a_negative_cost(
    usage: Usage, model: Model
) -> None:
    counted = metered(usage, request_bytes=0, answer_bytes=0)
    assert counted.cached_input + counted.cache_write <= counted.input
    assert counted.reasoning <= counted.output
    assert cost(counted, model) >= 0.0


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (1, 1), (4, 1), (5, 2), (4_000, 1_000)])
def test_without_a_report_bytes_are_counted_and_flagged(size: int, expected: int) -> None:
    assert metered(None, request_bytes=size, answer_bytes=size) == Tokens(
        input=expected, output=expected, estimated=True
    )


def test_one_guess_makes_the_sum_a_guess() -> None:
    known = metered(Usage(1, 1), request_bytes=0, answer_bytes=0)
    guessed = metered(None, request_bytes=8, answer_bytes=8)
    assert not added([known, known]).estimated
    assert added([known, guessed]) == Tokens(input=3, output=3, estimated=True)


@pytest.mark.parametrize(
    ("max_tokens", "output"), [(None, 1_000), (32_000, 1_000), (10, 10), (0, 0), (-5, 0)]
)
def test_a_model_asked_for_by_name_is_expected_to_cost_something(
    max_tokens: int | None, output: int
) -> None:
    model = Model("m", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0)
    usd = expected_usd(model, request_bytes=4_000, max_tokens=max_tokens)
    assert usd == pytest.approx((1_000 * 1.0 + output * 10.0) / 1e6)
    assert expected_usd(Model("m"), request_bytes=4_000, max_tokens=max_tokens) is None


def test_savings_are_the_same_tokens_at_other_prices() -> None:
    best = Model("best", input_usd_per_mtok=10.0, output_usd_per_mtok=20.0)
    elsewhere = Elsewhere(best=best, baseline=Model("unpriced"))
    counted = Tokens(input=1_000, output=500)
    assert elsewhere.best_usd(counted) == pytest.approx(0.02)
    assert elsewhere.baseline_usd(counted) is None
    assert elsewhere.best_usd(None) is None
    assert Elsewhere().best_usd(counted) is None


def test_only_what_was_chosen_saves() -> None:
    record = Record(
        decision_id="0" * 32,
        time_s=0.0,
        api="chat",
        requested="auto",
        policy="best",
        cost_usd=0.01,
        best_usd=0.03,
    )
    assert saved_usd(record) == pytest.approx(0.02)
    assert saved_usd(msgspec.structs.replace(record, cost_usd=0.05)) == pytest.approx(-0.02)
    assert saved_usd(msgspec.structs.replace(record, policy="")) is None
    assert saved_usd(msgspec.structs.replace(record, best_usd=None)) is None

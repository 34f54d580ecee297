"""The forward pass gives what the fitted parts give one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from finerouter import ModelPool, Router
from finerouter.cost import CostModel
from finerouter.encoders.protocol import unit_rows
from finerouter.forward import Estimates, ForwardPass

LENGTHS = st.floats(1.0, 1e7)


def part_by_part(router: Router, rows: NDArray[np.float32], lengths) -> Estimates:
    levels, none = router.levels.probabilities(rows)
    quality, std = router.quality.estimate(rows, levels, none)
    usd, tokens = router.cost.estimate(levels[0], none, lengths, router.pool)
    return Estimates(levels[0], none, quality, std, usd, tokens)


def at_once(router: Router, rows: NDArray[np.float32], lengths) -> Estimates:
    return ForwardPass.of(router.levels, router.quality, router.cost, router.pool)(rows, lengths)


def assert_same(router: Router, rows: NDArray[np.float32], lengths) -> None:
    found, expected = at_once(router, rows, lengths), part_by_part(router, rows, lengths)
    for name, one, other in zip(Estimates._fields, found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5, err_msg=name)
        assert one.shape == other.shape


def with_level(router: Router, tasks: slice, temperature: float) -> Router:
    """With one more level: some of the named tasks, told apart by a sharper or softer eye."""
    named, prior = router.levels.named, router.quality.priors[0]
    level = replace(
        named,
        weights=np.ascontiguousarray(named.weights[:, tasks]),
        intercept=named.intercept[tasks],
        centres=named.centres[:, tasks],
        temperature=temperature,
    )
    means = replace(prior, mean=prior.mean[tasks], std=prior.std[tasks])
    levels = replace(router.levels, classifiers=(*router.levels.classifiers, level))
    quality = replace(router.quality, priors=(*router.quality.priors, means))
    return replace(router, levels=levels, quality=quality)


@pytest.fixture(scope="module")
def router(router: Router) -> Router:
    return with_level(with_level(router, slice(1, 4), 60.0), slice(None, None, -1), 2.0)


@pytest.fixture(scope="module")
def rows(router: Router, held_out) -> NDArray[np.float32]:
    return router.features.encode(router.encoder, held_out.prompts)


@pytest.fixture(scope="module")
def lengths(held_out) -> NDArray[np.float64]:
    return np.array([len(text) for text in held_out.prompts], np.float64)


@pytest.mark.parametrize("count", [1, 2, 100])
def test_it_is_the_parts_of_a_trained_router(router: Router, rows, lengths, count: int) -> None:
    assert len(router.levels.classifiers) == 3
    assert_same(router, rows[:count], lengths[:count])


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_it_blends_as_the_quality_model_does(router: Router, rows, lengths, alpha: float) -> None:
    blended = replace(router, quality=replace(router.quality, alpha=alpha, std_scale=1.7))
    assert_same(blended, rows, lengths)


def test_a_sharp_kernel_overflows_nothing(router: Router, rows, lengths) -> None:
    experts = router.quality.experts
    kernel = replace(experts.trunk.kernel, sharpness=100.0)
    experts = replace(experts, trunk=replace(experts.trunk, kernel=kernel))
    assert_same(replace(router, quality=replace(router.quality, experts=experts)), rows, lengths)


def test_costs_that_are_not_known_stay_so(router: Router, rows, lengths) -> None:
    first, second, *others = router.pool
    free = replace(first, input_usd_per_mtok=None, output_usd_per_mtok=None)
    unpriced = replace(router, pool=ModelPool((free, second, *others)))
    assert_same(unpriced, rows, lengths)
    unknown = replace(unpriced, cost=_without_column(router.cost, 0, ("call_usd",)))
    assert_same(unknown, rows, lengths)
    assert np.isnan(at_once(unknown, rows, lengths).cost_usd[:, 0]).all()
    tokens = ("input_tokens", "output_tokens")
    untold = replace(unpriced, cost=_without_column(router.cost, 0, tokens))
    assert_same(untold, rows, lengths)
    assert np.isfinite(at_once(untold, rows, lengths).tokens).all()


def _without_column(cost: CostModel, column: int, laws: tuple[str, ...]) -> CostModel:
    """The cost model with nothing known of one model in some of its laws."""
    changed = {}
    for name in laws:
        law = getattr(cost, name)
        factor, overall = law.factor.copy(), law.overall.copy()
        factor[:, column] = overall[column] = np.nan
        changed[name] = replace(law, factor=factor, overall=overall)
    return replace(cost, **changed)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), length=LENGTHS, spread=st.floats(0.0, 3.0))
def test_it_is_the_parts_on_any_rows(router: Router, seed: int, length: float, spread: float):
    random = np.random.default_rng(seed)
    width = router.levels.named.weights.shape[0]
    kernel = router.quality.experts.trunk.kernel
    near = kernel.landmarks[:, random.integers(kernel.landmarks.shape[1], size=3)].T
    rows = (near + spread * random.standard_normal((3, width))).astype(np.float32)
    rows[2] *= seed % 2  # now and then a text of which nothing is known
    assert_same(router, unit_rows(rows), np.full(3, length))

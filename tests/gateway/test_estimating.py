"""Estimates made together are those made alone."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from finerouter import Router
from finerouter.errors import DataError
from finerouter.gateway.estimating import Estimator
from finerouter.policy import Estimate


def test_a_batch_gives_everybody_his_own(router: Router) -> None:
    texts = [f"What is {number} plus {number * 7}?" for number in range(70)]

    async def together() -> list:
        estimator = Estimator(router)
        return await asyncio.gather(*map(estimator.estimate, texts))

    for text, estimate in zip(texts, asyncio.run(together()), strict=True):
        assert len(estimate) == 1
        alone = router.estimate([text])
        np.testing.assert_allclose(estimate.quality, alone.quality, atol=1e-6)
        np.testing.assert_allclose(estimate.cost_usd, alone.cost_usd, rtol=1e-6)


def test_a_turn_lies_between_batches(router: Router) -> None:
    turns = 0
    estimated_in: list[int] = []

    class Watched:
        def estimate(self, texts: list[str]) -> Estimate:
            estimated_in.append(turns)
            return router.estimate(texts)

    async def many() -> None:
        nonlocal turns
        estimator = Estimator(Watched())  # type: ignore[arg-type]
        waiting = asyncio.gather(*(estimator.estimate("Hello") for _ in range(100)))
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0)

    asyncio.run(many())
    assert len(estimated_in) == len(set(estimated_in)) == 4


def test_who_no_longer_waits_costs_nobody_anything(router: Router) -> None:
    async def one_leaves() -> float:
        estimator = Estimator(router)
        leaving = asyncio.ensure_future(estimator.estimate("Goodbye"))
        staying = asyncio.ensure_future(estimator.estimate("Hello"))
        await asyncio.sleep(0)
        leaving.cancel()
        return float((await staying).quality.max())

    assert asyncio.run(one_leaves()) > 0


def test_a_text_that_cannot_be_estimated_fails_alone(router: Router) -> None:
    async def one_fails() -> list:
        estimator = Estimator(router)
        waiting = [estimator.estimate(text) for text in ("Hello", "", "Goodbye")]
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, second, third = asyncio.run(one_fails())
    assert isinstance(second, DataError)
    assert len(first) == len(third) == 1


@pytest.mark.parametrize("count", [1, 31, 32, 33, 100])
def test_any_number_is_answered(router: Router, count: int) -> None:
    async def together() -> int:
        estimator = Estimator(router)
        return len(await asyncio.gather(*(estimator.estimate("Hello") for _ in range(count))))

    assert asyncio.run(together()) == count


def test_a_lone_request_waits_for_no_turn(router: Router) -> None:
    async def steps(*, crowded: bool) -> int:
        asking = asyncio.ensure_future(Estimator(router, lambda: crowded).estimate("Hello"))
        turns = 0
        while not asking.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(steps(crowded=False)) == 1
    assert asyncio.run(steps(crowded=True)) == 2

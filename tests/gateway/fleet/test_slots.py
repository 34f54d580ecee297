"""Slots: never too many, in order, and none lost when somebody gives up."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from finerouter.gateway.fleet.retry_budget import RetryBudget
from finerouter.gateway.fleet.slots import Slots


def test_they_go_to_whoever_has_waited_longest() -> None:
    async def work() -> list[str]:
        slots, order = Slots(1, None, time.monotonic), []
        await slots.enter(0)

        async def wait(name: str) -> None:
            assert await slots.enter(5)
            order.append(name)
            slots.leave()

        waiting = [asyncio.create_task(wait(name)) for name in "abc"]
        await asyncio.sleep(0)
        assert slots.load == 4
        slots.leave()
        await asyncio.gather(*waiting)
        assert slots.taken == 0
        return order

    assert asyncio.run(work()) == ["a", "b", "c"]


def test_waiting_has_an_end() -> None:
    async def work() -> None:
        slots = Slots(1, None, time.monotonic)
        assert await slots.enter(0)
        assert not await slots.enter(0.01)
        slots.leave()
        assert await slots.enter(0)
        assert slots.taken == 1
        assert slots.load == 1

    asyncio.run(work())


def test_a_slot_handed_over_at_the_moment_of_cancelling_is_not_lost() -> None:
    async def work() -> None:
        slots = Slots(1, None, time.monotonic)
        await slots.enter(0)
        first = asyncio.create_task(slots.enter(5))
        second = asyncio.create_task(slots.enter(5))
        await asyncio.sleep(0)
        slots.leave()
        first.cancel()
        assert await second
        slots.leave()
        assert slots.taken == 0

    asyncio.run(work())


def test_calls_are_spaced_and_nobody_waits_longer_than_told() -> None:
    async def work() -> float:
        slots = Slots(10, 1200, time.monotonic)  # one every 50 ms
        started = time.monotonic()
        assert await slots.enter(1)
        assert await slots.enter(1)
        assert await slots.enter(1)
        assert not await slots.enter(0.01)
        assert slots.taken == 3
        cancelled = asyncio.create_task(slots.enter(1))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert slots.taken == 3
        return time.monotonic() - started

    assert asyncio.run(work()) >= 0.1


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(("enter", "cancel", "leave", "run")), st.integers(0, 9))),
)
def test_whatever_happens(most: int, events: list[tuple[str, int]]) -> None:
    async def work() -> None:
        slots = Slots(most, None, time.monotonic)
        tasks: list[asyncio.Task[bool]] = []
        held = 0

        def settle() -> int:
            done = [t for t in tasks if t.done()]
            tasks[:] = [t for t in tasks if not t.done()]
            return sum(not t.cancelled() and t.result() for t in done)

        for what, which in events:
            if what == "enter":
                tasks.append(asyncio.create_task(slots.enter(60)))
            elif what == "cancel" and tasks:
                tasks[which % len(tasks)].cancel()
            elif what == "leave" and held:
                held -= 1
                slots.leave()
            else:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            held += settle()
            assert held <= most
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        held += settle()
        for _ in range(held):
            slots.leave()
        assert slots.taken == 0
        assert slots.load == 0

    asyncio.run(work())


@given(st.floats(0, 2), st.integers(0, 300))
def test_repeats_are_a_share_of_the_requests(per_request: float, requests: int) -> None:
    budget, repeats = RetryBudget(per_request), 0
    for _ in range(requests):
        budget.earn()
        while budget.spend():
            repeats += 1
    assert repeats <= 20 + per_request * requests

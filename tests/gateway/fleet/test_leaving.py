"""Whoever gives up closes the connection and gives the slot back, wherever it is."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any

import pytest

from finerouter.gateway.dispatching import Reached
from tests.gateway.fleet.conftest import Bench
from tests.loopback import FAULTS, Fault, LoopbackUpstream


async def alone(server: LoopbackUpstream) -> None:
    """Until the server has nothing under way; it notices by itself, within a second."""
    for _ in range(200):
        if server.under_way == 0:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the server still works on a call that nobody wants")


def test_cancelling_before_an_answer_closes_the_connection(run, servers) -> None:
    servers[0].faults = [Fault.slow(60)]

    async def work(bench: Bench) -> None:
        task = asyncio.create_task(bench.told())
        await asyncio.sleep(0.1)
        assert (servers[0].under_way, bench.taken) == (1, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.taken == 0
        await alone(servers[0])
        assert servers[0].left_alone == 1
        assert bench.reasons == ["cancelled"]
        assert bench.state() == "closed"

    run(work)


def test_leaving_a_stream_closes_the_connection(run, servers) -> None:
    servers[0].faults = [Fault.stall(60)]

    async def work(bench: Bench) -> None:
        async with await bench.ask(stream=True):
            assert (servers[0].under_way, bench.taken) == (1, 1)
        assert bench.taken == 0
        await alone(servers[0])
        assert servers[0].left_alone == 1

    run(work)


def test_cancelling_whoever_waits_for_the_rest_closes_the_connection(run, servers) -> None:
    servers[0].faults = [Fault.stall(60)]

    async def work(bench: Bench) -> None:
        async def read() -> None:
            reached = await bench.ask(stream=True)
            async for _ in reached.rest():
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert bench.taken == 0
        await alone(servers[0])

    run(work)


def test_an_answer_read_to_its_end_leaves_its_connection_to_the_next(run) -> None:
    async def work(bench: Bench) -> None:
        ports = set()
        for stream in (True, False, True, True):
            await bench.told(stream=stream)
            session = bench.fleet.ways("m")[0].state.upstream._session
            (kept,) = session.connector._conns.values()
            ports |= {handler.transport.get_extra_info("sockname") for handler, _ in kept}
        assert len(ports) == 1

    run(work)


def test_a_stream_left_at_its_last_event_counts_as_answered(run, servers) -> None:
    servers[0].faults = [Fault.status(500), None]

    async def work(bench: Bench) -> None:
        await bench.told("m")
        async with await bench.ask("m", stream=True) as reached:
            text = reached.first
            while b"[DONE]" not in text:
                text += await reached.next()
            await asyncio.sleep(0.05)
        (model,) = bench.fleet.standing()[0].models
        assert model.failures == 0

    run(work, m=[0])


def test_a_probe_that_is_given_up_leaves_the_next_to_try(run, servers) -> None:
    servers[0].faults = [Fault.status(500), Fault.slow(60), None]

    async def work(bench: Bench) -> None:
        await bench.told("m", "n")
        await asyncio.sleep(0.02)
        assert bench.state() == "half_open"
        probe = asyncio.create_task(bench.told("m"))
        await asyncio.sleep(0.05)
        assert not bench.fleet.usable("m")
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        await bench.told("m")
        assert bench.state() == "closed"

    run(work, {"breaker": {"failures": 1, "cooldown_s": 0.01}}, m=[0], n=[1])


@types.coroutine
def _stepped(work: Coroutine[Any, Any, Any], at: int) -> Generator[Any, Any, bool]:
    """Drive a coroutine and cancel what it waits for the `at`-th time; whether it came that far."""
    steps, throw = 0, None
    while True:
        try:
            awaited = work.throw(throw) if throw else work.send(None)
        except StopIteration:
            return steps > at
        except asyncio.CancelledError:
            return True
        if steps == at and awaited is not None:
            awaited.cancel()
        steps += 1
        try:
            yield awaited
            throw = None
        except BaseException as error:
            throw = error


PATHS = {
    "whole": (False, [None]),
    "stream": (True, [None]),
    "next endpoint": (False, [Fault.status(500)]),
    "hang up": (False, [FAULTS["hang_up"]]),
    "error": (True, [Fault.error_inside(500)]),
}


@pytest.mark.parametrize("name", PATHS)
def test_cancelling_at_every_await_leaves_nothing_behind(run, servers, name: str) -> None:
    stream, faults = PATHS[name]

    async def work(bench: Bench) -> int:
        at = 0
        while True:
            servers[0].faults = list(faults)
            more = await _stepped(bench.told(stream=stream), at)
            assert bench.taken == 0, f"a slot was lost at await number {at}"
            for server in servers:
                await alone(server)
            if not more:
                return at
            at += 1

    assert run(work, {"breaker": {"failures": 1000}}, m=[0, 1]) >= 3


async def _leave(reached: Reached) -> None:
    await asyncio.sleep(0.01)
    await reached.close()


def test_cancelling_in_the_queue_leaves_nothing_behind(run) -> None:
    async def work(bench: Bench) -> None:
        at, more = 0, True
        while more:
            first = await bench.ask(stream=True)
            leaving = asyncio.create_task(_leave(first))
            more = await _stepped(bench.told(), at)
            await leaving
            assert bench.taken == 0, f"a slot was lost at await number {at}"
            at += 1

    run(work, {"limits": {"max_wait_s": 1}}, endpoint={"max_concurrent": 1})

"""The fleet as a whole: health, storms, reloads."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from finerouter.asking import Asking, Endpoint
from finerouter.errors import ConfigError, EndpointError
from finerouter.gateway.dispatching import NotReached
from finerouter.gateway.fleet import Fleet
from finerouter.gateway.fleet.health import is_up
from finerouter.upstream import Upstream
from tests import loopback
from tests.gateway.fleet.conftest import Bench, askings, settings
from tests.loopback import FAULTS, Fault

FRAGILE = {"failures": 1, "cooldown_s": 60, "health_interval_s": 0.02}


async def until(state: str, bench: Bench) -> None:
    for _ in range(200):
        if bench.state() == state:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{bench.state()}, not {state}")


def test_an_endpoint_that_is_up_again_is_tried_before_its_time(run, servers) -> None:
    down = [True]
    servers[0].misbehave = lambda _: FAULTS["hang_up"] if down[0] else None

    async def work(bench: Bench) -> None:
        await bench.told()
        await asyncio.sleep(0.1)
        assert bench.state() == "open"
        down[0] = False
        await until("half_open", bench)
        await bench.told(prefer="e0")
        assert bench.state() == "closed"

    run(work, {"breaker": FRAGILE}, m=[0, 1])
    paths = [call.path for call in servers[0].requests]
    assert paths.count("/v1/chat/completions") == 2
    assert paths.count("/v1/models") >= 2


def test_an_endpoint_that_is_up_but_fails_is_not_tried_again_and_again(run, servers) -> None:
    servers[0].misbehave = lambda call: Fault.status(500) if call.path.endswith("ions") else None

    async def work(bench: Bench) -> None:
        for _ in range(20):
            await bench.told(prefer="e0")
            await asyncio.sleep(0.02)
        assert bench.state() == "open"

    run(work, {"breaker": FRAGILE}, m=[0, 1])
    assert sum(call.path.endswith("/completions") for call in servers[0].requests) == 2


@pytest.mark.parametrize(
    ("status", "up"),
    [(200, True), (404, True), (401, False), (403, False), (500, False), (0, False)],
)
def test_what_counts_as_up(servers, status: int, up: bool) -> None:
    # Twice: the library repeats a GET that got nothing.
    servers[0].replies = [loopback.Reply(status)] * 2

    async def work() -> bool:
        async with Upstream(Endpoint("e", servers[0].url)) as upstream:
            return await is_up(upstream)

    assert asyncio.run(work()) is up


def calls(servers) -> int:
    return sum(len(server.requests) for server in servers)


def test_a_fifth_of_faults_costs_a_quarter_more_calls(run, servers) -> None:
    """1.25 calls a request, which is 1 / (1 - 0.2): what it takes, and nothing on top."""
    for server in servers:
        server.misbehave = lambda call: Fault.status(500) if call.number % 5 == 0 else None

    async def work(bench: Bench) -> None:
        for _ in range(40):
            await asyncio.gather(*(bench.told() for _ in range(5)))

    run(work, m=[0, 1])
    assert 1.2 * 200 <= calls(servers) <= 1.3 * 200


def test_when_everything_fails_there_is_no_storm(run, servers) -> None:
    for server in servers:
        server.misbehave = lambda _: Fault.status(500)

    async def work(bench: Bench) -> None:
        async def ask() -> None:
            with pytest.raises(NotReached):
                await bench.ask("m", "n")

        # At once, before any breaker knows; then one after the other.
        await asyncio.gather(*(ask() for _ in range(100)))
        assert calls(servers) <= 2 * 100 + 20 + 50
        before = calls(servers)
        for _ in range(100):
            await ask()
        assert calls(servers) <= before + 10

    run(work, m=[0, 1], n=[0, 1])


def test_where_most_fails_repeats_stay_within_the_budget(run, servers) -> None:
    for server in servers:
        server.misbehave = lambda call: Fault.status(500) if call.number % 4 else None

    async def work(bench: Bench) -> None:
        for _ in range(200):
            with suppress(NotReached):
                await bench.told()

    run(work, {"breaker": {"failures": 1000}}, m=[0, 1])
    assert 2 * 200 <= calls(servers) <= 2 * 200 + 20 + 0.5 * 200


def test_when_an_endpoint_dies_all_that_it_had_under_way_moves_elsewhere(run, servers) -> None:
    servers[0].misbehave = lambda _: FAULTS["hang_up"]
    servers[0].delay_s = 0.1

    async def work(bench: Bench) -> None:
        await asyncio.gather(*(bench.told(prefer="e0") for _ in range(200)))

    run(work, m=[0, 1])
    assert len(servers[1].requests) == 200


def test_a_reload_keeps_what_is_the_same(run, servers) -> None:
    servers[1].faults = [Fault.status(429, retry_after="100")]

    async def work(bench: Bench) -> None:
        old = bench.fleet
        await bench.told("n", "m")
        streaming = await bench.ask("m", stream=True)
        states = {s.asking.endpoint.name: s.state for s in (*old.ways("m"), *old.ways("n"))}
        ways = askings(servers, {"m": [0], "n": [1], "o": [1]})
        bench.fleet = new = old.replaced(ways, settings())
        assert new.ways("m")[0].state is states["e0"]
        assert new.ways("n")[0].state is states["e1"]
        assert not new.usable("n")
        assert new.usable("o")
        assert [s.under_way for s in new.standing()] == [1, 0]
        await streaming.close()
        await bench.told("m")

    run(work, m=[0], n=[1])
    assert len(servers[0].requests) == 3


def test_a_reload_lets_calls_end_and_then_closes(run, servers) -> None:
    servers[0].faults = [Fault.stall(0.1)]

    async def work(bench: Bench) -> None:
        old = bench.fleet
        gone = old.ways("m")[0].state
        reached = await bench.ask("m", stream=True)
        bench.fleet = old.replaced(askings(servers, {"m": [1]}), settings())
        connector = gone.upstream._session.connector
        assert not connector.closed
        # A walk that began before the reload may still come to the old endpoint.
        late = Bench(servers, old)
        await late.told("m")
        assert not connector.closed
        rest = b"".join([chunk async for chunk in reached.rest()])
        assert rest.endswith(b"data: [DONE]\n\n")
        await reached.close()
        await asyncio.sleep(0.01)
        assert connector.closed
        await late.told("m")
        await asyncio.sleep(0.01)
        assert "_session" not in gone.upstream.__dict__
        await bench.told("m")

    run(work, m=[0])
    assert [len(server.requests) for server in servers] == [3, 1]


def test_a_reload_renews_endpoints_whose_settings_have_changed(run, servers) -> None:
    async def work(bench: Bench) -> None:
        old = bench.fleet
        ways = askings(servers, {"m": [0]})
        assert old.replaced(ways, settings()).ways("m")[0].state is old.ways("m")[0].state
        bench.fleet = old.replaced(ways, settings(timeouts={"connect_s": 1}))
        assert bench.fleet.ways("m")[0].state is not old.ways("m")[0].state

    run(work)


def test_a_reload_goes_on_looking_after_endpoints(run, servers) -> None:
    servers[0].faults = [FAULTS["hang_up"]]

    async def work(bench: Bench) -> None:
        await bench.told()
        assert bench.state() == "open"
        tables = {"breaker": FRAGILE}
        bench.fleet = bench.fleet.replaced(askings(servers, {"m": [0, 1]}), settings(**tables))
        await until("half_open", bench)

    run(work, {"breaker": FRAGILE}, m=[0, 1])


def test_a_closed_fleet_breaks_off_and_calls_nobody(run, servers) -> None:
    servers[0].faults = [Fault.stall(5)]

    async def work(bench: Bench) -> None:
        async with await bench.ask(stream=True) as reached:
            await bench.fleet.close()
            with pytest.raises(EndpointError):
                [chunk async for chunk in reached.rest()]
        with pytest.raises(NotReached):
            await bench.ask()

    run(work, m=[0])
    assert len(servers[0].requests) == 1


def test_endpoints_of_one_name_must_be_one() -> None:
    first, second = (Endpoint("same", f"http://127.0.0.1:{port}") for port in (1, 2))
    with pytest.raises(ConfigError, match="'same'; rename one"):
        Fleet({"a": (Asking(first, "a"),), "b": (Asking(second, "b"),)}, settings())


def test_standing_of_an_endpoint_where_nothing_happened(run) -> None:
    async def work(bench: Bench) -> None:
        (standing, _) = bench.fleet.standing()
        assert (standing.name, standing.state, standing.failures) == ("e0", "closed", 0)
        assert (standing.until_s, standing.under_way, standing.last_error) == (0, 0, "")
        assert [m.model for m in standing.models] == ["m"]
        assert [a.endpoint.name for a in bench.fleet.askings("m")] == ["e0"]
        assert bench.fleet.askings("stranger") == ()
        assert not bench.fleet.usable("stranger")

    run(work, m=[0], n=[1])

"""Which troubles are tried elsewhere, against servers that misbehave on demand."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from finerouter.asking import Asking, Endpoint
from finerouter.errors import EndpointError
from finerouter.gateway.dispatching import NotReached, Prepared, Step, dispatch
from finerouter.gateway.fleet import Fleet
from tests import loopback
from tests.gateway.fleet.conftest import KEY, Bench, settings
from tests.loopback import FAULTS, Fault

# Everything before the first byte that another endpoint may do better, and how it is called.
ELSEWHERE: dict[str, tuple[Fault, str]] = {
    "429": (Fault.status(429), "status 429"),
    "500": (Fault.status(500), "status 500"),
    "503": (Fault.status(503), "status 503"),
    "529": (Fault.status(529), "status 529"),
    "408": (Fault.status(408), "status 408"),
    "401": (Fault.status(401), "status 401"),
    "403": (Fault.status(403), "status 403"),
    "404": (Fault.status(404), "status 404"),
    "redirect": (Fault.status(307), "status 307"),
    "slow": (Fault.slow(5), "no answer in time"),
    "hang up": (FAULTS["hang_up"], "hung up before it answered"),
    "close": (FAULTS["close"], "hung up before it answered"),
    "endless headers": (FAULTS["endless_headers"], "hung up before it answered"),
    "broken error": (FAULTS["broken_error"], "status 500"),
    "empty": (FAULTS["empty"], "an empty answer"),
    "wrong type": (FAULTS["wrong_type"], "an answer of type text/html"),
    "bare": (FAULTS["bare"], "its answer broke off"),
    "error inside": (Fault.error_inside(502), "status 502"),
    "limit inside": (Fault.error_inside("rate_limit_exceeded"), "status 429"),
    "strange error inside": (Fault.error_inside("???"), "status 502"),
}
WHOLE = ELSEWHERE | {
    "garbage": (FAULTS["garbage"], "an answer that is not JSON"),
    "half a character": (FAULTS["half_character"], "an answer that is not JSON"),
    "hang up midway": (FAULTS["hang_up_midway"], "its answer broke off"),
    "stall": (Fault.stall(5), "no answer in time"),
    "huge": (FAULTS["huge"], "an answer of more than 500000 bytes"),
}
STREAMED = ELSEWHERE | {
    "garbage": (FAULTS["garbage"], "a stream without events"),
}
SMALL = {"limits": {"max_answer_bytes": 500_000}}
HASTE = SMALL | {"timeouts": {"first_byte_s": 0.4, "between_chunks_s": 0.4}}


def tables(fault: Fault) -> dict[str, dict[str, float]]:
    """Little time only where it is to run out: on a busy machine a good answer takes a while."""
    return HASTE if fault.kind in ("slow", "stall") else SMALL


@pytest.mark.parametrize("name", WHOLE)
def test_whole_answers_come_from_the_next_endpoint(run, servers, name: str) -> None:
    fault, reason = WHOLE[name]
    servers[0].faults = [fault]

    async def work(bench: Bench) -> None:
        answer = json.loads(await bench.told(text="é"))
        assert answer["choices"][0]["message"]["content"] == "You said: é"
        assert bench.reasons == [reason, ""]
        assert [attempt.endpoint for attempt in bench.attempts] == ["e0", "e1"]

    run(work, tables(fault), m=[0, 1])
    assert [len(server.requests) for server in servers] == [1, 1]


@pytest.mark.parametrize("name", STREAMED)
def test_streams_come_from_the_next_endpoint(run, servers, name: str) -> None:
    fault, reason = STREAMED[name]
    servers[0].faults = [fault]

    async def work(bench: Bench) -> None:
        assert (await bench.told(stream=True)).endswith(b"data: [DONE]\n\n")
        assert bench.reasons == [reason, ""]

    run(work, tables(fault), m=[0, 1])
    assert [len(server.requests) for server in servers] == [1, 1]


@pytest.mark.parametrize("name", WHOLE)
def test_the_next_model_is_asked_where_there_is_no_other_endpoint(run, servers, name) -> None:
    fault, _ = WHOLE[name]
    servers[0].misbehave = lambda _: fault

    async def work(bench: Bench) -> None:
        async with await bench.ask("m", "n") as reached:
            assert (reached.model, reached.step_index) == ("n", 1)
            assert reached.attempts == tuple(bench.attempts)

    run(work, tables(fault), m=[0], n=[1])
    # At most once more at the same endpoint: there is another model to turn to.
    assert 1 <= len(servers[0].requests) <= 2


def test_nobody_listening(run, servers) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    servers[0].port = port

    async def work(bench: Bench) -> None:
        await bench.told()
        assert bench.reasons == ["no connection", ""]
        assert [attempt.sent for attempt in bench.attempts] == [False, True]

    run(work, m=[0, 1])


def test_connections_that_do_not_come_about_in_time(run, servers) -> None:
    # A full queue of connections that nobody accepts: the next one hangs.
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        servers[0].port = full.getsockname()[1]
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(full.getsockname())

        async def work(bench: Bench) -> None:
            await bench.told()
            assert bench.reasons == ["no connection", ""]

        run(work, {"timeouts": {"connect_s": 0.1}}, m=[0, 1])


@pytest.mark.parametrize("code", [400, 413, 422, 451])
def test_what_the_request_is_to_blame_for_is_returned_as_it_is(run, servers, code: int) -> None:
    body = f'{{"error": {{"message": "bad temperature, {KEY}"}}}}'
    servers[0].replies = [loopback.Reply(code, body)]

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached) as caught:
            await bench.ask("m", "n")
        assert caught.value.status == code
        assert caught.value.body == body.replace(KEY, "[key]").encode()
        assert caught.value.retry_after_s is None
        assert bench.state() == "closed"

    run(work, m=[0, 1], n=[1])
    assert len(servers[1].requests) == 0


TOO_LONG = [
    '{"error": {"code": "context_length_exceeded", "message": "x"}}',
    '{"error": {"message": "This model\'s maximum context length is 8192 tokens. However, ..."}}',
    '{"type": "error", "error": {"type": "invalid_request_error", "message": '
    '"prompt is too long: 210000 tokens > 200000 maximum"}}',
    '{"error": {"message": "The input exceeds the available context size"}}',
]


@pytest.mark.parametrize("body", TOO_LONG)
def test_what_is_too_long_goes_to_the_next_model(run, servers, body: str) -> None:
    servers[0].replies = [loopback.Reply(400, body)]

    async def work(bench: Bench) -> None:
        async with await bench.ask("m", "n") as reached:
            assert reached.model == "n"

    run(work, m=[0, 1], n=[1])
    assert [len(server.requests) for server in servers] == [1, 1]


def test_too_long_for_all_models_is_told_as_the_endpoint_tells_it(run, servers) -> None:
    for server in servers:
        server.replies = [loopback.Reply(400, TOO_LONG[0])]

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached) as caught:
            await bench.ask("m", "n")
        assert caught.value.status == 400
        assert caught.value.body == TOO_LONG[0].encode()

    run(work, m=[0], n=[1])


def test_an_invalid_request_inside_an_answer_is_the_requests_fault(run, servers) -> None:
    servers[0].faults = [Fault.error_inside("invalid_request_error")]

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached) as caught:
            await bench.ask(stream=True)
        assert caught.value.status == 400

    run(work, m=[0, 1])
    assert len(servers[1].requests) == 0


STATUSES = [
    (Fault.status(429), 429),
    (Fault.status(500), 502),
    (Fault.status(503), 503),
    (Fault.status(529), 503),
    (Fault.status(401), 502),
    (Fault.status(404), 502),
    (Fault.slow(5), 504),
    (FAULTS["hang_up"], 502),
    (FAULTS["empty"], 502),
]


@pytest.mark.parametrize(("fault", "status"), STATUSES)
def test_what_the_client_is_told_when_nobody_answers(run, servers, fault, status: int) -> None:
    for server in servers:
        server.misbehave = lambda _: fault

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached) as caught:
            await bench.ask()
        error = caught.value
        assert error.status == status
        assert error.attempts == tuple(bench.attempts)
        assert 2 <= len(error.attempts) <= 8
        assert error.retry_after_s is not None
        assert error.retry_after_s >= 1
        assert KEY not in str(error)
        assert "127.0.0.1" not in str(error)
        assert KEY.encode() not in error.body

    run(work, tables(fault), m=[0, 1])


def test_nobody_waits_for_the_only_endpoint_for_ever(run, servers) -> None:
    servers[0].misbehave = lambda _: Fault.status(500)

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached) as caught:
            await bench.ask()
        assert len(caught.value.attempts) == 5

    run(work, {"retries": {"first_wait_s": 0.001}, "breaker": {"failures": 50}}, m=[0])


def test_the_only_endpoint_is_asked_again_up_to_the_limit(run, servers) -> None:
    servers[0].misbehave = lambda _: Fault.status(500)

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached):
            await bench.ask()

    run(work, {"retries": {"max_attempts": 3}})
    assert len(servers[0].requests) == 3


def test_all_endpoints_are_asked_again_where_there_is_no_other_model(run, servers) -> None:
    for server in servers:
        server.faults = [Fault.status(500), Fault.status(500), None]

    async def work(bench: Bench) -> None:
        await bench.told()

    run(work, m=[0, 1])
    assert [len(server.requests) for server in servers] == [3, 2]


def test_slow_endpoints_are_not_asked_again(run, servers) -> None:
    servers[0].misbehave = lambda _: Fault.slow(5)

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached):
            await bench.ask()

    run(work, HASTE, m=[0])
    assert len(servers[0].requests) == 1


def test_attempts_are_limited_over_endpoints_and_models(run, servers) -> None:
    for server in servers:
        server.misbehave = lambda _: Fault.status(500)

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached):
            await bench.ask("m", "n", "o")

    run(work, {"retries": {"max_attempts": 4}}, m=[0, 1], n=[0, 1], o=[0, 1])
    assert sum(len(server.requests) for server in servers) == 4


def _in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("asked", ["60", "a date"])
def test_a_long_retry_after_leaves_the_endpoint_alone(run, servers, asked: str) -> None:
    asked = _in_seconds(60) if asked == "a date" else asked
    servers[0].faults = [Fault.status(429, retry_after=asked)]

    async def work(bench: Bench) -> None:
        await bench.told("m", "n")
        await bench.told("m", "n")
        (standing, other) = bench.fleet.standing()
        assert standing.state == "open"
        assert 55 < standing.until_s <= 60
        assert other.state == "closed"
        assert not bench.fleet.usable("m")
        with pytest.raises(NotReached) as caught:
            await bench.ask("m")
        assert caught.value.status == 503
        assert 55 < caught.value.retry_after_s <= 60
        assert caught.value.attempts == ()

    run(work, m=[0], n=[1])
    assert [len(server.requests) for server in servers] == [1, 2]


def test_a_short_retry_after_is_waited_out_where_there_is_nothing_else(run, servers) -> None:
    servers[0].faults = [Fault.status(429, retry_after="0.2")]

    async def work(bench: Bench) -> float:
        started = time.monotonic()
        await bench.told()
        return time.monotonic() - started

    assert run(work) >= 0.2
    assert len(servers[0].requests) == 2


def test_another_model_is_not_kept_waiting_by_a_pause(run, servers) -> None:
    servers[0].faults = [Fault.status(429, retry_after="0.2")]

    async def work(bench: Bench) -> None:
        async with await bench.ask("m", "n") as reached:
            assert reached.model == "n"

    run(work, m=[0], n=[1])
    assert len(servers[0].requests) == 1


def test_a_wrong_key_takes_the_endpoint_out_of_use_and_is_logged(run, servers, caplog) -> None:
    servers[0].key = "another"

    async def work(bench: Bench) -> None:
        for _ in range(3):
            await bench.told()
        assert bench.state() == "open"
        assert "set FLEET_TEST_KEY to a valid key" in bench.fleet.standing()[0].last_error

    run(work, m=[0, 1])
    assert len(servers[0].requests) == 1
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "endpoint 'e0': left alone for 10 s" in record.getMessage()
    assert KEY not in caplog.text


def test_a_forbidden_prompt_does_not_take_its_model_along(run, servers, caplog) -> None:
    servers[0].misbehave = lambda call: Fault.status(403) if call.prompt == "flagged" else None

    async def work(bench: Bench) -> None:
        await bench.told(text="flagged")
        assert bench.state() == "closed"
        for _ in range(4):
            await bench.told(text="flagged")
        assert bench.state() == "open"

    run(work, m=[0, 1])
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "status 403: the key may not use the model, or" in record.getMessage()


def test_a_missing_model_does_not_take_its_endpoint_along(run, servers, caplog) -> None:
    servers[0].misbehave = lambda call: Fault.status(404) if call.body["model"] == "m" else None

    async def work(bench: Bench) -> None:
        with pytest.raises(NotReached):
            await bench.ask("m")
        assert not bench.fleet.usable("m")
        await bench.told("n")
        assert bench.state() == "closed"
        assert {m.model: m.state for m in bench.fleet.standing()[0].models} == {
            "m": "open", "n": "closed",
        }  # fmt: skip

    run(work, m=[0], n=[0])
    assert "endpoint 'e0', model 'm': left alone" in caplog.text


def test_a_kept_connection_that_is_dead_is_renewed_in_silence(run, servers) -> None:
    for fault in (FAULTS["close"], FAULTS["hang_up"]):
        servers[0].faults = [None, fault, None]

        async def work(bench: Bench) -> None:
            await bench.told()
            await bench.told()
            assert bench.reasons == ["", ""]
            assert bench.state() == "closed"

        run(work)
    assert len(servers[0].requests) == 6


def test_it_is_renewed_once_only(run, servers) -> None:
    servers[0].faults = [None, FAULTS["close"], FAULTS["close"]]

    async def work(bench: Bench) -> None:
        await bench.told()
        servers[1].requests.clear()
        await bench.told(prefer="e0")
        assert bench.reasons[1:] == ["hung up before it answered", ""]

    run(work, m=[0, 1])
    assert len(servers[0].requests) == 3


def test_nothing_is_asked_again_after_the_first_byte(run, servers) -> None:
    servers[0].faults = [FAULTS["hang_up_midway"]]

    async def work(bench: Bench) -> None:
        async with await bench.ask(stream=True) as reached:
            assert reached.first.startswith(b"data: ")
            with pytest.raises(
                EndpointError, match=r"^the answer broke off: the model's endp"
            ) as e:
                [chunk async for chunk in reached.rest()]
            assert "127.0.0.1" not in str(e.value)
        assert bench.fleet.standing()[0].models[0].failures == 1

    run(work, m=[0, 1])
    assert [len(server.requests) for server in servers] == [1, 0]


def test_a_stream_that_stops_says_so(run, servers) -> None:
    servers[0].faults = [Fault.stall(5)]

    async def work(bench: Bench) -> None:
        async with await bench.ask(stream=True) as reached:
            with pytest.raises(EndpointError, match=r"^the answer stopped: the model's endpoint"):
                [chunk async for chunk in reached.rest()]

    run(work, HASTE, m=[0, 1])
    assert len(servers[1].requests) == 0


def test_comments_before_the_first_event_are_relayed_with_it(run, servers) -> None:
    servers[0].faults = [FAULTS["comments"]]

    async def work(bench: Bench) -> None:
        async with await bench.ask(stream=True) as reached:
            assert reached.first.startswith(b": PROCESSING\n\n")
            assert b"data: {" in reached.first

    run(work)


def test_a_whole_answer_to_a_request_for_a_stream_is_none(run, servers) -> None:
    servers[0].replies = [loopback.chat_reply("hi")]

    async def work(bench: Bench) -> None:
        await bench.told(stream=True)
        assert bench.reasons == ["an answer of type application/json", ""]

    run(work, m=[0, 1])


@pytest.mark.parametrize("stream", [False, True])
def test_text_that_is_not_utf8_is_no_answer(run, servers, stream: bool) -> None:
    broken = b'{"choices": [{"message": {"content": "\xc3"}}]}'
    kind = "text/event-stream" if stream else "application/json"
    body = b"data: " + broken + b"\n\n" if stream else broken
    servers[0].replies = [loopback.Reply(body=body, headers={"content-type": kind})]

    async def work(bench: Bench) -> None:
        await bench.told(stream=stream)
        assert bench.reasons == ["an answer that is not JSON", ""]

    run(work, m=[0, 1])


@pytest.mark.parametrize("error", [{"message": "x", "code": 429}, "overloaded"])
def test_a_whole_error_in_place_of_a_stream(run, servers, error: Any) -> None:
    servers[0].replies = [loopback.Reply(body=json.dumps({"error": error}))]

    async def work(bench: Bench) -> None:
        await bench.told(stream=True)
        assert bench.reasons == [f"status {429 if isinstance(error, dict) else 502}", ""]

    run(work, m=[0, 1])


def test_the_least_loaded_endpoint_is_asked(run, servers) -> None:
    for server in servers:
        server.delay_s = 0.2

    async def work(bench: Bench) -> None:
        await asyncio.gather(*(bench.told() for _ in range(10)))

    run(work, m=[0, 1])
    assert [len(server.requests) for server in servers] == [5, 5]


def test_the_preferred_endpoint_is_asked_first(run, servers) -> None:
    async def work(bench: Bench) -> None:
        for _ in range(3):
            await bench.told(prefer="e1")

    run(work, m=[0, 1])
    assert [len(server.requests) for server in servers] == [0, 3]


def test_a_full_endpoint_is_left_for_the_next_model(run, servers) -> None:
    servers[0].delay_s = 0.5

    async def work(bench: Bench) -> None:
        first = asyncio.create_task(bench.told("m"))
        await asyncio.sleep(0.1)
        async with await bench.ask("m", "n") as reached:
            assert reached.model == "n"
        busy = bench.attempts[0]
        assert (busy.reason, busy.sent) == ("no free slot in time", False)
        with pytest.raises(NotReached) as caught:
            await bench.ask("m")
        assert caught.value.status == 503
        await first

    run(work, endpoint={"max_concurrent": 1}, m=[0], n=[1])
    assert servers[0].most_under_way == 1


def test_a_key_that_cannot_be_read_is_the_endpoints_fault(servers, tmp_path) -> None:
    async def work() -> None:
        broken = Endpoint("broken", servers[0].url, key_file=str(tmp_path / "none"))
        fine = Endpoint("fine", servers[1].url)
        fleet = Fleet({"m": (Asking(broken, "m"), Asking(fine, "m"))}, settings())
        body = b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}'
        step = Step("m", lambda _: Prepared("/chat/completions", body, {}))
        async with await dispatch([step], fleet, fleet.settings.retries) as reached:
            assert reached.attempts[0].reason == "its key cannot be read"
        assert fleet.standing()[0].state == "open"
        await fleet.close()

    asyncio.run(work())


def test_models_without_endpoints_are_not_reached(run) -> None:
    async def work(bench: Bench) -> None:
        for models in (("stranger",), ("stranger", "m")):
            if len(models) == 1:
                with pytest.raises(NotReached, match="stranger"):
                    await bench.ask(*models)
            else:
                await bench.told(*models)

    run(work)

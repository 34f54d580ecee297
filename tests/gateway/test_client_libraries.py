"""The official Python libraries, unmodified, against a running gateway.

Every client's API over endpoints that speak chat and over endpoints that speak messages. The
libraries keep their defaults, retries among them, so each test also counts what they asked for.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from finerouter.gateway.access import new_key
from tests.gateway.running import Gateway, pool_toml, running
from tests.gateway.test_chat import SUM
from tests.loopback import FAULTS, Call, Fault, LoopbackUpstream, ToolUse, embedding

SAID = f"You said: {SUM}"
ASK: Any = [{"role": "user", "content": SUM}]
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
ADD = {"name": "add", "description": "Adds two numbers.", "parameters": SCHEMA}
CHAT_TOOLS: Any = [{"type": "function", "function": ADD}]
RESPONSES_TOOLS: Any = [{"type": "function", "strict": False, **ADD}]
MESSAGES_TOOLS: Any = [{"name": "add", "description": "Adds.", "input_schema": SCHEMA}]
NUMBERS = {"a": 17, "b": 75}


@pytest.fixture(params=("chat", "messages"))
def mixed(
    request: pytest.FixtureRequest, tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> Iterator[Gateway]:
    """A gateway whose endpoint speaks one of two APIs."""
    pool = pool_toml(server, extra=f'api = "{request.param}"')
    with running(tmp_path, router_folder, pool) as started:
        yield started


def gpt(gateway: Gateway, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(**{"api_key": "none", "base_url": f"{gateway.url}/v1", **options})


def claude(gateway: Gateway, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(**{"api_key": "none", "base_url": gateway.url, **options})


def add_once(call: Call) -> list[ToolUse]:
    """A model that adds with its tool, and says what came of it when it is told."""
    told = any(word in call.raw for word in (b'"tool_result"', b'"role":"tool"', b'"role": "tool"'))
    return [] if told else [ToolUse("add", NUMBERS)]


def test_chat_whole(mixed: Gateway, server: LoopbackUpstream) -> None:
    with gpt(mixed) as client:
        raw = client.chat.completions.with_raw_response.create(model="auto", messages=ASK)
    answer = raw.parse()
    assert answer.choices[0].message.content == SAID
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert raw.headers["x-finerouter-model"] == "coder"
    assert raw.headers["x-finerouter-task"]
    assert float(raw.headers["x-finerouter-cost-usd"]) > 0
    record, _ = mixed.found(raw.headers["x-finerouter-decision-id"])
    assert (record.tokens.input, record.tokens.output) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
    )
    assert len(server.requests) == len(mixed.records()) == 1


def test_chat_streamed(mixed: Gateway, server: LoopbackUpstream) -> None:
    with gpt(mixed) as client:
        plain = list(client.chat.completions.create(model="auto", messages=ASK, stream=True))
        counted = list(
            client.chat.completions.create(
                model="auto",
                messages=ASK,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    for chunks in (plain, counted):
        said = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
        assert "".join(said) == SAID
        assert len(said) > 5
    assert all(chunk.choices for chunk in plain)
    assert [bool(chunk.choices) for chunk in counted].count(False) == 1
    assert counted[-1].usage is not None
    assert counted[-1].usage.completion_tokens > 0
    assert len(server.requests) == len(mixed.records()) == 2
    assert not any(record.tokens.estimated for record in mixed.records())


@pytest.mark.parametrize("stream", [False, True])
def test_chat_calls_a_tool_and_gets_its_result(
    mixed: Gateway, server: LoopbackUpstream, stream: bool
) -> None:
    server.uses = add_once
    turns = list(ASK)
    with gpt(mixed) as client:
        fields: Any = {"model": "auto", "messages": turns, "tools": CHAT_TOOLS}
        if stream:
            with client.chat.completions.stream(**fields) as events:
                choice: Any = events.get_final_completion().choices[0]
        else:
            choice = client.chat.completions.create(**fields).choices[0]
        assert choice.finish_reason == "tool_calls"
        (call,) = choice.message.tool_calls
        assert (call.id, call.function.name) == ("call_1", "add")
        assert json.loads(call.function.arguments) == NUMBERS
        turns.append(choice.message.to_dict())
        turns.append({"role": "tool", "tool_call_id": call.id, "content": "92"})
        answer = client.chat.completions.create(**fields)
    assert "92" in str(answer.choices[0].message.content)
    assert len(server.requests) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_messages_call_a_tool_and_get_its_result(
    mixed: Gateway, server: LoopbackUpstream, stream: bool
) -> None:
    server.uses = add_once
    turns = list(ASK)
    with claude(mixed) as client:
        fields: Any = {
            "model": "auto",
            "max_tokens": 500,
            "messages": turns,
            "tools": MESSAGES_TOOLS,
        }
        if stream:
            with client.messages.stream(**fields) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**fields)
        assert message.stop_reason == "tool_use"
        (block,) = message.content
        assert block.type == "tool_use"
        assert (block.id, block.name, block.input) == ("call_1", "add", NUMBERS)
        turns.append({"role": "assistant", "content": message.content})
        result = {"type": "tool_result", "tool_use_id": block.id, "content": "92"}
        turns.append({"role": "user", "content": [result]})
        answer = client.messages.create(**fields)
    assert answer.stop_reason == "end_turn"
    assert answer.content[0].type == "text"
    assert "92" in answer.content[0].text
    assert len(server.requests) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_responses_call_a_tool_and_get_its_result(
    mixed: Gateway, server: LoopbackUpstream, stream: bool
) -> None:
    server.uses = add_once
    items = list(ASK)
    with gpt(mixed) as client:
        fields: Any = {"model": "auto", "input": items, "tools": RESPONSES_TOOLS}
        if stream:
            with client.responses.stream(**fields) as events:
                response: Any = events.get_final_response()
        else:
            response = client.responses.create(**fields)
        (call,) = response.output
        assert (call.type, call.call_id, call.name) == ("function_call", "call_1", "add")
        assert json.loads(call.arguments) == NUMBERS
        items.append(call.to_dict())
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": "92"})
        assert "92" in client.responses.create(**fields).output_text
    assert len(server.requests) == 2


def test_messages_whole_and_streamed(mixed: Gateway, server: LoopbackUpstream) -> None:
    with claude(mixed) as client:
        whole = client.messages.create(model="auto", max_tokens=500, messages=ASK)
        with client.messages.stream(model="auto", max_tokens=500, messages=ASK) as stream:
            words = list(stream.text_stream)
            final = stream.get_final_message()
    assert "".join(words) == SAID
    assert len(words) > 5
    for message in (whole, final):
        assert message.content[0].type == "text"
        assert message.content[0].text == SAID
        assert message.stop_reason == "end_turn"
        assert message.usage.output_tokens > 0
    assert len(server.requests) == len(mixed.records()) == 2
    assert not any(record.tokens.estimated for record in mixed.records())


def test_responses_whole_and_streamed(mixed: Gateway, server: LoopbackUpstream) -> None:
    with gpt(mixed) as client:
        whole = client.responses.create(model="auto", input=SUM)
        with client.responses.stream(model="auto", input=SUM) as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_response()
    for response in (whole, final):
        assert response.output_text == SAID
        assert response.status == "completed"
        assert response.usage is not None
        assert response.usage.total_tokens > 0
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert len(server.requests) == len(mixed.records()) == 2


def test_many_asynchronous_clients_at_once(mixed: Gateway, server: LoopbackUpstream) -> None:
    async def chat(client: openai.AsyncOpenAI, number: int) -> str:
        turns: Any = [{"role": "user", "content": f"Number {number}"}]
        stream = await client.chat.completions.create(model="auto", messages=turns, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def message(client: anthropic.AsyncAnthropic, number: int) -> str:
        turns: Any = [{"role": "user", "content": f"Number {number}"}]
        async with client.messages.stream(model="auto", max_tokens=50, messages=turns) as stream:
            return await stream.get_final_text()

    async def all_of_them() -> list[str]:
        async with (
            openai.AsyncOpenAI(api_key="none", base_url=f"{mixed.url}/v1") as one,
            anthropic.AsyncAnthropic(api_key="none", base_url=mixed.url) as other,
        ):
            response = await one.responses.create(model="auto", input="Number 20")
            asked = [chat(one, n) if n % 2 else message(other, n) for n in range(20)]
            return [*await asyncio.gather(*asked), response.output_text]

    assert asyncio.run(all_of_them()) == [f"You said: Number {n}" for n in range(21)]
    assert len(server.requests) == len(mixed.records()) == 21


def test_own_fields_and_headers_go_through_the_libraries(mixed: Gateway) -> None:
    with gpt(mixed) as client:
        by_body = client.chat.completions.with_raw_response.create(
            model="auto", messages=ASK, extra_body={"finerouter": {"min_quality": 0.0}}
        )
        by_header = client.chat.completions.with_raw_response.create(
            model="auto", messages=ASK, extra_headers={"x-finerouter-models": "scholar"}
        )
    assert by_body.headers["x-finerouter-model"] == "tiny"
    assert by_header.headers["x-finerouter-model"] == "scholar"


def test_embeddings(gateway: Gateway) -> None:
    with gpt(gateway) as client:
        found = client.embeddings.create(model="tiny", input=["one", "two"])
        with pytest.raises(openai.BadRequestError, match="name the model"):
            client.embeddings.create(model="auto", input="one")
    assert [item.index for item in found.data] == [1, 0]
    # The library asks for packed numbers of 32 bits.
    assert found.data[1].embedding == pytest.approx(embedding("one"), rel=1e-6)
    assert found.usage.total_tokens > 0


def test_models_are_listed_and_found(gateway: Gateway) -> None:
    with gpt(gateway) as one, claude(gateway) as other:
        names = [model.id for model in one.models.list()]
        assert names == [model.id for model in other.models.list()]
        assert names[:3] == ["auto", "auto:best", "coder"]
        assert one.models.retrieve("auto:best").id == "auto:best"
        assert other.models.retrieve("tiny").display_name == "tiny"
        with pytest.raises(openai.NotFoundError):
            one.models.retrieve("nothing")
        with pytest.raises(anthropic.NotFoundError):
            other.models.retrieve("nothing")


def test_what_the_caller_did_wrong_is_raised_once(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    nothing: Any = "nothing"
    with gpt(gateway) as one, claude(gateway) as other:
        with pytest.raises(openai.NotFoundError, match="there is no model") as unknown:
            one.chat.completions.create(model="nothing", messages=ASK)
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError):
            one.chat.completions.create(model="auto", messages=ASK, stream=nothing)
        with pytest.raises(anthropic.NotFoundError, match="there is no model"):
            other.messages.create(model="nothing", max_tokens=5, messages=ASK)
        with pytest.raises(anthropic.BadRequestError, match="unknown field"):
            other.messages.create(
                model="auto", max_tokens=5, messages=ASK, extra_body={"finerouter": {"cost": 1}}
            )
        server.faults = [Fault.status(400), Fault.status(422)]
        with pytest.raises(openai.BadRequestError, match="on demand"):
            one.chat.completions.create(model="auto", messages=ASK)
        with pytest.raises(openai.UnprocessableEntityError, match="on demand"):
            one.responses.create(model="auto", input=SUM)
    assert len(server.requests) == 2


def test_a_wrong_key_is_an_authentication_error(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    key = new_key("app")
    with running(tmp_path, router_folder, pool_toml(server), key.toml) as gateway:
        for wrong in ("sk-of-somebody", new_key("stranger").key):
            with gpt(gateway, api_key=wrong) as one, pytest.raises(openai.AuthenticationError):
                one.chat.completions.create(model="auto", messages=ASK)
            with (
                claude(gateway, api_key=wrong) as other,
                pytest.raises(anthropic.AuthenticationError),
            ):
                other.messages.create(model="auto", max_tokens=5, messages=ASK)
        assert not server.requests
        with gpt(gateway, api_key=key.key) as one, claude(gateway, api_key=key.key) as other:
            assert one.chat.completions.create(model="auto", messages=ASK).id
            assert other.messages.create(model="auto", max_tokens=5, messages=ASK).id
            # What a key may not do is another error than that of a wrong one.
            with pytest.raises(openai.PermissionDeniedError):
                one.get(f"{gateway.url}/metrics", cast_to=object)


class Arrivals:
    """When a library's requests went out and what came back, by hooks of its own HTTP client."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.statuses: list[int] = []
        self.hooks: Any = {"request": [self._sent], "response": [self._got]}

    def _sent(self, _: Any) -> None:
        self.times.append(time.monotonic())

    def _got(self, response: Any) -> None:
        self.statuses.append(response.status_code)


def test_a_library_waits_as_long_as_it_is_told(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    config = "[limits]\nmax_concurrent = 1"
    server.delay_s = 0.5
    seen = Arrivals()
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        first = threading.Thread(target=gateway.chat, args=(SUM,))
        first.start()
        while not server.requests:
            time.sleep(0.005)
        with gpt(gateway, http_client=openai.DefaultHttpxClient(event_hooks=seen.hooks)) as client:
            assert client.chat.completions.create(model="auto", messages=ASK).id
        first.join()
    assert seen.statuses == [429, 200]
    assert seen.times[1] - seen.times[0] >= 1.0


def test_limits_are_rate_limit_errors(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    key = new_key("app")
    config = f"{key.toml}requests_per_minute = 1"
    with running(tmp_path, router_folder, pool_toml(server), config) as gateway:
        with gpt(gateway, api_key=key.key, max_retries=0) as one:
            one.chat.completions.create(model="auto", messages=ASK)
            with pytest.raises(openai.RateLimitError, match="requests a minute") as told:
                one.chat.completions.create(model="auto", messages=ASK)
        assert 50 <= int(told.value.response.headers["retry-after"]) <= 60
        with (
            claude(gateway, api_key=key.key, max_retries=0) as other,
            pytest.raises(anthropic.RateLimitError, match="requests a minute"),
        ):
            other.messages.create(model="auto", max_tokens=5, messages=ASK)


def test_a_spent_budget_is_asked_for_once(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    seen, also = Arrivals(), Arrivals()
    hooked = openai.DefaultHttpxClient(event_hooks=seen.hooks)
    also_hooked = anthropic.DefaultHttpxClient(event_hooks=also.hooks)
    config = "[budget]\nmonth_usd = 0"
    with (
        running(tmp_path, router_folder, pool_toml(server), config) as gateway,
        gpt(gateway, http_client=hooked) as one,
        claude(gateway, http_client=also_hooked) as other,
    ):
        with pytest.raises(openai.RateLimitError) as told:
            one.chat.completions.create(model="auto", messages=ASK)
        with pytest.raises(anthropic.RateLimitError):
            other.messages.create(model="auto", max_tokens=5, messages=ASK)
    assert told.value.code == "insufficient_quota"
    # Nothing changes before the window ends, so the libraries are told not to try again.
    assert (seen.statuses, also.statuses) == ([429], [429])
    assert not server.requests


def test_a_long_pause_of_an_endpoint_is_slept_through_by_no_library(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.misbehave = lambda _: Fault.status(429, retry_after="3600")
    with gpt(gateway) as one, claude(gateway) as other:
        with pytest.raises(openai.RateLimitError):
            one.chat.completions.create(model="tiny", messages=ASK)
        with pytest.raises(anthropic.APIStatusError):
            other.with_options(timeout=5).messages.create(model="tiny", max_tokens=5, messages=ASK)
    assert len(server.requests) <= 2


def test_endpoints_in_trouble_are_no_connection_errors(
    gateway: Gateway, server: LoopbackUpstream
) -> None:
    server.misbehave = lambda _: FAULTS["hang_up"]
    with gpt(gateway, max_retries=0) as one, claude(gateway, max_retries=0) as other:
        with pytest.raises(openai.InternalServerError) as of_openai:
            one.chat.completions.create(model="auto", messages=ASK)
        with pytest.raises(anthropic.InternalServerError) as of_anthropic:
            other.messages.create(model="auto", max_tokens=5, messages=ASK)
    assert of_openai.value.status_code in (502, 503)
    assert of_anthropic.value.status_code in (502, 503)


def test_a_stream_that_breaks_off_raises_the_librarys_error(
    mixed: Gateway, server: LoopbackUpstream
) -> None:
    server.misbehave = lambda _: FAULTS["hang_up_midway"]
    with gpt(mixed) as one, claude(mixed) as other:
        with pytest.raises(openai.APIError, match="broke off"):
            list(one.chat.completions.create(model="auto", messages=ASK, stream=True))
        with (
            pytest.raises(anthropic.APIError, match="broke off"),
            other.messages.stream(model="auto", max_tokens=5, messages=ASK) as stream,
        ):
            stream.get_final_message()
        events = list(one.responses.create(model="auto", input=SUM, stream=True))
    assert events[-1].type == "error"
    assert "broke off" in events[-1].message
    # What has begun is asked again by nobody.
    assert len(server.requests) == 3
    assert [record.outcome for record in mixed.records()] == ["broken"] * 3


def test_who_leaves_at_the_last_word_has_all_of_the_answer(
    mixed: Gateway, server: LoopbackUpstream
) -> None:
    # The libraries close the connection there, before the endpoint has closed its own.
    server.misbehave = lambda _: Fault.linger(0.5)
    with gpt(mixed) as one, claude(mixed) as other:
        list(one.chat.completions.create(model="auto", messages=ASK, stream=True))
        list(other.messages.create(model="auto", max_tokens=5, messages=ASK, stream=True))
        list(one.responses.create(model="auto", input=SUM, stream=True))
    until = time.monotonic() + 10
    while mixed.service.parts.admission.under_way:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert [record.outcome for record in mixed.records()] == ["ok"] * 3

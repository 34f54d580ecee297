"""The official client libraries, unmodified, read what translations make, over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import openai
import pytest
from aiohttp import web

from finerouter.asking import Parameters
from finerouter.gateway.api_errors import error_body, error_event
from finerouter.gateway.sse import Event, encode
from finerouter.gateway.translating import obstacles, translation
from tests.gateway.translating import stories

PATHS = {"/v1/chat/completions": "chat", "/v1/messages": "messages", "/v1/responses": "responses"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALLING = ("chat", "messages", "responses")


class Translator:
    """A server that speaks every API of clients; behind it, one endpoint's canned story.

    Attributes:
        target: the endpoint's API.
        asked: bodies as they would have gone to the endpoint.
        answer, events: what the endpoint answers, None for its story.
        refuse: a status with which every request is refused, 0 for none.
        breaks: whether streams break off with an error after the first event.
    """

    def __init__(self) -> None:
        self.port = 0
        self.target = "chat"
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] | None = None
        self.events: list[Event] | None = None
        self.refuse = 0
        self.breaks = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        source, fields = PATHS[request.path], await request.json()
        if self.refuse:
            body = error_body(source, self.refuse, "no room today", request_id="abc")
            return web.Response(body=body, status=self.refuse, content_type="application/json")
        assert obstacles(fields, source, self.target, Parameters()) == []
        translated = translation(source, self.target)
        self.asked.append(translated.request(fields))
        if fields.get("stream"):
            return await self._stream(request, source, fields)
        answer = self.answer or stories.WHOLE[self.target]()
        return web.json_response(translated.answer(answer, model="seen-name", asked=fields))

    async def _stream(
        self, request: web.Request, source: str, fields: dict[str, Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        stream = translation(source, self.target).stream(model="seen-name", asked=fields)
        events = self.events or stories.STREAMED[self.target]()
        for event in events[:1] if self.breaks else events:
            await response.write(stream.feed(event))
        last = error_event(source, "it broke") if self.breaks else stream.end()
        await response.write(last)
        return response


@pytest.fixture(scope="module")
def server() -> Iterator[Translator]:
    with _running(Translator()) as translator:
        yield translator


@contextmanager
def _running(translator: Translator) -> Iterator[Translator]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def done(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    app = web.Application()
    for path in PATHS:
        app.router.add_post(path, translator.handle)
    runner = web.AppRunner(app)
    done(runner.setup())
    site = web.TCPSite(runner, "127.0.0.1", 0)
    done(site.start())
    translator.port = runner.addresses[0][1]
    yield translator
    done(runner.cleanup())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def behind(server: Translator) -> Translator:
    server.asked, server.answer, server.events = [], None, None
    server.refuse, server.breaks = 0, False
    return server


@pytest.fixture
def gpt(server: Translator) -> Iterator[openai.OpenAI]:
    url = f"http://127.0.0.1:{server.port}/v1"
    with openai.OpenAI(
        api_key="k", base_url=url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
def claude(server: Translator) -> Iterator[anthropic.Anthropic]:
    url = f"http://127.0.0.1:{server.port}"
    with anthropic.Anthropic(
        api_key="k", base_url=url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


CHAT_TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
CHAT: Any = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Weather in Paris and Lima?"}],
    "tools": [CHAT_TOOL],
}
MESSAGES: Any = {
    "model": "auto",
    "max_tokens": 2000,
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "messages": [{"role": "user", "content": "Weather in Paris and Lima?"}],
    "tools": [{"name": "get_weather", "input_schema": SCHEMA}],
}
RESPONSES: Any = {
    "model": "auto",
    "input": "Weather in Paris and Lima?",
    "tools": [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}],
}


def check_chat(message: Any) -> None:
    assert message.content == stories.WORDS
    calls = [(c.id, c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls]
    assert calls == stories.CALLS


def check_chat_usage(usage: Any) -> None:
    assert (usage.prompt_tokens, usage.completion_tokens) == (stories.INPUT, stories.OUTPUT)
    assert usage.prompt_tokens_details.cached_tokens == stories.CACHED
    assert usage.completion_tokens_details.reasoning_tokens == stories.REASONING


def check_message(message: anthropic.types.Message) -> None:
    thought, words, *calls = message.content
    assert (thought.type, words.type) == ("thinking", "text")
    assert (thought.thinking, words.text) == (stories.THOUGHT, stories.WORDS)
    found = [(c.id, c.name, c.input) for c in calls if c.type == "tool_use"]
    assert found == stories.CALLS
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert usage.input_tokens == stories.INPUT - stories.CACHED
    assert (usage.cache_read_input_tokens, usage.output_tokens) == (stories.CACHED, stories.OUTPUT)


def check_response(response: Any) -> None:
    assert response.status == "completed"
    assert response.output_text == stories.WORDS
    assert [item.type for item in response.output] == [
        "reasoning", "message", "function_call", "function_call",
    ]  # fmt: skip
    assert response.output[0].summary[0].text == stories.THOUGHT
    calls = [(c.call_id, c.name, json.loads(c.arguments)) for c in response.output[2:]]
    assert calls == stories.CALLS
    assert response.usage.input_tokens_details.cached_tokens == stories.CACHED
    assert response.usage.output_tokens == stories.OUTPUT


@pytest.mark.parametrize("target", CALLING)
def test_chat_whole(behind: Translator, gpt: openai.OpenAI, target: str) -> None:
    behind.target = target
    answer = gpt.chat.completions.create(**CHAT)
    check_chat(answer.choices[0].message)
    check_chat_usage(answer.usage)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert target == "chat" or answer.model == "seen-name"


@pytest.mark.parametrize("target", CALLING)
def test_chat_streamed(behind: Translator, gpt: openai.OpenAI, target: str) -> None:
    behind.target = target
    with gpt.chat.completions.stream(**CHAT, stream_options={"include_usage": True}) as stream:
        events = list(stream)
        answer = stream.get_final_completion()
    check_chat(answer.choices[0].message)
    check_chat_usage(answer.usage)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert "tool_calls.function.arguments.done" in {event.type for event in events}


@pytest.mark.parametrize("target", CALLING)
def test_chat_streamed_without_usage(behind: Translator, gpt: openai.OpenAI, target: str) -> None:
    behind.target = target
    chunks = list(gpt.chat.completions.create(**CHAT, stream=True))
    # A client that did not ask for usage may look into the first choice of every chunk.
    assert all(chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("target", CALLING)
def test_messages_whole(behind: Translator, claude: anthropic.Anthropic, target: str) -> None:
    behind.target = target
    check_message(claude.messages.create(**MESSAGES))


@pytest.mark.parametrize("target", CALLING)
def test_messages_streamed(behind: Translator, claude: anthropic.Anthropic, target: str) -> None:
    behind.target = target
    with claude.messages.stream(**MESSAGES) as stream:
        kinds = [event.type for event in stream]
        check_message(stream.get_final_message())
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 4


@pytest.mark.parametrize("target", ["chat", "responses"])
def test_thoughts_are_shown_to_whoever_asked_for_them(
    behind: Translator, claude: anthropic.Anthropic, target: str
) -> None:
    behind.target = target
    fields = {**MESSAGES, "thinking": anthropic.NOT_GIVEN}
    whole = claude.messages.create(**fields)
    with claude.messages.stream(**fields) as stream:
        streamed = stream.get_final_message()
    for message in (whole, streamed):
        assert [block.type for block in message.content] == ["text", "tool_use", "tool_use"]


@pytest.mark.parametrize("target", CALLING)
def test_responses_whole(behind: Translator, gpt: openai.OpenAI, target: str) -> None:
    behind.target = target
    check_response(gpt.responses.create(**RESPONSES))


@pytest.mark.parametrize("target", ["chat", "messages"])
def test_responses_streamed(behind: Translator, gpt: openai.OpenAI, target: str) -> None:
    behind.target = target
    with gpt.responses.stream(**RESPONSES) as stream:
        events = list(stream)
        check_response(stream.get_final_response())
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"


def test_a_base_model_answers_every_client(
    behind: Translator, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    behind.target = "completions"
    turns: Any = [{"role": "user", "content": "Hello"}]
    chat = gpt.chat.completions.create(model="auto", messages=turns)
    message = claude.messages.create(model="auto", messages=turns, max_tokens=9)
    response = gpt.responses.create(model="auto", input="Hello")
    block = message.content[0]
    said = {
        chat.choices[0].message.content,
        response.output_text,
        block.type == "text" and block.text,
    }
    assert said == {stories.WORDS}
    assert [body["prompt"] for body in behind.asked] == ["Hello"] * 3
    with claude.messages.stream(model="auto", messages=turns, max_tokens=9) as stream:
        assert stream.get_final_text() == stories.WORDS
    with gpt.responses.stream(model="auto", input="Hello") as events:
        assert events.get_final_response().output_text == stories.WORDS


def test_an_answer_that_was_cut_says_so(
    behind: Translator, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    behind.target = "completions"
    behind.answer = stories.completions_answer()
    behind.answer["choices"][0]["finish_reason"] = "length"
    turns: Any = [{"role": "user", "content": "Hello"}]
    response = gpt.responses.create(model="auto", input="Hello")
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    message = claude.messages.create(model="auto", messages=turns, max_tokens=9)
    assert message.stop_reason == "max_tokens"
    chat = gpt.chat.completions.create(model="auto", messages=turns)
    assert chat.choices[0].finish_reason == "length"


def test_a_refusal_reaches_every_client(
    behind: Translator, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    behind.target = "chat"
    refused = {"role": "assistant", "content": None, "refusal": "I may not."}
    choice = {"index": 0, "message": refused, "finish_reason": "stop"}
    behind.answer = {**stories.chat_answer(), "choices": [choice]}
    behind.events = [
        stories.chunk({"refusal": "I may"}),
        stories.chunk({"refusal": " not."}),
        stories.chunk({}, "stop"),
        Event("", b"[DONE]"),
    ]
    part = gpt.responses.create(**RESPONSES).output[0].content[0]  # type: ignore[union-attr,index]
    assert (part.type, part.refusal) == ("refusal", "I may not.")  # type: ignore[union-attr]
    with gpt.responses.stream(**RESPONSES) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.refusal.done" in kinds
    assert final.output[0].content[0].refusal == "I may not."  # type: ignore[union-attr,index]
    with claude.messages.stream(**MESSAGES) as events:
        message = events.get_final_message()
    assert message.stop_reason == "refusal"
    assert message.content[0].text == "I may not."  # type: ignore[union-attr]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_refusals_raise_what_the_libraries_raise(
    behind: Translator, gpt: openai.OpenAI, claude: anthropic.Anthropic, status: int
) -> None:
    behind.refuse = status
    with pytest.raises(openai.APIStatusError) as of_openai:
        gpt.chat.completions.create(**CHAT)
    assert of_openai.value.status_code == status
    assert "no room today" in of_openai.value.message
    assert of_openai.value.type
    with pytest.raises(anthropic.APIStatusError) as of_anthropic:
        claude.messages.create(**MESSAGES)
    assert of_anthropic.value.status_code == status
    body = of_anthropic.value.body
    parsed = anthropic.types.ErrorResponse.model_validate(body)
    assert (parsed.error.message, parsed.request_id) == ("no room today", "abc")


def test_a_stream_that_breaks_raises(
    behind: Translator, gpt: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    behind.breaks = True
    with pytest.raises(openai.APIError, match="it broke"):
        list(gpt.chat.completions.create(**CHAT, stream=True))
    with pytest.raises(anthropic.APIError, match="it broke"):
        list(claude.messages.create(**MESSAGES, stream=True))
    events = list(gpt.responses.create(**RESPONSES, stream=True))
    assert events[-1].type == "error"
    assert events[-1].message == "it broke"


def test_encoded_events_are_what_the_libraries_read() -> None:
    assert encode(Event("a", b"1\n2")) == b"event: a\ndata: 1\ndata: 2\n\n"

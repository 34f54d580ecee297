"""Requests in another API: the shapes of the documents, one by one, and what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic.types import MessageParam, ToolParam
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from finerouter.asking import Parameters
from finerouter.errors import UserError
from finerouter.gateway.translating import obstacles, translation

PNG = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOSED = {**SCHEMA, "additionalProperties": False}
Json = dict[str, Any]

CHAT: Json = {
    "model": "auto",
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this, and the weather there?"},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
                },
                {
                    "id": "functions.weather:1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": ""},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "functions.weather:1", "content": ""},
        {"role": "user", "content": "And?"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Tells it.",
                "parameters": SCHEMA,
                "strict": True,
            },
        }
    ],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "max_completion_tokens": 300,
    "temperature": 1.4,
    "top_p": 0.9,
    "stop": "END",
    "reasoning_effort": "minimal",
    "user": "u1",
    "metadata": {"team": "a"},
    "seed": 7,
    "n": 1,
    "stream": True,
}
MESSAGES: Json = {
    "model": "auto",
    "max_tokens": 300,
    "system": [
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Be brief."},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?", "cache_control": {"type": "ephemeral"}},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
                },
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.jpg"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"},
                {"type": "redacted_thinking", "data": "xx"},
                {"type": "text", "text": "I look."},
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "weather",
                    "input": {"city": "Paris"},
                },
                {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "sunny"}, {"type": "text", "text": "20°"}],
                },
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True},
                {"type": "text", "text": "And?"},
            ],
        },
    ],
    "tools": [{"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "stop_sequences": ["END"],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "high"},
    "metadata": {"user_id": "u1"},
    "temperature": 0.5,
}
RESPONSES: Json = {
    "model": "auto",
    "instructions": "Be kind.",
    "input": [
        {"role": "developer", "content": "Be brief."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": PNG, "detail": "auto"},
            ],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "xx"},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "weather",
            "arguments": '{"city":"Paris"}',
        },
        {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
        {
            "type": "function_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "rain"}],
        },
    ],
    "tools": [
        {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True},
    ],
    "tool_choice": {"type": "function", "name": "weather"},
    "max_output_tokens": 300,
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "text": {"format": {"type": "json_schema", "name": "w", "schema": SCHEMA, "strict": True}},
    "safety_identifier": "u1",
    "stream": True,
}


def asked(fields: Json, source: str, target: str) -> Json:
    assert obstacles(fields, source, target, Parameters()) == []
    return translation(source, target).request(fields)


def user(content: Any, **fields: Any) -> Json:
    return {"model": "auto", "messages": [{"role": "user", "content": content}], **fields}


def call(call_id: str, arguments: str) -> Json:
    function = {"name": "weather", "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def test_chat_to_messages() -> None:
    assert asked(CHAT, "chat", "messages") == {
        "model": "auto",
        "system": [{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this, and the weather there?"},
                    MESSAGES["messages"][0]["content"][1],
                    MESSAGES["messages"][0]["content"][2],
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool_use",
                        "id": "call_1",
                        "name": "weather",
                        "input": {"city": "Paris"},
                    },
                    {
                        "type": "tool_use",
                        "id": "functions_weather_1",
                        "name": "weather",
                        "input": {},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"},
                    {"type": "tool_result", "tool_use_id": "functions_weather_1"},
                    {"type": "text", "text": "And?"},
                ],
            },
        ],
        "tools": [
            {
                "name": "weather",
                "description": "Tells it.",
                "input_schema": CLOSED,
                "strict": True,
            }
        ],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "max_tokens": 300,
        "temperature": 1.0,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "output_config": {"effort": "low"},
        "metadata": {"user_id": "u1"},
        "stream": True,
    }


def test_messages_to_chat() -> None:
    assert asked(MESSAGES, "messages", "chat") == {
        "model": "auto",
        "messages": [
            {"role": "system", "content": "Be kind.\n\nBe brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": PNG}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
                ],
            },
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [call("toolu_1", '{"city":"Paris"}'), call("toolu_2", "{}")],
            },
            {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny\n20°"},
            {"role": "tool", "tool_call_id": "toolu_2", "content": "Error"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "Tells it.",
                    "parameters": SCHEMA,
                },
            }
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "max_tokens": 300,
        "stop": ["END"],
        "reasoning_effort": "high",
        "user": "u1",
        "temperature": 0.5,
    }


def test_responses_to_chat() -> None:
    assert asked(RESPONSES, "responses", "chat") == {
        "model": "auto",
        "messages": [
            {"role": "system", "content": "Be kind.\n\nBe brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": PNG}},
                ],
            },
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [call("call_1", '{"city":"Paris"}'), call("call_2", "{}")],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "call_2", "content": "rain"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "parameters": SCHEMA, "strict": True},
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "max_tokens": 300,
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "w", "schema": SCHEMA, "strict": True},
        },
        "user": "u1",
        "stream": True,
    }


def test_responses_to_messages() -> None:
    body = asked(RESPONSES, "responses", "messages")
    assert body["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": CLOSED},
    }
    assert body["tool_choice"] == {"type": "tool", "name": "weather"}
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [block["type"] for block in body["messages"][1]["content"]] == [
        "text", "tool_use", "tool_use",
    ]  # fmt: skip


def test_to_responses_nothing_is_stored() -> None:
    chat = {**CHAT, "stop": None}
    body = asked(chat, "chat", "responses")
    assert body["store"] is False
    assert body["max_output_tokens"] == 300
    assert [item.get("type", item.get("role")) for item in body["input"]] == [
        "system", "system", "user", "function_call", "function_call", "function_call_output",
        "function_call_output", "user",
    ]  # fmt: skip
    assert asked({**MESSAGES, "stop_sequences": None}, "messages", "responses")["reasoning"] == {
        "effort": "high"
    }


def forced(value: Any) -> Any:
    """Whatever a validator left to be looked at later, looked at."""
    if isinstance(value, dict):
        return {key: forced(inner) for key, inner in value.items()}
    if isinstance(value, str | bytes | int | float | bool | None):
        return value
    return [forced(inner) for inner in value]


@pytest.mark.parametrize(
    ("fields", "source"), [(CHAT, "chat"), (MESSAGES, "messages"), (RESPONSES, "responses")]
)
def test_bodies_are_what_the_client_libraries_would_send(fields: Json, source: str) -> None:
    fields = {**fields, "stop": None, "stop_sequences": None}
    fields.pop("stop_sequences" if source != "messages" else "stop")
    checks: list[tuple[str, str, Any]] = [
        ("messages", "messages", MessageParam),
        ("messages", "tools", ToolParam),
        ("chat", "messages", ChatCompletionMessageParam),
        ("responses", "input", ResponseInputItemParam),
    ]
    for target, name, kind in checks:
        if target != source:
            body = asked(fields, source, target)
            assert forced(TypeAdapter(list[kind]).validate_python(body[name])) == body[name]


def test_turns_become_one_text_for_a_base_model() -> None:
    turns = [
        {"role": "system", "content": "Translate."},
        {"role": "user", "content": "Q: cat\nA:"},
        {"role": "assistant", "content": "chat"},
        {"role": "user", "content": "Q: dog\nA:"},
    ]
    fields = {"messages": turns, "max_tokens": 5, "stop": ["\n"], "seed": 3, "temperature": 2}
    assert asked(fields, "chat", "completions") == {
        "model": None,
        "prompt": "Translate.\n\nQ: cat\nA: chat\n\nQ: dog\nA:",
        "max_tokens": 5,
        "stop": ["\n"],
        "seed": 3,
        "temperature": 2,
    }


def test_a_refusal_in_the_history_is_what_was_said() -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "user", "content": "Why?"},
    ]
    body = asked({"messages": turns}, "chat", "messages")
    assert body["messages"][1] == {"role": "assistant", "content": "No."}


def test_empty_texts_are_left_out_where_they_are_refused() -> None:
    turns = [
        {"role": "system", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "a"}]},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "b"},
    ]
    body = asked({"messages": turns}, "chat", "messages")
    assert "system" not in body
    both = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert body["messages"] == [{"role": "user", "content": both}]


def test_no_reasoning_is_no_thinking() -> None:
    body = asked(user("hi", reasoning_effort="none"), "chat", "messages")
    assert body["thinking"] == {"type": "disabled"}
    assert "output_config" not in body


def test_tools_examples_go_into_their_schema() -> None:
    tool = {"name": "t", "input_schema": SCHEMA, "input_examples": [{"city": "Rome"}]}
    body = asked(user("hi", tools=[tool]), "messages", "chat")
    assert body["tools"][0]["function"]["parameters"]["examples"] == [{"city": "Rome"}]


def test_what_an_error_was_stays_an_error() -> None:
    results = [
        {"type": "tool_result", "tool_use_id": "a", "content": "no such file", "is_error": True},
        {"type": "tool_result", "tool_use_id": "b", "content": "Error: again", "is_error": True},
    ]
    body = asked(user(results), "messages", "chat")
    assert [turn["content"] for turn in body["messages"]] == ["Error: no such file", "Error: again"]
    items = asked(user(results), "messages", "responses")["input"]
    assert [item["output"] for item in items] == ["Error: no such file", "Error: again"]


def test_image_results_go_where_they_can() -> None:
    image = MESSAGES["messages"][0]["content"][1]
    result = {"type": "tool_result", "tool_use_id": "a", "content": [image]}
    [item] = asked(user([result]), "messages", "responses")["input"]
    assert item["output"][1] == {"type": "input_image", "image_url": PNG, "detail": "auto"}
    assert obstacles(user([result]), "messages", "chat", Parameters())


TOOL = CHAT["tools"][0]
FILE = {"type": "file", "file": {"file_id": "f"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
DOCUMENT = {"type": "document", "source": {"type": "text", "data": "x", "media_type": "text/plain"}}
OPEN = {"type": "object", "additionalProperties": {"type": "string"}}
JSON_OBJECT = {"type": "json_object"}


def schema_form(schema: Json) -> Json:
    return {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}


@pytest.mark.parametrize(
    ("fields", "target", "words"),
    [
        (user("hi", n=2), "messages", "n = 2"),
        (user("hi", logprobs=True), "messages", "logprobs"),
        (user("hi", modalities=["text", "audio"]), "messages", "modalities"),
        (user("hi", store=True), "messages", "store"),
        (user("hi", presence_penalty=0.5), "messages", "presence_penalty"),
        (user("hi", verbosity="low"), "messages", "verbosity"),
        (user("hi", web_search_options={}), "messages", "web_search_options"),
        (user("hi", some_new_field=1), "messages", "some_new_field"),
        (user([FILE]), "messages", "'file'"),
        (user([AUDIO]), "messages", "'input_audio'"),
        (user("hi", response_format=JSON_OBJECT), "messages", "schema"),
        (user("hi", response_format=schema_form(OPEN)), "messages", "further properties"),
        (user("hi", reasoning_effort="strange"), "messages", "reasoning effort"),
        (user("hi", tools=[{"type": "custom", "custom": {}}]), "messages", "'custom'"),
        (user("hi", tool_choice={"type": "allowed_tools"}), "messages", "tool_choice"),
        (user("hi", temperature="hot"), "messages", "temperature is not a number"),
        (user([{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,"}}]),
         "messages", "image/tiff"),
        (user([{"type": "image_url", "image_url": {}}]), "messages", "no address"),
        (user("hi", tools=[TOOL]), "completions", "no tools"),
        (user([{"type": "image_url", "image_url": {"url": PNG}}]), "completions", "texts only"),
        (user("hi", response_format=JSON_OBJECT), "completions", "response format"),
        (user("hi", stop=["x"]), "responses", "stop"),
        (user(" "), "messages", "empty"),
        ({"messages": []}, "messages", "nothing is asked"),
        ({"messages": "hi"}, "messages", "not a list"),
        ({"messages": [{"role": "function", "content": ""}]}, "messages", "'function'"),
        ({"messages": [{"role": "assistant", "content": "It is"}]}, "messages", "ends with"),
        ({"messages": [{"role": "user", "content": "hi"},
                       {"role": "assistant", "tool_calls": [call("a", "{oops")]},
                       {"role": "tool", "tool_call_id": "a", "content": "x"}]},
         "messages", "no JSON object"),
    ],
)  # fmt: skip
def test_what_of_chat_stands_in_the_way(fields: Json, target: str, words: str) -> None:
    found = obstacles(fields, "chat", target, Parameters())
    assert any(words in note for note in found), found
    assert obstacles(fields, "chat", "chat", Parameters()) == []
    with pytest.raises(UserError, match="cannot be asked"):
        translation("chat", target).request(fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (user([DOCUMENT]), "'document'"),
        (user([{"type": "search_result"}]), "'search_result'"),
        (user([{"type": "image", "source": {"type": "file", "file_id": "f"}}]), "'file'"),
        (user("hi", tools=[{"type": "web_search_20250305", "name": "web_search"}]), "web_search"),
        (user("hi", tools=[{"name": "x" * 65, "input_schema": {}}]), "64 characters"),
        (user("hi", tools=[{"name": "x", "input_schema": {}, "defer_loading": True}]), "always"),
        (user("hi", container="c"), "container"),
        (user("hi", top_k=5), "top_k"),
        (user("hi", inference_geo="eu"), "inference_geo"),
        (user("hi", max_tokens=0), "max_tokens = 0"),
        (user("hi", output_config={"new": 1}), "new"),
        (user("hi", context_management={"new": 1}), "new"),
        (user("hi", context_management={"edits": [{"type": "clear_tool_uses"}]}), "context"),
        ({"messages": [{"role": "user", "content": "hi"},
                       {"role": "assistant", "content": "The answer is ("}]}, "ends with"),
    ],
)  # fmt: skip
def test_what_of_messages_stands_in_the_way(fields: Json, words: str) -> None:
    found = obstacles(fields, "messages", "chat", Parameters())
    assert any(words in note for note in found), found
    assert obstacles(fields, "messages", "messages", Parameters()) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"store": True}, "store"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"tools": [{"type": "web_search"}]}, "web_search"),
        ({"tools": [{"type": "custom", "name": "patch"}]}, "custom"),
        ({"include": ["message.output_text.logprobs"]}, "log probabilities"),
        ({"reasoning": {"mode": "pro"}}, "mode = pro"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "item_reference"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input_file"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
         "input_image"),
    ],
)  # fmt: skip
def test_what_of_responses_stands_in_the_way(more: Json, words: str) -> None:
    fields = {"model": "auto", "input": "hi", **more}
    found = obstacles(fields, "responses", "chat", Parameters())
    assert any(words in note for note in found), found
    assert obstacles(fields, "responses", "responses", Parameters()) == []


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("chat", user("hi", prompt_cache_key="k", service_tier="flex", metadata={}, seed=1)),
        ("chat", user("hi", n=None, logprobs=False, presence_penalty=0, logit_bias={})),
        ("messages", user("hi", thinking={"type": "adaptive"}, service_tier="auto", speed="fast")),
        ("messages", user("hi", context_management={"edits": [{"type": "clear_thinking_1"}]})),
        ("responses", {"input": "hi", "truncation": "auto", "max_tool_calls": 3, "metadata": {}}),
    ],
)
def test_what_changes_nothing_stands_in_nobodys_way(source: str, fields: Json) -> None:
    for target in ("chat", "messages", "responses", "completions"):
        assert obstacles(fields, source, target, Parameters()) == []


def test_thoughts_of_ours_are_not_sent_back() -> None:
    ours = {"type": "thinking", "thinking": "Hm.", "signature": "finerouter"}
    theirs = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}
    words = {"type": "text", "text": "Hi."}
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [ours]},
        {"role": "assistant", "content": [ours, theirs, words]},
        {"role": "user", "content": "b"},
    ]
    body = translation("messages", "messages").request({"messages": turns})
    assert body["messages"] == [turns[0], {**turns[2], "content": [theirs, words]}, turns[3]]
    kept: Json = {"type": "reasoning", "id": "rs_1", "summary": []}
    items = [{**kept, "id": "rs_finerouter_1"}, kept, {"role": "user", "content": "b"}]
    body = translation("responses", "responses").request({"input": items})
    assert body["input"] == items[1:]

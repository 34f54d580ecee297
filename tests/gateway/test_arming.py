"""A pool entry's way of asking in a client's body: what the client set stands."""

from __future__ import annotations

from typing import Any

import pytest

from finerouter.asking import Asking, Endpoint, Parameters
from finerouter.gateway.arming import with_fields, with_turns
from finerouter.gateway.translating import translation

Json = dict[str, Any]
HELLO: Json = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}


def asking(api: str = "chat", name: str = "max_tokens", **parameters: Any) -> Asking:
    endpoint = Endpoint("e", "http://127.0.0.1:1/v1", api=api, max_tokens_name=name)
    return Asking(endpoint, "real-name", Parameters(**parameters))


def upstream_body(fields: Json, source: str, asking: Asking) -> Json:
    """A client's body as it goes to the endpoint."""
    api, parameters = asking.endpoint.api, asking.parameters
    body = translation(source, api).request(with_turns(fields, source, parameters))
    return with_fields(body, api, parameters, asking.endpoint.max_tokens_name)


def test_an_entry_without_parameters_changes_nothing() -> None:
    fields = {**HELLO, "anything": [1], "temperature": 0.3}
    assert upstream_body(fields, "chat", asking()) == fields


def test_what_is_unset_is_filled_in_the_endpoints_words() -> None:
    said: Json = {"temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ("X",), "max_tokens": 50}
    body = upstream_body(HELLO, "chat", asking(**said, reasoning_effort="low", body={"k": 1}))
    assert body == {
        **HELLO,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 3,
        "stop": ["X"],
        "max_tokens": 50,
        "reasoning_effort": "low",
        "k": 1,
    }
    body = upstream_body(HELLO, "chat", asking("messages", **said, reasoning_effort="low"))
    assert body == {
        **HELLO,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop_sequences": ["X"],
        "max_tokens": 50,
        "output_config": {"effort": "low"},
    }
    body = with_fields({"input": "x"}, "responses", Parameters(**said, reasoning_effort="low"))
    assert body == {
        "input": "x",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 50,
        "reasoning": {"effort": "low"},
    }


def test_what_the_client_set_stands() -> None:
    set_by_client: Json = {
        "temperature": 0,
        "stop": "Y",
        "max_completion_tokens": 9,
        "reasoning_effort": "high",
        "k": 2,
    }
    entry = asking(
        temperature=0.5, stop=("X",), max_tokens=50, reasoning_effort="low", body={"k": 1}
    )
    body = upstream_body({**HELLO, **set_by_client}, "chat", entry)
    assert body == {**HELLO, **set_by_client}


def test_nothing_is_null_in_place_of_a_parameter() -> None:
    body = upstream_body({**HELLO, "temperature": None}, "chat", asking(temperature=0.5))
    assert body["temperature"] == 0.5


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ({"max_tokens": 7}, "max_completion_tokens", {"max_completion_tokens": 7}),
        ({"max_completion_tokens": 7}, "max_tokens", {"max_completion_tokens": 7}),
        ({"max_completion_tokens": 7}, "max_completion_tokens", {"max_completion_tokens": 7}),
        ({}, "max_completion_tokens", {"max_completion_tokens": 50}),
        ({}, "max_tokens", {"max_tokens": 50}),
    ],
)
def test_the_limit_has_the_name_that_the_endpoint_gives_it(
    given: Json, name: str, expected: Json
) -> None:
    body = upstream_body({**HELLO, **given}, "chat", asking(name=name, max_tokens=50))
    assert {key: body[key] for key in body if key.startswith("max_")} == expected


def test_messages_get_a_limit_where_nobody_gave_one() -> None:
    assert upstream_body(HELLO, "chat", asking("messages"))["max_tokens"] == 4096
    thinking = upstream_body(HELLO, "chat", asking("messages", thinking_budget=2000))
    assert thinking["max_tokens"] == 6096
    assert thinking["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    limited = upstream_body({**HELLO, "max_tokens": 9}, "chat", asking("messages", max_tokens=50))
    assert limited["max_tokens"] == 9


@pytest.mark.parametrize(
    "more",
    [
        {"max_tokens": 2000},
        {"temperature": 0.2},
        {"tool_choice": {"type": "any"}},
        {"thinking": {"type": "disabled"}},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]},
    ],
)
def test_no_thinking_is_added_where_the_api_refuses_it(more: Json) -> None:
    fields = {"max_tokens": 9_000, **HELLO, **more}
    body = upstream_body(fields, "messages", asking("messages", thinking_budget=2000))
    assert body.get("thinking") == more.get("thinking")


def test_the_system_prompt_comes_before_the_clients() -> None:
    entry = Parameters(system="First.")
    chat = with_turns(HELLO, "chat", entry)
    assert chat["messages"] == [{"role": "system", "content": "First."}, *HELLO["messages"]]
    theirs = [{"role": "developer", "content": "Then."}, *HELLO["messages"]]
    chat = with_turns({"messages": theirs}, "chat", entry)
    assert chat["messages"][0] == {"role": "developer", "content": "First.\n\nThen."}
    assert theirs[0]["content"] == "Then."
    both = [{"type": "text", "text": "First."}, {"type": "text", "text": "Then."}]
    assert with_turns({**HELLO, "system": both[1:]}, "messages", entry)["system"] == both
    assert (
        with_turns({**HELLO, "system": "Then."}, "messages", entry)["system"] == "First.\n\nThen."
    )
    assert with_turns({"input": "Hi"}, "responses", entry)["instructions"] == "First."


def test_examples_come_before_the_first_turn_and_the_template_around_the_last_text() -> None:
    entry = Parameters(examples=(("cat", "chat"),), template="Q: {prompt}\nA:")
    turns = [
        {"role": "system", "content": "Translate."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "un"},
        {"role": "user", "content": [{"type": "text", "text": "dog"}, {"type": "image_url"}]},
    ]
    assert with_turns({"messages": turns}, "chat", entry)["messages"] == [
        turns[0],
        {"role": "user", "content": "Q: cat\nA:"},
        {"role": "assistant", "content": "chat"},
        turns[1],
        turns[2],
        {
            "role": "user",
            "content": [{"type": "text", "text": "Q: dog\nA:"}, {"type": "image_url"}],
        },
    ]
    assert with_turns({"input": "dog"}, "responses", entry)["input"] == [
        {"role": "user", "content": "Q: cat\nA:"},
        {"role": "assistant", "content": "chat"},
        {"role": "user", "content": "Q: dog\nA:"},
    ]


def test_results_of_tools_are_not_put_into_the_template() -> None:
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}
    turns = [*HELLO["messages"], {"role": "assistant", "content": "x"}, result]
    body = with_turns({"messages": turns}, "messages", Parameters(template="<{prompt}>"))
    assert body["messages"][0]["content"] == "<Hello>"
    assert body["messages"][2] == result


def test_a_base_model_is_asked_as_it_was_when_outcomes_were_collected() -> None:
    entry = asking(
        "completions", examples=(("cat", "chat"),), template="Q: {prompt}\nA:", max_tokens=5
    )
    for source, fields in (
        ("chat", {"messages": [{"role": "user", "content": "dog"}]}),
        ("messages", {"messages": [{"role": "user", "content": "dog"}]}),
        ("responses", {"input": "dog"}),
    ):
        assert upstream_body(fields, source, entry) == {
            "model": fields.get("model"),
            "prompt": "Q: cat\nA: chat\n\nQ: dog\nA:",
            "max_tokens": 5,
        }


def test_odd_bodies_are_left_to_the_endpoint() -> None:
    entry = Parameters(system="S", template="<{prompt}>", examples=(("a", "b"),))
    for fields in ({}, {"messages": "x"}, {"messages": [1, {"role": "user", "content": 5}]}):
        with_turns(fields, "chat", entry)
        with_turns(fields, "messages", entry)


@pytest.mark.parametrize(
    ("api", "name"), [("messages", "max_tokens"), ("responses", "max_output_tokens")]
)
def test_a_name_for_the_limit_is_that_of_chat_alone(api: str, name: str) -> None:
    """An endpoint may speak several APIs at one address."""
    for given in ({}, {name: 7}):
        body = with_fields(given, api, Parameters(max_tokens=50), "max_completion_tokens")
        assert body == {name: given.get(name, 50)}

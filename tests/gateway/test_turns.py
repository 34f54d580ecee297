"""The turns of a conversation in the forms of three APIs, and the text in them that is routed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.gateway.needs import needs, sent_bytes
from finerouter.gateway.request import Request
from finerouter.gateway.settings import TextTable
from finerouter.gateway.task_text import task_text
from finerouter.gateway.turns import Turn, turns

DEFAULT = TextTable()
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


PICTURE = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 1_000_000}
SHOT = {"type": "image", "source": {"type": "base64", "data": "A" * 1_000_000}}


def request(api: str, **fields: Any) -> Request:
    return Request(api, fields, b"", "auto", stream=False, own={})


def user(text: str) -> Turn:
    return Turn("user", text)


@pytest.mark.parametrize(
    ("api", "fields"),
    [
        (
            "chat",
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
                    {"role": "assistant", "content": "Hi"},
                    {"role": "user", "content": "Bye"},
                ]
            },
        ),
        (
            "messages",
            {
                "system": [{"type": "text", "text": "Be brief."}],
                "messages": [
                    {"role": "user", "content": "Hello"},
                    {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
                    {"role": "user", "content": "Bye"},
                ],
            },
        ),
        (
            "responses",
            {
                "instructions": "Be brief.",
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
                    {
                        "type": "message",
                        "role": "assistant",
                        "content": [{"type": "output_text", "text": "Hi"}],
                    },
                    {"role": "user", "content": "Bye"},
                ],
            },
        ),
    ],
)
def test_one_conversation_in_three_forms(api: str, fields: dict[str, Any]) -> None:
    said = [(turn.role, turn.text) for turn in turns(api, fields)]
    assert said == [
        ("system", "Be brief."),
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "Bye"),
    ]


def test_what_a_tool_gave_back_is_not_what_the_user_says() -> None:
    given = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "name": "weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "It rains."}]},
    ]
    roles = [turn.role for turn in turns("messages", {"messages": given})]
    assert roles == ["user", "assistant", "tool"]
    assert task_text(turns("messages", {"messages": given}), DEFAULT) == "What is the weather?"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_a_body_of_any_form_has_turns_or_none(value: Any) -> None:
    for api in ("chat", "messages", "responses", "embeddings"):
        for fields in ({"messages": value, "system": value}, {"input": value}):
            assert isinstance(turns(api, fields), tuple)


def test_the_last_long_turn_is_routed_alone() -> None:
    long = "Write a function that merges two sorted lists, with tests and types."
    assert task_text([user("Hello there"), user(long)], DEFAULT) == long


def test_a_short_turn_brings_along_what_came_before() -> None:
    first = "Write a function that merges two sorted lists, with tests and types."
    assert task_text([user(first), Turn("assistant", "Done."), user("go on")], DEFAULT) == (
        f"{first}\ngo on"
    )


def test_a_system_prompt_is_left_out_unless_asked_for() -> None:
    said = [Turn("system", "You are a pirate."), user("What is two plus two, my dear friend?")]
    assert task_text(said, DEFAULT) == said[1].text
    assert task_text(said, TextTable(system_chars=7)).startswith("You are\n")


def test_reminders_of_agents_are_left_out() -> None:
    text = "<system-reminder>Be\nnice.</system-reminder>\nFix the bug in the parser."
    assert task_text([user(text)], DEFAULT) == "Fix the bug in the parser."


def test_nobody_says_anything() -> None:
    assert task_text([], DEFAULT) == ""
    assert task_text([user("  "), Turn("assistant", "Hi")], DEFAULT) == ""


@given(st.lists(st.text(max_size=200).map(user), max_size=6), st.integers(1, 100))
def test_no_text_is_longer_than_allowed(said: list[Turn], most: int) -> None:
    text = task_text(said, TextTable(max_chars=most))
    assert len(text) <= most + DEFAULT.max_turns  # and a line break between turns


def test_head_and_tail_of_a_long_turn_are_kept() -> None:
    text = task_text([user(f"Summarise: {'x' * 50_000} In one line.")], DEFAULT)
    assert text.startswith("Summarise:")
    assert text.endswith("In one line.")


@pytest.mark.parametrize(
    ("api", "fields", "capabilities"),
    [
        ("chat", {"messages": [{"role": "user", "content": "Hello"}]}, set()),
        ("chat", {"messages": [{"role": "user", "content": [IMAGE]}]}, {"vision"}),
        ("chat", {"messages": [], "tools": [{"type": "function"}]}, {"tools"}),
        ("chat", {"messages": [], "response_format": {"type": "json_schema"}}, {"json"}),
        ("chat", {"messages": [], "response_format": {"type": "text"}}, set()),
        ("chat", {"messages": [], "modalities": ["text", "audio"]}, {"audio"}),
        ("chat", {"messages": [], "modalities": ["text"]}, set()),
        ("chat", {"messages": [], "modalities": "audio"}, set()),
        ("responses", {"input": "x", "text": {"format": {"type": "json_schema"}}}, {"json"}),
        (
            "messages",
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "tool_result", "content": [{"type": "image"}]}],
                    }
                ]
            },
            {"vision"},
        ),
        (
            "chat",
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            {"audio"},
        ),
    ],
)
def test_what_a_request_needs(api: str, fields: dict[str, Any], capabilities: set[str]) -> None:
    assert needs(request(api, **fields)).capabilities == capabilities


def test_a_picture_counts_as_tokens_and_not_by_its_bytes() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:" + "A" * 4_000_000}}
    asked = request("chat", messages=[{"role": "user", "content": [picture]}])
    assert 100 < needs(asked).input_tokens < 5_000


def result(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "content": list(parts)}]}


def output(value: Any, kind: str = "function_call_output") -> dict[str, Any]:
    return {"type": kind, "call_id": "c", "output": value}


@pytest.mark.parametrize(
    ("item", "media"),
    [
        (output([PICTURE]), {"vision"}),
        (
            output([{"type": "input_text", "text": "x"}, PICTURE], "custom_tool_call_output"),
            {"vision"},
        ),
        (output([{"type": "input_file", "file_data": "AAAA"}]), {"files"}),
        (
            output({"type": "computer_screenshot", "image_url": "data:"}, "computer_call_output"),
            {"vision"},
        ),
        ({"type": "image_generation_call", "result": "AAAA"}, {"vision"}),
        (output("an image"), set()),
        (output(None), set()),
        ({"type": "function_call", "arguments": "{}", "image": {"type": "image"}}, set()),
    ],
)
def test_pictures_and_files_that_tools_gave_back_are_seen(
    item: dict[str, Any], media: set[str]
) -> None:
    (turn,) = turns("responses", {"input": [item]})
    assert turn.media == media
    assert turn.media_parts == len(media)
    assert needs(request("responses", input=[item])).capabilities == media


def test_what_a_tool_is_called_with_is_no_picture() -> None:
    call = {"type": "tool_use", "name": "draw", "input": {"content": [{"type": "image"}]}}
    (turn,) = turns("messages", {"messages": [{"role": "assistant", "content": [call]}]})
    assert turn.media == set()


@pytest.mark.parametrize(
    ("api", "fields", "pictures"),
    [
        ("messages", {"messages": [result(SHOT)]}, 1),
        ("messages", {"messages": [result(SHOT, SHOT)]}, 2),
        ("messages", {"messages": [{"role": "user", "content": [SHOT, SHOT, SHOT]}]}, 3),
        ("messages", {"messages": [result({"type": "page", "content": SHOT})]}, 1),
        ("responses", {"input": [output([PICTURE, PICTURE])]}, 2),
    ],
)
def test_every_picture_counts_and_its_bytes_do_not(
    api: str, fields: dict[str, Any], pictures: int
) -> None:
    tokens = needs(request(api, **fields)).input_tokens
    assert 1_000 * pictures <= tokens < 1_000 * pictures + 100


def test_what_a_tool_says_beside_a_picture_counts() -> None:
    said = {"type": "text", "text": "x" * 4_000}
    assert needs(request("messages", messages=[result(said, SHOT)])).input_tokens > 2_000


def test_all_turns_and_tools_count_as_input() -> None:
    said = [{"role": "system", "content": "x" * 400}, {"role": "user", "content": "y" * 400}]
    plain = needs(request("chat", messages=said)).input_tokens
    assert plain == 200
    for name in ("tools", "functions"):
        asked = request("chat", messages=said, **{name: [{"a": "z" * 400}]})
        assert needs(asked).input_tokens > 300


def test_text_counts_by_its_bytes() -> None:
    said = [{"role": "user", "content": "\u8def\u7531" * 200}]
    assert needs(request("chat", messages=said)).input_tokens == 300


def test_bytes_sent_are_those_of_text_and_a_picture_as_tokens() -> None:
    said = [{"role": "user", "content": [{"type": "text", "text": "x" * 401}, IMAGE]}]
    assert sent_bytes(request("chat", messages=said)) == 4_401
    body = b'{"model": "embedder", "input": "one"}'
    fields = {"input": "one"}
    embedded = Request("embeddings", fields, body, "embedder", stream=False, own={})
    assert sent_bytes(embedded) == len(body)

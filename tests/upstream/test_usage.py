from __future__ import annotations

from finerouter.upstream.apis import APIS
from finerouter.upstream.usage import openai_usage


def test_thoughts_counted_beside_the_completion_are_output() -> None:
    usage = openai_usage(
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 515,
            "completion_tokens_details": {"reasoning_tokens": 500},
        }
    )
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (10, 505, 500)


def test_thoughts_counted_within_the_completion_are_not_counted_twice() -> None:
    usage = openai_usage(
        {
            "prompt_tokens": 10,
            "completion_tokens": 505,
            "total_tokens": 515,
            "completion_tokens_details": {"reasoning_tokens": 500},
        }
    )
    assert usage is not None
    assert usage.output_tokens == 505


def test_what_was_cached_beside_the_prompt_is_input() -> None:
    usage = openai_usage(
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 90},
        }
    )
    assert usage is not None
    assert (usage.input_tokens, usage.cached_input_tokens) == (100, 90)


def test_an_answer_in_parts_is_one_text() -> None:
    parts = [{"type": "text", "text": "Par"}, {"type": "text", "text": "is"}]
    answer = APIS["chat"].read({"choices": [{"message": {"content": parts}}]})
    assert answer.text == "Paris"

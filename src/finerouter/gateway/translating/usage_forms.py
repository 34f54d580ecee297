"""Tokens written as each API of clients reports them; nothing where nobody reported any."""

from __future__ import annotations

from finerouter.gateway.translating.protocol import Json
from finerouter.upstream.usage import Usage


def chat_usage(usage: Usage) -> Json:
    """Input counts what was cached, output counts thoughts."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def messages_usage(usage: Usage | None) -> Json:
    """What was cached stands beside the input; zeros where unknown, for clients want numbers."""
    usage = usage or Usage(0, 0)
    cached = usage.cached_input_tokens + usage.cache_write_tokens
    thoughts = {"output_tokens_details": {"thinking_tokens": usage.reasoning_tokens}}
    return {
        "input_tokens": max(usage.input_tokens - cached, 0),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
        **(thoughts if usage.reasoning_tokens else {}),
    }


def responses_usage(usage: Usage) -> Json:
    """Input counts what was cached, output counts thoughts."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }

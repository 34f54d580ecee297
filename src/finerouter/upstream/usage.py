"""The tokens of a call as endpoints report them, in one form.

Takes the `usage` of an answer; gives `Usage`, or None where it says nothing. Knows no prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Usage:
    """Tokens of one call.

    Attributes:
        input_tokens: all of them, those read from or written to a prompt cache included.
        output_tokens: all of them, reasoning included.
        cached_input_tokens: of the input, read from the provider's cache.
        cache_write_tokens: of the input, written to it.
        reasoning_tokens: of the output, thoughts.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


def openai_usage(usage: Any) -> Usage | None:
    """Of chat and completions endpoints, whose input counts what was cached."""
    if not isinstance(usage, dict) or not _known(usage, "prompt_tokens", "completion_tokens"):
        return None
    given, written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    details = usage.get("prompt_tokens_details")
    cached = _count(details, "cached_tokens")
    reasoning = _count(usage.get("completion_tokens_details"), "reasoning_tokens")
    # Some count thoughts beside the completion, or what was cached beside the prompt.
    beside = given + written + reasoning == _count(usage, "total_tokens")
    return Usage(
        input_tokens=given + cached if cached > given else given,
        output_tokens=written + reasoning if beside else written,
        cached_input_tokens=cached,
        cache_write_tokens=_count(details, "cache_write_tokens"),
        reasoning_tokens=reasoning,
    )


def anthropic_usage(usage: Any) -> Usage | None:
    """Of messages endpoints, which count what was cached beside the input."""
    if not isinstance(usage, dict) or not _known(usage, "input_tokens", "output_tokens"):
        return None
    cached = _count(usage, "cache_read_input_tokens")
    written = _count(usage, "cache_creation_input_tokens")
    return Usage(
        input_tokens=_count(usage, "input_tokens") + cached + written,
        output_tokens=_count(usage, "output_tokens"),
        cached_input_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=_count(usage.get("output_tokens_details"), "thinking_tokens"),
    )


def responses_usage(usage: Any) -> Usage | None:
    """Of responses endpoints, whose input counts what was cached."""
    if not isinstance(usage, dict) or not _known(usage, "input_tokens", "output_tokens"):
        return None
    details = usage.get("input_tokens_details")
    return Usage(
        input_tokens=_count(usage, "input_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        cached_input_tokens=_count(details, "cached_tokens"),
        cache_write_tokens=_count(details, "cache_write_tokens"),
        reasoning_tokens=_count(usage.get("output_tokens_details"), "reasoning_tokens"),
    )


def _known(usage: dict[str, Any], *names: str) -> bool:
    return all(isinstance(usage.get(name), int) for name in names)


def _count(usage: Any, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value > 0 else 0

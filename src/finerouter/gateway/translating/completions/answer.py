"""A whole completions answer read into the neutral form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finerouter.gateway.translating.chat.answer import reason
from finerouter.gateway.translating.neutral import Answer, Text
from finerouter.upstream.usage import openai_usage


def read(answer: Mapping[str, Any]) -> Answer:
    """What a completions endpoint answered."""
    choice = answer["choices"][0]
    parts = (Text(choice["text"]),) if choice["text"] else ()
    return Answer(
        parts,
        reason(choice.get("finish_reason"), called=False),
        openai_usage(answer.get("usage")),
    )

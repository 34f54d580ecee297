"""The prompt in a request: plain text, or a chat.

Takes a text, a list of messages, or such a list as JSON; gives the user's words. System messages
are left out: they are the same for all prompts of an application, and would drown what differs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def prompt_text(value: Any) -> str | None:
    """The user's turns, joined by empty lines; all turns where none is the user's.

    None where there is no text at all.
    """
    value = _unpacked(value)
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        value = value.get("messages", [value])
    if not isinstance(value, list):
        return None
    turns = [(_role(turn), "\n".join(_texts(turn))) for turn in value]
    users = [text for role, text in turns if role == "user" and text]
    return "\n\n".join(users or [text for _, text in turns if text]) or None


def _unpacked(value: Any) -> Any:
    """Messages that were written as JSON text."""
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            unpacked = json.loads(value)
        except ValueError:
            return value  # a prompt that merely begins with a bracket
        if _is_chat(unpacked):
            return unpacked
    return value


def _is_chat(value: Any) -> bool:
    if isinstance(value, Mapping):
        return isinstance(value.get("messages"), list)
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, Mapping) and "content" in turn for turn in value)
    )


def _role(turn: Any) -> str:
    if isinstance(turn, str):
        return "user"
    return str(turn.get("role", "")) if isinstance(turn, Mapping) else ""


def _texts(turn: Any) -> Iterator[str]:
    content = turn.get("content") if isinstance(turn, Mapping) else turn
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, str):
                yield part
            elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
                yield part["text"]

"""The turns of a conversation, whichever API's form they came in.

Takes the fields of a body; gives `Turn`s with their texts and what else is in them. What it does
not know it counts by its length and leaves alone: the endpoint will judge it. Never raises: a body
of the wrong form has no turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from finerouter.gateway.client_json import client_json

VISION, AUDIO, FILES = "vision", "audio", "files"

_PARTS = {
    "image_url": VISION,
    "input_image": VISION,
    "image": VISION,
    "computer_screenshot": VISION,
    "image_generation_call": VISION,
    "input_audio": AUDIO,
    "audio": AUDIO,
    "file": FILES,
    "input_file": FILES,
    "document": FILES,
}
# Where tools put what they gave back; what a tool is called with is the tool's own affair.
_RESULTS = ("content", "output")
# A page that a tool fetched stands this deep, a list being a level too; nothing known is deeper.
_DEEPEST = 6
_TEXTS = frozenset(("text", "input_text", "output_text"))


class Turn(Struct, frozen=True):
    """One message.

    Attributes:
        role: "user", "assistant", "system", "tool" or another that the client gave.
        text: what is said in it.
        media: of "vision", "audio", "files".
        other_bytes: of what is in it beside text and media, such as calls of tools.
        media_parts: how many pictures, sounds and files there are.
    """

    role: str
    text: str
    media: frozenset[str] = frozenset()
    other_bytes: int = 0
    media_parts: int = 0


def turns(api: str, fields: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The conversation in a body, system prompt first."""
    return tuple(_READERS[api](fields)) if api in _READERS else ()


def _chat(fields: Mapping[str, Any]) -> Iterator[Turn]:
    for message in _objects(fields.get("messages")):
        beside = message.get("tool_calls") or message.get("function_call")
        yield _turn(_role(message), message.get("content"), beside)


def _messages(fields: Mapping[str, Any]) -> Iterator[Turn]:
    if fields.get("system"):
        yield _turn("system", fields["system"])
    yield from _chat(fields)


def _responses(fields: Mapping[str, Any]) -> Iterator[Turn]:
    if fields.get("instructions"):
        yield _turn("system", fields["instructions"])
    given = fields.get("input")
    if isinstance(given, str):
        yield Turn("user", given)
    for item in _objects(given):
        if item.get("type", "message") == "message":
            yield _turn(_role(item), item.get("content"))
        else:
            yield _item(item)


def _item(item: Mapping[str, Any]) -> Turn:
    """An item that is no message, such as a tool's call or what it gave back."""
    media: list[str] = []
    size = _size(_without_media(item, media))
    role = _ITEM_ROLES.get(str(item.get("type")), "tool")
    return Turn(role, "", frozenset(media), size, len(media))


_ITEM_ROLES = {"function_call": "assistant", "reasoning": "assistant"}
_READERS = {"chat": _chat, "messages": _messages, "responses": _responses}


def _role(message: Mapping[str, Any]) -> str:
    role = str(message.get("role", ""))
    return "system" if role == "developer" else role


def _turn(role: str, content: Any, beside: Any = None) -> Turn:
    extra = _size(beside) if beside else 0
    if isinstance(content, str):
        return Turn(role, content, frozenset(), extra)
    texts: list[str] = []
    media: list[str] = []
    for part in _objects(content):
        if str(part.get("type", "")) in _TEXTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif (rest := _without_media(part, media)) is not None:
            extra += _size(rest)
    # What a tool gave back stands in the user's turn, and is not what the user says.
    spoken = "tool" if role == "user" and extra and not texts else role
    return Turn(spoken, "\n".join(texts), frozenset(media), extra, len(media))


def _without_media(value: Any, media: list[str], depth: int = _DEEPEST) -> Any:
    """The value with None for the media in it, whose kinds are added to `media`.

    Their bytes say nothing: a screenshot of a megabyte is no more to read than one of a tenth.
    """
    if isinstance(value, list) and depth:
        return [_without_media(item, media, depth - 1) for item in value]
    if not isinstance(value, dict):
        return value
    if kind := _PARTS.get(str(value.get("type", ""))):
        media.append(kind)
        return None
    within = _RESULTS if depth else ()
    return value | {
        name: _without_media(value[name], media, depth - 1) for name in within if name in value
    }


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _size(value: Any) -> int:
    return len(client_json(value))

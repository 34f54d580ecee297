"""A client's body in the endpoint's API, or why that cannot be.

Takes any JSON values; gives notes for people, or a body. Knows of each API only where its reader
and its writer are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from finerouter.errors import UserError
from finerouter.gateway.translating.careful import Notes
from finerouter.gateway.translating.chat import request as chat
from finerouter.gateway.translating.completions import request as completions
from finerouter.gateway.translating.messages import request as messages
from finerouter.gateway.translating.neutral import Ask, Image
from finerouter.gateway.translating.protocol import Json
from finerouter.gateway.translating.responses import request as responses

_READ: Mapping[str, Callable[[Mapping[str, Any], Notes], Ask]] = {
    "chat": chat.read,
    "messages": messages.read,
    "responses": responses.read,
}
_REFUSALS: Mapping[str, Callable[[Ask], list[str]]] = {
    "chat": chat.refusals,
    "messages": messages.refusals,
    "responses": responses.refusals,
    "completions": completions.refusals,
}
_WRITE: Mapping[str, Callable[[Ask], Json]] = {
    "chat": chat.write,
    "messages": messages.write,
    "responses": responses.write,
    "completions": completions.write,
}


def read(fields: Mapping[str, Any], source: str, target: str) -> tuple[Ask, list[str]]:
    """What is asked, and everything that stands in the way of asking it in `target`."""
    notes: Notes = []
    try:
        ask = _READ[source](fields, notes)
        notes += _general(ask) + _REFUSALS[target](ask)
    except RecursionError:
        return Ask(turns=()), ["the body is nested too deeply"]
    return ask, list(dict.fromkeys(notes))


def written(fields: Mapping[str, Any], source: str, target: str) -> Json:
    """The body in the endpoint's API.

    Raises:
        UserError: something stands in the way.
    """
    ask, notes = read(fields, source, target)
    if notes:
        raise UserError(
            f"this request cannot be asked at a {target} endpoint: {'; '.join(notes)}; "
            f"leave that out, or ask a model at a {source} endpoint"
        )
    return {"model": fields.get("model"), **_WRITE[target](ask)}


def _general(ask: Ask) -> list[str]:
    spoken = [turn for turn in ask.turns if turn.role != "system"]
    parts = [part for turn in ask.turns for part in turn.parts]
    notes = []
    if not spoken:
        notes.append("nothing is asked")
    elif spoken[-1].role == "assistant":
        # One API goes on from there, another begins anew.
        notes.append("the conversation ends with the assistant's turn")
    if ask.max_tokens == 0:
        notes.append("max_tokens = 0 fills the cache of messages endpoints only")
    if any(isinstance(part, Image) and not part.url for part in parts):
        notes.append("an image has no address")
    return notes

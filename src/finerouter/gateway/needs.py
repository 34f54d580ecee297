"""What a request asks of a model beside quality: capabilities, and room for what is sent.

Takes a request; gives `Needs`. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from finerouter.gateway.client_json import client_json
from finerouter.gateway.money.metering import BYTES_PER_TOKEN
from finerouter.gateway.request import Request
from finerouter.gateway.turns import AUDIO
from finerouter.prompt import text_bytes

TOOLS, JSON = "tools", "json"
_TOOL_FIELDS = ("tools", "functions")
# What providers count for a picture, about; and for a page or a piece of sound.
_MEDIA_TOKENS = 1_000


class Needs(Struct, frozen=True):
    """Of a request.

    Attributes:
        capabilities: that a model must have, such as "vision".
        input_tokens: of all that is sent, about.
    """

    capabilities: frozenset[str]
    input_tokens: float


def needs(request: Request) -> Needs:
    """What a request asks of a model."""
    capabilities = set().union(*(turn.media for turn in request.turns))
    if any(map(request.fields.get, _TOOL_FIELDS)):
        capabilities.add(TOOLS)
    if _wants_json(request.fields):
        capabilities.add(JSON)
    if _wants_sound(request.fields):
        capabilities.add(AUDIO)
    return Needs(frozenset(capabilities), _input_tokens(request))


def _wants_sound(fields: Mapping[str, Any]) -> bool:
    modalities = fields.get("modalities")
    return isinstance(modalities, list) and AUDIO in modalities


def sent_bytes(request: Request) -> int:
    """Bytes of text that would be as many tokens as what is sent: a picture's own say nothing."""
    if request.api == "embeddings":
        return len(request.body)
    return math.ceil(_input_tokens(request) * BYTES_PER_TOKEN)


def _wants_json(fields: Mapping[str, Any]) -> bool:
    text = fields.get("text")  # the responses API's place for it
    wanted = fields.get("response_format") or (
        text.get("format") if isinstance(text, dict) else None
    )
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    config = fields.get("output_config")  # that of messages
    return kind in ("json_object", "json_schema") or bool(
        isinstance(config, dict) and config.get("format")
    )


def _input_tokens(request: Request) -> float:
    media = sum(turn.media_parts for turn in request.turns)
    size = sum(text_bytes(turn.text) + turn.other_bytes for turn in request.turns)
    tools = filter(None, map(request.fields.get, _TOOL_FIELDS))
    size += sum(len(client_json(given)) for given in tools)
    return size / BYTES_PER_TOKEN + media * _MEDIA_TOKENS

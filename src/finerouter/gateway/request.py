"""A request's body, as it came.

Takes bytes; gives a `Request`: its fields for those who look inside, and every top-level value as
the very bytes that the client sent, so that what is forwarded is what came. Knows nothing of what
any field means but `model`, `stream` and the gateway's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct

from finerouter.errors import DataError
from finerouter.gateway.client_json import client_json
from finerouter.gateway.turns import Turn, turns

# The gateway's own field, taken out before anything is forwarded.
OWN_FIELD = "finerouter"
STREAMED = frozenset(("chat", "messages", "responses"))

_FIELDS: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_RAW: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class Request(Struct, frozen=True, dict=True):
    """A body that is a JSON object.

    Attributes:
        api: whose form it has: "chat", "messages", "responses" or "embeddings".
        fields: the parsed values.
        body: all of it, as it came.
        model: what was asked for.
        stream: whether the answer is wanted in pieces.
        own: the gateway's own field, {} where there is none.
    """

    api: str
    fields: Mapping[str, Any]
    body: bytes
    model: str
    stream: bool
    own: Mapping[str, Any]

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """Its conversation, oldest first."""
        return turns(self.api, self.fields)

    def forwarded(self, model: str, **changed: Any) -> bytes:
        """The body for a model; all but it, `changed` and the gateway's own field as it came.

        Args:
            model: as the endpoint knows it.
            changed: further fields; one that is `msgspec.UNSET` is left out.
        """
        ours = {"model": model, **changed, OWN_FIELD: msgspec.UNSET}
        if not _may_be_cut(self.body):
            with suppress(OverflowError):  # `changed` holds a number of more than 64 bits
                return _encode(_set({**_RAW.decode(self.body), **ours}))
        return client_json(_set({**self.fields, **ours}))


def parse(api: str, body: bytes) -> Request:
    """Read a body.

    Raises:
        DataError: it is no JSON object, or a field that the gateway needs is of the wrong kind.
    """
    fields = _object(body)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise DataError('`model` must be a text; give "auto" to let the gateway choose')
    stream = fields.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise DataError("`stream` must be true or false")
    own = fields.pop(OWN_FIELD, None) or {}
    if not isinstance(own, dict):
        raise DataError(f'`{OWN_FIELD}` must be an object, such as {{"cost_weight": 5}}')
    return Request(api, fields, body, model, bool(stream) and api in STREAMED, own)


def _set(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not msgspec.UNSET}


def _may_be_cut(body: bytes) -> bool:
    """Whether half a surrogate pair could stand there, escaped: an emoji cut in the middle.

    Providers take it; the fast reader does not.
    """
    return b"\\ud" in body or b"\\uD" in body


def _object(body: bytes) -> dict[str, Any]:
    try:
        return _lenient(body) if _may_be_cut(body) else _FIELDS.decode(body)
    except RecursionError as error:
        raise DataError("the body is nested too deeply") from error
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise DataError(f"the body is not a JSON object in UTF-8 ({error})") from error


def _lenient(body: bytes) -> dict[str, Any]:
    value = json.loads(body, parse_constant=_no_number, parse_float=_finite)
    if not isinstance(value, dict):
        raise TypeError("it is something else")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits[:40]} is too large a number")
    return value


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")

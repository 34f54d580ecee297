"""What the events of a stream say, whatever API they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from finerouter.errors import EndpointError
from finerouter.gateway.sse import Event
from finerouter.upstream.usage import Usage

TEXT, THOUGHT, REFUSAL, CALL = "text", "thought", "refusal", "call"


class Said(Struct, frozen=True):
    """More words; `kind` is "text", "thought" or "refusal"."""

    kind: str
    text: str


class Called(Struct, frozen=True):
    """A call begins; `key` tells it from others of this stream."""

    key: str
    id: str
    name: str


class Argued(Struct, frozen=True):
    """More of a call's arguments."""

    key: str
    text: str


class Settled(Struct, frozen=True):
    """A call's arguments are all there; not every API says so."""

    key: str


class Failed(Struct, frozen=True):
    """Upstream gave up."""

    message: str
    kind: str


Piece = Said | Called | Argued | Settled | Failed


class StreamReader(Protocol):
    """One stream of an endpoint, read.

    Attributes:
        finished: whether upstream said that it was done.
        reason: why the answer ended, "" until that is said.
    """

    finished: bool
    reason: str

    @property
    def usage(self) -> Usage | None:
        """Tokens as far as they are known."""
        ...

    def feed(self, event: Event) -> list[Piece]:
        """What an event says.

        Raises:
            EndpointError: it is not what this API sends.
        """
        ...


def decoded(event: Event) -> Mapping[str, Any]:
    """The JSON object that an event holds."""
    try:
        data = msgspec.json.decode(event.data)
    except msgspec.DecodeError as error:
        raise EndpointError(f"the stream holds an event that is no JSON ({error})") from error
    if not isinstance(data, Mapping):
        raise EndpointError("the stream holds an event that is no JSON object")
    return data


def failure(error: Any) -> Failed:
    """What an error in a stream says."""
    if not isinstance(error, Mapping):
        return Failed(str(error), "api_error")
    return Failed(str(error.get("message") or error), str(error.get("type") or "api_error"))

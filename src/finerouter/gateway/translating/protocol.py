"""What every translation between the APIs of clients and endpoints promises.

    chat          OpenAI's chat completions, and what is compatible with it
    messages      Anthropic's messages
    responses     OpenAI's responses
    completions   plain text to be continued; of endpoints only

A translation is pure: it sends nothing and keeps nothing between requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from finerouter.gateway.sse import Event

Json = dict[str, Any]
CLIENT_APIS = ("chat", "messages", "responses")
ENDPOINT_APIS = ("chat", "messages", "responses", "completions")
NOTHING: Mapping[str, Any] = {}


class StreamTranslation(Protocol):
    """One stream on its way from the endpoint to the client."""

    @property
    def finished(self) -> bool:
        """Whether upstream said its last: `[DONE]`, `message_stop`, `response.completed`."""
        ...

    @property
    def whole(self) -> bool:
        """Whether its last word came, or its error: a connection that ends breaks nothing off."""
        ...

    @property
    def trouble(self) -> str:
        """The error that upstream sent in its stream, "" for none; the client was told it."""
        ...

    def passing(self, chunk: bytes) -> int:
        """So many of a chunk's first bytes go to the client as they are; then they are not fed.

        They are a plain chunk (see `sse.is_plain`) whose events report no tokens.
        """
        ...

    def feed(self, event: Event) -> bytes:
        """Events for the client after one of upstream, b"" for none.

        Raises:
            EndpointError: the event is not what this API sends.
        """
        ...

    def end(self) -> bytes:
        """What is owed when upstream's connection ended; b"" if nothing is, or if it broke off."""
        ...


class Translation(Protocol):
    """From one API to another, and back.

    `asked`, where it is a parameter, is the client's body: what an answer repeats of it, or leaves
    out because it was not asked for.
    """

    def request(self, fields: Mapping[str, Any]) -> Json:
        """The body in the endpoint's API; `model` is the client's still.

        Raises:
            UserError: it cannot be asked there, which `obstacles` would have said.
        """
        ...

    def answer(
        self, answer: Mapping[str, Any], *, model: str, asked: Mapping[str, Any] = NOTHING
    ) -> Json:
        """A whole answer in the client's API, from the model of that name.

        Raises:
            EndpointError: there is no answer in it.
        """
        ...

    def stream(self, *, model: str, asked: Mapping[str, Any] = NOTHING) -> StreamTranslation:
        """The same for a stream."""
        ...

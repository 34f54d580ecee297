"""A translation by way of the neutral form: any client's API, any endpoint's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from finerouter.errors import EndpointError
from finerouter.gateway.sse import Event
from finerouter.gateway.translating.blocks import Blocks, StreamWriter
from finerouter.gateway.translating.chat import answer as chat
from finerouter.gateway.translating.chat.stream import ChatReader, ChatWriter
from finerouter.gateway.translating.completions import answer as completions
from finerouter.gateway.translating.completions.stream import CompletionsReader
from finerouter.gateway.translating.messages import answer as messages
from finerouter.gateway.translating.messages.stream import MessagesReader, MessagesWriter
from finerouter.gateway.translating.neutral import Answer
from finerouter.gateway.translating.pieces import Argued, Failed, Piece, Said, StreamReader
from finerouter.gateway.translating.protocol import NOTHING, Json, StreamTranslation
from finerouter.gateway.translating.requests import written
from finerouter.gateway.translating.responses import answer as responses
from finerouter.gateway.translating.responses.events import ResponsesWriter
from finerouter.gateway.translating.responses.stream import ResponsesReader

# Some clients are told the whole text again at its end, so it is kept until then.
MOST_CHARS = 64 * 1024 * 1024
# What a reader does when a field is missing or of another kind.
_MISREAD = (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError)
_READ: Mapping[str, Callable[[Mapping[str, Any]], Answer]] = {
    "chat": chat.read,
    "messages": messages.read,
    "responses": responses.read,
    "completions": completions.read,
}
_WRITE: Mapping[str, Callable[[Answer, str, Mapping[str, Any]], Json]] = {
    "chat": chat.write,
    "messages": messages.write,
    "responses": responses.write,
}
_READERS: Mapping[str, Callable[[], StreamReader]] = {
    "chat": ChatReader,
    "messages": MessagesReader,
    "responses": ResponsesReader,
    "completions": CompletionsReader,
}
_WRITERS: Mapping[str, Callable[[str, Mapping[str, Any]], StreamWriter]] = {
    "chat": ChatWriter,
    "messages": MessagesWriter,
    "responses": ResponsesWriter,
}


class Translated:
    """From a client's API to another of an endpoint."""

    def __init__(self, source: str, target: str) -> None:
        self._source = source
        self._target = target

    def request(self, fields: Mapping[str, Any]) -> Json:
        """The body in the endpoint's API."""
        return written(fields, self._source, self._target)

    def answer(
        self, answer: Mapping[str, Any], *, model: str, asked: Mapping[str, Any] = NOTHING
    ) -> Json:
        """A whole answer in the client's API."""
        try:
            return _WRITE[self._source](_READ[self._target](answer), model, asked)
        except _MISREAD as error:
            raise EndpointError(
                f"the reply of a {self._target} endpoint holds no answer ({error!r}); check the "
                "model's name and the endpoint's api in the pool"
            ) from error

    def stream(self, *, model: str, asked: Mapping[str, Any] = NOTHING) -> StreamTranslation:
        """The same for a stream."""
        writer = _WRITERS[self._source](model, asked)
        return TranslatedStream(_READERS[self._target](), writer, self._target)


class TranslatedStream:
    """One stream: read into pieces, put in order, written."""

    def __init__(
        self,
        reader: StreamReader,
        writer: StreamWriter,
        target: str,
        most_chars: int = MOST_CHARS,
    ) -> None:
        self.trouble = ""
        self._most_chars = most_chars
        self._reader = reader
        self._writer = writer
        self._target = target
        self._blocks = Blocks(writer)
        self._chars = 0
        self._begun = False
        self._ended = False

    @property
    def finished(self) -> bool:
        """Whether upstream said that it was done."""
        return self._reader.finished

    @property
    def whole(self) -> bool:
        """Whether its last word came, or its error."""
        return self._reader.finished or bool(self._reader.reason or self.trouble)

    def passing(self, chunk: bytes) -> int:
        """None pass as they are."""
        del chunk
        return 0

    def feed(self, event: Event) -> bytes:
        """Events for the client after one of upstream."""
        if self._ended or self.trouble:
            return b""
        try:
            return self._fed(event)
        except _MISREAD as error:
            raise EndpointError(
                f"the stream of a {self._target} endpoint holds an event that cannot be read "
                f"({error!r})"
            ) from error

    def end(self) -> bytes:
        """The end is written once, as soon as the answer is whole and nothing more can come."""
        if self._ended or self.trouble or not self.whole:
            return b""
        self._ended = True
        return self._blocks.end(self._reader.reason or "stop", self._reader.usage)

    def _fed(self, event: Event) -> bytes:
        pieces = self._reader.feed(event)
        written = b"".join((self._begin(), *map(self._piece, pieces)))
        return written + self.end() if self.finished else written

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._writer.begin(self._reader.usage)

    def _piece(self, piece: Piece) -> bytes:
        if self.trouble:
            return b""
        if isinstance(piece, Failed):
            self.trouble = piece.message
        if isinstance(piece, Said | Argued):
            self._count(len(piece.text))
        return self._blocks.feed(piece)

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > self._most_chars:
            raise EndpointError(
                f"the answer is longer than {self._most_chars} characters; give max_tokens"
            )

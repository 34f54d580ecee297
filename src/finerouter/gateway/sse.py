"""Server-sent events, piece by piece.

Takes bytes as they come from the network; gives whole events, and writes events back. Follows the
WHATWG standard for what counts as a line, a field and an event. Knows no API.
"""

from __future__ import annotations

from msgspec import Struct

from finerouter.errors import EndpointError

MOST_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_DATA = b"data: "


class Event(Struct, frozen=True):
    """One event.

    Attributes:
        event: its name, "" where it has none.
        data: its lines of data, joined by line feeds; as UTF-8, not looked into.
    """

    event: str = ""
    data: bytes = b""


class EventReader:
    """Gives the events of a stream, however its bytes are cut.

    Args:
        most_bytes: kept back while an event is not whole; more than that is refused.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._line: list[bytes] = []  # pieces of a line that has not ended
        self._line_bytes = 0
        self._name = ""
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are whole with this chunk.

        Raises:
            EndpointError: an event is longer than any answer may be.
        """
        if not self.holds_back and len(chunk) <= self._most_bytes and is_plain(chunk):
            self._at_start = False
            return plain_events(chunk)
        if self._after_cr and chunk:
            # A carriage return ended the line already: the line feed belongs to it.
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        events: list[Event] = []
        for line in chunk.splitlines(keepends=True):
            self._take(line, events)
        return events

    def rest(self) -> list[Event]:
        """What a stream held back that ended without an empty line."""
        return self.feed(b"\n\n")

    @property
    def holds_back(self) -> bool:
        """Whether something of an earlier chunk belongs to what comes now."""
        return bool(self._line or self._data or self._name or self._after_cr)

    def _take(self, line: bytes, events: list[Event]) -> None:
        if line[-1] not in b"\r\n":
            self._line.append(line)
            self._line_bytes += len(line)
            self._check()
            return
        self._after_cr = line.endswith(b"\r")
        whole = b"".join((*self._line, line)).rstrip(b"\r\n")
        self._line.clear()
        self._line_bytes = 0
        if self._at_start:
            self._at_start = False
            whole = whole.removeprefix(_BOM)
        if whole:
            self._field(whole)
        elif event := self._dispatched():
            events.append(event)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._data_bytes += len(line)
            self._check()
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        # A comment begins with a colon: its name is empty. `id` and `retry` are for reconnecting.

    def _dispatched(self) -> Event | None:
        data, name = self._data, self._name
        self._data, self._name, self._data_bytes = [], "", 0
        return Event(name, b"\n".join(data)) if data else None

    def _check(self) -> None:
        if self._line_bytes + self._data_bytes > self._most_bytes:
            raise EndpointError(
                f"an event of the stream is longer than {self._most_bytes} bytes; "
                "the endpoint sends no server-sent events, or something else is wrong with it"
            )


def is_plain(chunk: bytes) -> bool:
    """Whether it is whole events, each a single line of data: nearly all chunks of chats are."""
    ends = chunk.count(b"\n\n")
    return (
        chunk.startswith(_DATA)
        and chunk.endswith(b"\n\n")
        and chunk.count(b"\n\n" + _DATA) == ends - 1
        and chunk.count(b"\n") == 2 * ends
        and b"\r" not in chunk
    )


def plain_events(chunk: bytes) -> list[Event]:
    """The events of a plain chunk."""
    return [Event(data=line[len(_DATA) :]) for line in chunk[:-2].split(b"\n\n")]


def encode(event: Event) -> bytes:
    """The event as bytes of a stream."""
    name = b"event: %b\n" % event.event.encode() if event.event else b""
    if b"\n" not in event.data and b"\r" not in event.data:
        return b"%bdata: %b\n\n" % (name, event.data)
    lines = event.data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return name + b"".join(b"data: %b\n" % line for line in lines) + b"\n"

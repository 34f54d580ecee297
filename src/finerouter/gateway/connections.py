"""Connections of clients, with an end to all that a client can draw out.

Uvicorn's protocol waits for ever for a request's headers, keeps headers of any size, reads on when
a request is refused before it is in, and waits for ever for a client to take its answer. Here a
request has a time to come in and a size, and a client that takes nothing is let go. At the end a
request that crosses the end of its kept connection on the wire is still served. Knows nothing of
what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from finerouter.gateway.asgi import CONNECTION
from finerouter.gateway.settings import Limits

MOST_HEADER_BYTES = 64 * 1024
# The application answers a slow body itself; the connection goes only where that does not help.
_LATER_S = 2.0
# A client that keeps a connection may be sending its next request in the moment of the end.
_LAST_REQUEST_S = 0.5
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class Connection(HttpToolsProtocol):
    """One connection; `limits` gives the settings as they are now."""

    def __init__(self, *args: Any, limits: Callable[[], Limits], **named: Any) -> None:
        super().__init__(*args, **named)
        self._limits = limits
        self._bytes = 0  # of the request that comes in, or of its headers until they are there
        self._in_headers = True
        self._begun = False  # a request that comes in; most come in one piece, and need no clock
        self._incoming: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._ending = False
        self._gone = False
        self._listener: Callable[[], None] | None = None
        self._extension: dict[str, dict[object, object]] = {
            CONNECTION: {"watch": self.watch, "unwatch": self.unwatch, "arrived": self.arrived}
        }

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected: its first request has a time to come."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._arrived()
        self.resume_writing()
        super().connection_lost(exc)
        self._gone = True
        if self._listener is not None:
            self._listener()

    def watch(self, listener: Callable[[], None]) -> bool:
        """Tell this one when the client goes; whether it is there."""
        self._listener = listener
        if not self._gone:
            # Reading rests after a large body, and then the end of the connection is not seen.
            self.flow.resume_reading()
        return not self._gone

    def unwatch(self, listener: Callable[[], None]) -> None:
        """Tell it no more."""
        # The next request may be watched before the last one has quite ended.
        if self._listener == listener:
            self._listener = None

    def arrived(self) -> bool:
        """Whether the body of the latest request is there, and with it all before that."""
        return self.cycle is not None and not self.cycle.more_body

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; only so many of them."""
        self._bytes += len(data)
        super().data_received(data)
        if self._begun and self._incoming is None:
            self._expect()
        most = MOST_HEADER_BYTES if self._in_headers else _beyond(self._limits())
        if self._bytes > most and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        """The first byte of a request is there."""
        super().on_message_begin()
        self.scope["extensions"] = self._extension
        self._begun = True

    def on_headers_complete(self) -> None:
        """The headers are in."""
        self._in_headers, self._bytes = False, 0
        super().on_headers_complete()
        if self._ending:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The whole request is in."""
        self._in_headers, self._bytes = True, 0
        self._begun = False
        self._arrived()
        super().on_message_complete()

    def shutdown(self) -> None:
        """The server stops: what is under way ends, and what is being sent is served."""
        self._ending = True
        if self.cycle is None or self.cycle.response_complete:
            self._end_soon()
        elif not self.cycle.response_started:
            # Its headers will tell the client that it is the last. What has begun cannot say so.
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """An answer is out."""
        super().on_response_complete()
        if self._ending:
            self._end_soon()

    def pause_writing(self) -> None:
        """The client does not take what is sent: not for ever."""
        super().pause_writing()
        if self._stalled is None:
            wait_s = self._limits().write_timeout_s
            self._stalled = self.loop.call_later(wait_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes it again."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _end_soon(self) -> None:
        self.loop.call_later(_LAST_REQUEST_S, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _expect(self) -> None:
        wait_s = self._limits().body_timeout_s + _LATER_S
        self._incoming = self.loop.call_later(wait_s, self.transport.abort)

    def _arrived(self) -> None:
        if self._incoming is not None:
            self._incoming.cancel()
            self._incoming = None

    def _refuse(self) -> None:
        if self._in_headers and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        else:
            self.transport.abort()


def _beyond(limits: Limits) -> int:
    """Bytes that no body takes which the application would accept, in whatever chunks it comes."""
    return 8 * limits.max_body_bytes + MOST_HEADER_BYTES

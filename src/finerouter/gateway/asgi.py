"""One HTTP exchange as ASGI sees it: headers and body in, an answer out.

Takes the three things that an ASGI server hands over; gives an `Exchange`. Knows nothing of APIs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# An extension of ASGI by our server. `watch`, `unwatch`: have somebody told when the client goes;
# ASGI itself tells only who waits for it, and that takes a task for every request. `arrived`:
# whether the whole body is there, so that no clock is needed to wait for it.
CONNECTION = "finerouter.connection"

# What `content-encoding` says of a body that is sent as it is.
_PLAIN = ("", "identity")


class BodyTooLarge(Exception):
    """More bytes than the gateway takes."""


class BodyEncoded(Exception):
    """It is compressed, or otherwise not as plain bytes."""


class BodyTooSlow(Exception):
    """The request did not come in time."""


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Exchange:
    """A request and the way to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.path_params: Mapping[str, Any] = scope.get("path_params", {})
        self._scope = scope
        self._receive = receive
        self._send = send
        self.status = 0
        self.finished = False

    @cached_property
    def headers(self) -> dict[str, str]:
        """Names in lower case; of a name that comes twice the last counts."""
        return {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in self._scope["headers"]
        }

    @cached_property
    def query(self) -> dict[str, str]:
        """What stands after the question mark."""
        return dict(parse_qsl(self._scope.get("query_string", b"").decode("latin-1")))

    @property
    def started(self) -> bool:
        """Whether something has gone out."""
        return self.status != 0

    async def body(self, most_bytes: int, timeout_s: float) -> bytes:
        """The whole body.

        Raises:
            BodyEncoded, BodyTooLarge, BodyTooSlow, ClientGone: as they say.
        """
        if self.headers.get("content-encoding", "").strip().lower() not in _PLAIN:
            raise BodyEncoded
        declared = self.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most_bytes:
            raise BodyTooLarge
        if self._connection is not None and self._connection["arrived"]():
            return await self._read(most_bytes)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._read(most_bytes)
        except TimeoutError:
            raise BodyTooSlow from None

    async def _read(self, most_bytes: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size > most_bytes:
                raise BodyTooLarge
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def watch(self, listener: Callable[[], None]) -> bool:
        """Have somebody told when the client goes, until `unwatch`; whether it is there.

        Only after the body is read. A server that is not ours tells nobody.
        """
        connection = self._connection
        return connection is None or bool(connection["watch"](listener))

    def unwatch(self, listener: Callable[[], None]) -> None:
        """Tell it no more."""
        if self._connection is not None:
            self._connection["unwatch"](listener)

    @property
    def _connection(self) -> Mapping[str, Any] | None:
        extension: Mapping[str, Any] | None = self._scope.get("extensions", {}).get(CONNECTION)
        return extension

    async def answer(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole answer; JSON unless the headers say otherwise."""
        sized = {"content-length": str(len(body)), **(headers or {})}
        await self.start(status, {"content-type": "application/json", **sized})
        await self.write(body, last=True)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send status and headers."""
        self.status = status
        pairs = [
            (name.encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in headers.items()
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send a piece of the body."""
        self.finished = self.finished or last
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

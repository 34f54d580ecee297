"""The client of one endpoint.

Takes paths and bodies; gives replies. `open` is one attempt whose answer comes in pieces, `send`
one attempt read to its end, `post` the whole of it: a slot, retries, a JSON object or an error.
Bodies go out as they are. Knows nothing of what is asked.

What aiohttp raises is mapped here, once: to a `Reply` without a status, or to `EndpointError` for a
stream that breaks off.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from finerouter.asking import Endpoint
from finerouter.errors import EndpointError, UserError
from finerouter.upstream.keys import Key
from finerouter.upstream.limits import Clock, Limits
from finerouter.upstream.patience import Patience, Sleep, patiently, retry_after_s
from finerouter.upstream.reply import Reply

if TYPE_CHECKING:
    import aiohttp

_logger = logging.getLogger(__name__)

_ANTHROPIC_VERSION = "2023-06-01"
MAX_CONCURRENT = 4
_MOST_BYTES = 64 * 1024 * 1024
_EXCERPT_CHARS = 300
_NEXT_STEP = {
    400: "the endpoint refused the request; see its message",
    401: "set {key} to a valid key",
    403: "the key in {key} may not use this; check its rights",
    404: "check the base URL and the model's name",
    413: "send less at a time",
    429: "wait, or ask less often",
}


@dataclass(frozen=True)
class Timeouts:
    """Seconds: until connected, until an answer begins (None: the endpoint's), between pieces."""

    connect_s: float = 10.0
    first_byte_s: float | None = None
    between_chunks_s: float = 120.0


@dataclass(frozen=True)
class Connections:
    """How connections are kept.

    Attributes:
        keep_s: a connection that has been idle for longer is not used again.
        read_bytes: read ahead of whoever takes the chunks.
        renew: whether a call is sent once more, in silence, when a kept connection turns out to be
            dead before anything came back. Whoever counts every call keeps this off: the server may
            have worked on the first one.
    """

    keep_s: float = 15.0
    read_bytes: int = 64 * 1024
    renew: bool = False


class Stream:
    """An answer that has begun: status and headers are known, the body comes in pieces."""

    def __init__(self, response: aiohttp.ClientResponse, upstream: Upstream) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._upstream = upstream

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's pieces as they arrive.

        Raises:
            EndpointError: it broke off, or nothing came for too long.
        """
        while chunk := await self.next():
            yield chunk

    def here(self) -> bytes:
        """What has come and was not read, b"" for nothing.

        Raises:
            EndpointError: it broke off.
        """
        try:
            return self._response.content.read_nowait()
        except (*self._upstream.troubles, RuntimeError) as error:
            raise EndpointError(f"the answer broke off ({_named(error)})") from error

    async def next(self) -> bytes:
        """The next piece, b"" at the end.

        Raises:
            EndpointError: it broke off, or nothing came for too long.
        """
        content = self._response.content
        # What is here already needs no clock, which costs more than the reading.
        if (chunk := self.here()) or content.at_eof():
            return chunk
        try:
            async with asyncio.timeout(self._upstream.timeouts.between_chunks_s):
                return await content.readany()
        except TimeoutError as error:
            raise TookTooLong(f"the answer broke off ({_named(error)})") from error
        # The last is the library's for a connection that we have closed under the reader.
        except (*self._upstream.troubles, RuntimeError) as error:
            raise EndpointError(f"the answer broke off ({_named(error)})") from error

    @property
    def complete(self) -> bool:
        """Whether all of it has come, read or not."""
        return self._response.content.is_eof()

    def close(self) -> None:
        """Cut the connection unless the answer is at its end; the endpoint notices at once."""
        self._response.close()


class Upstream:
    """One endpoint with its key, connections, limits and patience; for one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeouts: Timeouts | None = None,
        patience: Patience | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = time.monotonic,
        most_bytes: int = _MOST_BYTES,
        connections: Connections | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            endpoint: where.
            timeouts: for connecting and for each wait for data.
            patience: for `post`, and for whoever retries by hand.
            sleep: how to wait, in seconds.
            clock: seconds that never run backwards.
            most_bytes: of an answer that `send` reads.
            connections: how they are kept.

        Raises:
            UserError: aiohttp is not installed.
        """
        self.endpoint = endpoint
        self.key = Key(endpoint.key_env, endpoint.key_file)
        self.patience = patience or Patience()
        self.sleep = sleep
        self.timeouts = timeouts or Timeouts()
        self._most_bytes = most_bytes
        self._connections = connections or Connections()
        self._limits = Limits(
            endpoint.max_concurrent or MAX_CONCURRENT,
            endpoint.requests_per_minute,
            clock=clock,
            sleep=sleep,
        )
        self._http = _import_aiohttp()
        self.troubles = (self._http.ClientError, TimeoutError, OSError)

    def __repr__(self) -> str:
        return f"Upstream({self.endpoint.base_url!r}, key in {self.key.place})"

    async def __aenter__(self) -> Upstream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        session = self.__dict__.pop("_session", None)
        if session is not None:
            await session.close()

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Wait for leave to call, and hold it; `post` does this by itself."""
        return self._limits.slot()

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a body and read the answer, with retries where these can help.

        Raises:
            EndpointError: no usable answer after all attempts.
            UserError: the key cannot be read or sent.
        """
        content = encoded(body)

        async def attempt() -> Reply:
            async with self.slot():
                return await self.send(path, content)

        reply = await patiently(attempt, self.patience, self.sleep)
        answer = reply.json if reply.fine else None
        if answer is None:
            raise self.error(path, reply)
        return answer

    async def send(
        self, path: str, content: bytes, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One attempt, read to its end. Never raises for what the endpoint does.

        Raises:
            UserError: the key cannot be read or sent.
        """
        try:
            async with self.open(path, content, headers) as stream:
                reply = await self._read(stream)
        except EndpointError as error:
            reply = Reply(0, reason=str(error), sent=not isinstance(error, NotSent))
        if reply.may_pass:
            _logger.info("%s: status %d (%s)", path, reply.status, self._excerpt(reply.reason))
            self._limits.pause(self._pause_s(reply))
        return reply

    @asynccontextmanager
    async def open(
        self, path: str, content: bytes, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Stream]:
        """One attempt; the stream is open while the context is. Leaving it cancels the call.

        Raises:
            EndpointError: no answer began in time.
            UserError: the key cannot be read or sent.
        """
        stream = await self.begin(path, content, headers)
        try:
            yield stream
        finally:
            stream.close()

    async def begin(
        self,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        api: str = "",
    ) -> Stream:
        """The same as `open`, for those who call `Stream.close` themselves.

        Args:
            path, content, headers, method: what to send.
            api: in which the call is, "" for the endpoint's own.

        Raises:
            EndpointError: no answer began: `NotSent`, `TookTooLong`, or the connection broke.
            UserError: the key cannot be read or sent.
        """
        all_headers = {
            "content-type": "application/json",
            **self._version(api),
            **self.endpoint.headers,
            **(headers or {}),
            **self._authorization(api),
        }
        try:
            async with asyncio.timeout(self.first_byte_s):
                url = self.endpoint.base_url + path
                return await self._begun(method, url, content, all_headers)
        except self._http.ClientHttpProxyError as error:
            # Not the error's own text: it shows the proxy's address with user and password.
            raise NotSent(f"the proxy refused: status {error.status}") from None
        except (self._http.ClientConnectorError, self._http.ConnectionTimeoutError) as error:
            raise NotSent(_named(error)) from error
        except TimeoutError as error:
            raise TookTooLong(_named(error)) from error
        except self.troubles as error:
            raise EndpointError(_named(error)) from error

    async def _begun(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Stream:
        use = _Use()
        _use.set(use)
        try:
            return await self._asked(method, url, content, headers)
        except (self._http.ServerDisconnectedError, self._http.ClientOSError) as error:
            # Servers close idle connections, and a call may cross that on the wire.
            silent = isinstance(getattr(error, "message", ""), str)
            if not (self._connections.renew and use.kept and silent):
                raise
        return await self._asked(method, url, content, headers)

    async def _asked(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Stream:
        response = await self._session.request(
            method, url, data=content, headers=headers,
            proxy=self._proxy, allow_redirects=False,
        )  # fmt: skip
        return Stream(response, self)

    def error(self, path: str, reply: Reply) -> EndpointError:
        """What to tell about a reply that is of no use; the key is not in it."""
        excerpt = self._excerpt(reply.text)
        if reply.status == 0:
            step = "check that the endpoint is up and the base URL right"
            return EndpointError(f"POST {path}: no answer ({excerpt}); {step}")
        if reply.fine:
            return EndpointError(
                f"POST {path}: status {reply.status}, but the answer is not a JSON object: "
                f"{excerpt}; check the base URL"
            )
        step = _NEXT_STEP.get(reply.status, "try again later; see the endpoint's message")
        step = step.format(key=self.key.place)
        message = f"POST {path}: status {reply.status}: {excerpt}; {step}"
        return EndpointError(message, status=reply.status)

    @property
    def first_byte_s(self) -> float:
        """Seconds until an answer has to begin."""
        return self.timeouts.first_byte_s or self.endpoint.timeout_s

    def _pause_s(self, reply: Reply) -> float:
        # What is too long to wait for is told to the caller and is no reason to hang.
        asked = retry_after_s(reply) or 0.0
        return asked if asked <= self.patience.longest_wait_s else 0.0

    async def _read(self, stream: Stream) -> Reply:
        body = bytearray()
        async for chunk in stream.chunks():
            body += chunk
            if len(body) > self._most_bytes:
                raise EndpointError(f"the answer is longer than {self._most_bytes} bytes")
        return Reply(stream.status, stream.headers, bytes(body))

    def _version(self, api: str) -> dict[str, str]:
        messages = (api or self.endpoint.api) == "messages"
        return {"anthropic-version": _ANTHROPIC_VERSION} if messages else {}

    def _authorization(self, api: str) -> dict[str, str]:
        """The key as the endpoint's own API wants it, and as the API of the call does."""
        key = self.key.read()
        apis = {self.endpoint.api, api or self.endpoint.api}
        headers = {}
        if key and "messages" in apis:
            headers["x-api-key"] = key
        if key and apis != {"messages"}:
            headers["authorization"] = f"Bearer {key}"
        return headers

    def _excerpt(self, text: str) -> str:
        return " ".join(self.key.hidden(text)[:_EXCERPT_CHARS].split()) or "empty answer"

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        # Waits for data are timed where they are waited for.
        # `connect` holds the look-up of the name too.
        connect_s = self.timeouts.connect_s
        timeout = self._http.ClientTimeout(None, connect=connect_s, sock_connect=connect_s)
        session: aiohttp.ClientSession = self._http.ClientSession(
            timeout=timeout,
            # The limits say how many connections there are; the library's own cap would queue them.
            connector=self._http.TCPConnector(
                limit=0, keepalive_timeout=self._connections.keep_s, socket_factory=_new_socket
            ),
            read_bufsize=self._connections.read_bytes,
            # Calls of different people share it: a cookie of one is not for the others.
            cookie_jar=self._http.DummyCookieJar(),
        )
        return session

    @cached_property
    def _proxy(self) -> str | None:
        # Not the library's `trust_env`: that also sends passwords that it finds in ~/.netrc.
        parts = urlsplit(self.endpoint.base_url)
        return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


class NotSent(EndpointError):
    """No connection came about: nothing was asked, nothing can be billed."""


class TookTooLong(EndpointError):
    """A connection came about, and nothing came over it in time."""


class _Use:
    """Whether a call goes over a connection that an earlier one has left."""

    kept = True


# Of the call under way. Its connection is new if a socket was made for it, which is told here; the
# library's own word for it comes with a dozen others, at every call.
_use: ContextVar[_Use] = ContextVar("_use")


def _new_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    _use.get().kept = False
    return socket.socket(family, kind, protocol)


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as JSON; half a surrogate pair is escaped and survives."""
    return json.dumps(body).encode("ascii")


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _import_aiohttp() -> ModuleType:
    # Not at the top: only those who call endpoints need it.
    try:
        import aiohttp
    except ImportError as error:
        raise UserError(
            "remote endpoints need aiohttp: pip install 'finerouter[remote]'"
        ) from error
    return aiohttp

"""One call of an endpoint, up to the point where its answer can be believed.

Takes an upstream and a prepared request; gives `Begun` or `Trouble`, and raises for neither. A
whole answer is read to its end; a stream up to its first event, because many endpoints say what
went wrong in an answer of status 200. Knows nothing of breakers, slots or other endpoints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from finerouter.errors import EndpointError, UserError
from finerouter.gateway.fleet.trouble import (
    TOO_SLOW,
    Trouble,
    of_break,
    of_error,
    of_status,
    useless,
)
from finerouter.upstream import Stream, Upstream

# A first event may repeat all instructions; what stands in front of an error is short.
_MOST_FIRST_BYTES = 1024 * 1024
_MOST_ERROR_BYTES = 64 * 1024
_ERROR_BODY_S = 5.0
_OWN_HEADERS = {"accept-encoding": "identity"}


class Prepared(Struct, frozen=True):
    """A request as one endpoint wants it.

    Attributes:
        path: below the endpoint's base URL.
        content: the body.
        headers: beside those of the endpoint.
        stream: whether the answer is asked for in pieces.
        api: in which it is written, "" for the endpoint's own.
    """

    path: str
    content: bytes
    headers: Mapping[str, str]
    stream: bool = False
    api: str = ""


class Begun(Struct, frozen=True):
    """An answer that can be believed; `stream` is open, or None where `first` is all of it."""

    status: int
    headers: Mapping[str, str]
    first: bytes
    stream: Stream | None


class _Envelope(Struct):
    """The part of an answer or event that tells an error from an answer."""

    error: Any = None
    type: Any = None


_envelope = msgspec.json.Decoder(_Envelope)


async def answer(upstream: Upstream, prepared: Prepared, most_bytes: int) -> Begun | Trouble:
    """Ask once; the connection is closed unless the answer goes on.

    Args:
        upstream: whom.
        prepared: what.
        most_bytes: of an answer that is not streamed.
    """
    try:
        headers = _OWN_HEADERS | dict(prepared.headers)
        path, content, api = prepared.path, prepared.content, prepared.api
        stream = await upstream.begin(path, content, headers, api=api)
    except (EndpointError, UserError) as error:
        return of_error(error)
    outcome: Begun | Trouble | None = None
    try:
        outcome = await _opening(stream, upstream, prepared, most_bytes)
    except EndpointError as error:
        outcome = of_break(error)
    finally:
        if not (isinstance(outcome, Begun) and outcome.stream):
            stream.close()
    return outcome


async def _opening(
    stream: Stream, upstream: Upstream, prepared: Prepared, most_bytes: int
) -> Begun | Trouble:
    if not 200 <= stream.status < 300:
        body = await _error_body(stream)
        return of_status(stream.status, stream.headers, body, prepared.path, upstream)
    kind = stream.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html":
        return useless(f"an answer of type {kind}")
    as_events = prepared.stream and not kind.endswith("json")
    first = await (_first_event(stream, upstream) if as_events else _whole(stream, most_bytes))
    if isinstance(first, Trouble):
        return first
    body, told = first
    fault = _fault(told)
    if isinstance(fault, int):
        return of_status(fault, stream.headers, told, prepared.path, upstream)
    if fault or prepared.stream is not as_events:
        return useless(fault or f"an answer of type {kind}")
    return Begun(stream.status, stream.headers, body, stream if as_events else None)


async def _whole(stream: Stream, most_bytes: int) -> tuple[bytes, bytes] | Trouble:
    body = bytearray()
    while chunk := await stream.next():
        body += chunk
        if len(body) > most_bytes:
            return useless(f"an answer of more than {most_bytes} bytes")
    return (bytes(body), bytes(body)) if body else useless("an empty answer")


async def _first_event(stream: Stream, upstream: Upstream) -> tuple[bytes, bytes] | Trouble:
    # It often comes together with the headers, and then needs no clock.
    body = bytearray(stream.here())
    if (told := first_data(body)) is not None:
        return bytes(body), told
    try:
        async with asyncio.timeout(upstream.first_byte_s):
            while chunk := await stream.next():
                body += chunk
                if (told := first_data(body)) is not None:
                    return bytes(body), told
                if len(body) > _MOST_FIRST_BYTES:
                    return useless("a stream without events")
    except TimeoutError:
        return TOO_SLOW
    told = first_data(body + b"\n\n")
    if told is not None:
        return bytes(body), told
    return useless("a stream without events" if body else "an empty answer")


def first_data(body: bytes | bytearray) -> bytes | None:
    """Data of the first event that has any, None while there is none.

    Comments, which some endpoints send while they wait themselves, are passed over.
    """
    lines = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for event in lines.split(b"\n\n")[:-1]:
        data = [line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")]
        if data:
            return bytes(b"\n".join(data))
    return None


async def _error_body(stream: Stream) -> bytes:
    # The status says enough: a body that is endless, slow or broken off is no further trouble.
    body = bytearray()
    try:
        async with asyncio.timeout(_ERROR_BODY_S):
            while len(body) < _MOST_ERROR_BYTES and (chunk := await stream.next()):
                body += chunk
    except (EndpointError, TimeoutError):
        pass
    return bytes(body[:_MOST_ERROR_BYTES])


# What the kinds of errors mean that come without a status, by Anthropic's and OpenAI's names.
_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "overloaded_error": 529,
}


def _fault(told: bytes) -> int | str:
    """The status of an error inside an answer, why it is no answer, or "" where it is fine."""
    if told == b"[DONE]":
        return "an empty answer"
    try:
        # The decoder passes over texts that nobody asked for without looking at their bytes.
        if not told.isascii():
            told.decode("utf-8")
        found = _envelope.decode(told)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return "an answer that is not JSON"
    if found.error or found.type in ("error", "response.failed"):
        return _status_of(found.error)
    return ""


def _status_of(error: Any) -> int:
    if not isinstance(error, dict):
        return 502
    for value in (error.get("status"), error.get("code")):
        if isinstance(value, int | str) and str(value).isdecimal() and 400 <= int(value) <= 599:
            return int(value)
    names = (error.get("type"), error.get("code"))
    return next((_STATUS_OF[str(name)] for name in names if str(name) in _STATUS_OF), 502)

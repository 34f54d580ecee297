"""Errors in the words of the API that the client speaks.

Takes a status, a message and a kind; gives the body of a refusal, or the event that ends a stream
which has begun. Both are what the official client libraries parse. Knows no cause of any error.
"""

from __future__ import annotations

from typing import Any

import msgspec

from finerouter.gateway.sse import Event, encode

# Kinds, as Anthropic calls them; OpenAI's API has fewer.
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
# What OpenAI's API calls `type` and `code` for each of them.
_OPENAI = {
    "authentication_error": ("invalid_request_error", "invalid_api_key"),
    "billing_error": ("insufficient_quota", "insufficient_quota"),
    "permission_error": ("invalid_request_error", "permission_denied"),
    "not_found_error": ("invalid_request_error", "not_found"),
    "request_too_large": ("invalid_request_error", "request_too_large"),
    "rate_limit_error": ("rate_limit_error", "rate_limit_exceeded"),
    "timeout_error": ("server_error", "timeout"),
    "overloaded_error": ("server_error", "overloaded"),
    "api_error": ("server_error", "server_error"),
    "invalid_request_error": ("invalid_request_error", None),
}


def error_kind(status: int) -> str:
    """What kind of error an HTTP status is."""
    return _KINDS.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def error_body(
    api: str, status: int, message: str, kind: str = "", *, request_id: str | None = None
) -> bytes:
    """The body of a refusal.

    Args:
        api: "messages", or any other for OpenAI's form.
        status: of HTTP; it says the kind where `kind` is none of those of `error_kind`.
        message: for people.
        kind: one of those; any other word becomes the `code` of OpenAI's form.
        request_id: the decision's id, in Anthropic's form only.
    """
    message = _sayable(message)
    if api == "messages":
        return msgspec.json.encode(_anthropic(message, _known(kind, status), request_id))
    return msgspec.json.encode({"error": _openai(message, kind, status)})


def error_event(
    api: str, message: str, kind: str = "api_error", *, sequence_number: int = 0
) -> bytes:
    """The event that tells a client that its stream is broken; nothing may follow it."""
    message = _sayable(message)
    if api == "messages":
        body = _anthropic(message, _known(kind, 500), None)
        return encode(Event("error", msgspec.json.encode(body)))
    error = _openai(message, kind, 500)
    if api != "responses":
        return encode(Event(data=msgspec.json.encode({"error": error})))
    body = {
        "type": "error",
        "code": error["code"],
        "message": message,
        "param": None,
        "sequence_number": sequence_number,
    }
    return encode(Event("error", msgspec.json.encode(body)))


def _sayable(message: str) -> str:
    """Half a surrogate pair, which a message may quote of a request, as a question mark."""
    return message.encode("utf-8", "replace").decode("utf-8")


def _known(kind: str, status: int) -> str:
    return kind if kind in _OPENAI else error_kind(status)


def _anthropic(message: str, kind: str, request_id: str | None) -> dict[str, Any]:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return {**body, "request_id": request_id} if request_id else body


def _openai(message: str, kind: str, status: int) -> dict[str, Any]:
    words, code = _OPENAI[_known(kind, status)]
    if kind and kind not in _OPENAI:
        code = kind
    return {"message": message, "type": words, "param": None, "code": code}

"""Which status and words an error becomes for the client.

Takes what was raised; gives a `Refusal`. Inner errors become a plain 500 and a line in the log:
what they say is not for strangers.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any

import msgspec

from finerouter.errors import (
    DataError,
    EndpointError,
    JournalUnavailable,
    NoEligibleModel,
    PolicyError,
    PoolError,
)
from finerouter.gateway.access import Refused
from finerouter.gateway.api_errors import error_body
from finerouter.gateway.asgi import BodyEncoded, BodyTooLarge, BodyTooSlow
from finerouter.gateway.dispatching import NotReached

_logger = logging.getLogger(__name__)
_WORTH_WAITING_S = 60.0
# Of an endpoint's message; and where the kinds of endpoints put it.
_MOST_CHARS = 1_000
_MESSAGES = ("error", "message", "detail")


@dataclass(frozen=True)
class Refusal:
    """What to tell a client instead of an answer.

    Attributes:
        status: of HTTP.
        message: for people.
        kind: a word for programs; "" for the usual one of the status.
        retry_after_s: when to come back, None for no advice.
        body: what the endpoint said in place of an answer; see `body_for`.
    """

    status: int
    message: str
    kind: str = ""
    retry_after_s: float | None = None
    body: bytes | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What tells programs whether and when to ask again."""
        headers = {}
        if self.retry_after_s is not None:
            headers["retry-after"] = str(max(1, math.ceil(self.retry_after_s)))
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        if self.kind == "insufficient_quota" or (self.retry_after_s or 0) > _WORTH_WAITING_S:
            # The official client libraries heed it: a spent budget is no rush to wait out, and
            # Anthropic's would sleep for as long as it is told, be it a month.
            headers["x-should-retry"] = "false"
        return headers

    def body_for(self, api: str) -> bytes:
        """What to send to a client of this API: the endpoint's own words where it can read them."""
        told = _decoded(self.body)
        if self.body and isinstance(told, dict) and _of_form(told, api):
            return self.body
        message = (_said(told) or self.message)[:_MOST_CHARS] if self.body else self.message
        return error_body(api, self.status, message, self.kind)


def _decoded(body: bytes | None) -> Any:
    """The body's JSON, or its text where it holds none."""
    try:
        return msgspec.json.decode(body or b"")
    except (msgspec.DecodeError, RecursionError):
        return (body or b"").decode("utf-8", "replace").strip()


def _of_form(told: dict[str, Any], api: str) -> bool:
    """Whether it has this API's form: messages endpoints say that it is an error, others do not."""
    return (told.get("type") == "error") is (api == "messages")


def _said(told: Any) -> str:
    """The message in what an endpoint said, "" where there is none."""
    while isinstance(told, dict):
        told = next((told[name] for name in _MESSAGES if told.get(name)), "")
    return told if isinstance(told, str) else ""


def refusal(error: Exception) -> Refusal:
    """What to tell the client about an error."""
    if isinstance(error, Refused):
        return Refusal(error.status, error.message, error.kind, error.retry_after_s)
    if isinstance(error, NotReached):
        return Refusal(
            error.status, str(error), retry_after_s=error.retry_after_s, body=error.body or None
        )
    for kinds, status, kind in _KNOWN:
        if isinstance(error, kinds):
            return Refusal(status, _words(status, error), kind)
    _logger.error("a request failed inside the gateway", exc_info=error)
    return Refusal(500, "the gateway made a mistake; its log has the details", "internal_error")


def _words(status: int, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    return str(error) or _WORDS[status]


_WORDS = {
    408: "the request did not come in time; send its body faster",
    413: "the request is larger than this gateway takes (limits.max_body_bytes)",
    415: "a body with a content-encoding is not read here; send it plain, without that header",
}
_KNOWN: tuple[tuple[type[Exception], int, str], ...] = (
    (RecursionError, 400, "invalid_request"),
    (BodyTooLarge, 413, "request_too_large"),
    (BodyEncoded, 415, "unsupported_content_encoding"),
    (BodyTooSlow, 408, "timeout"),
    (PoolError, 404, "model_not_found"),
    (NoEligibleModel, 400, "no_eligible_model"),
    (PolicyError, 400, "invalid_policy"),
    (DataError, 400, "invalid_request"),
    (EndpointError, 502, "bad_gateway"),
    (JournalUnavailable, 503, "journal_unavailable"),
)

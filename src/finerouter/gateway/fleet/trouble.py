"""Why a call of an endpoint was of no use, and whose fault that is.

Takes what the client raised or what the endpoint said; gives a `Trouble`. `reason` is fit for
clients and the journal: it holds no address, no key, and nothing of what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from finerouter.errors import EndpointError, UserError
from finerouter.upstream import Reply, Upstream
from finerouter.upstream.client import NotSent, TookTooLong
from finerouter.upstream.patience import retry_after_s


class Kind(Enum):
    """Whose fault it is."""

    PASSING = auto()  # the endpoint's, with this model, for now
    UNREACHABLE = auto()  # the endpoint's, with every model, for now
    FORBIDDEN = auto()  # the configuration's or the request's: hosts say 403 of both
    WRONG_MODEL = auto()  # the configuration's: the endpoint does not know the model
    WRONG_KEY = auto()  # the configuration's, for every model
    REFUSED = auto()  # the request's: no endpoint would take it
    TOO_LONG = auto()  # the request's: a model with a longer context would take it
    BUSY = auto()  # nobody's: no slot came free in time, nothing was sent


@dataclass(frozen=True)
class Trouble:
    """What came of a call that gave no answer.

    Attributes:
        kind: whose fault.
        reason: in a few words, fit for clients.
        status: what HTTP said; inside an answer of status 200, what its error says; 0 for nothing.
        sent: whether the endpoint may have worked on it.
        slow: whether time ran out.
        retry_after_s: for how long the endpoint asks to be left alone.
        body: what the endpoint said about the request, without the key.
        detail: for operators.
    """

    kind: Kind
    reason: str
    status: int = 0
    sent: bool = True
    slow: bool = False
    retry_after_s: float | None = None
    body: bytes = b""
    detail: str = ""

    @property
    def may_pass(self) -> bool:
        """Whether the same call may do better later."""
        return self.kind in (Kind.PASSING, Kind.UNREACHABLE)

    @property
    def whole(self) -> bool:
        """Whether it concerns every model of the endpoint."""
        return self.kind in (Kind.UNREACHABLE, Kind.WRONG_KEY)

    @property
    def firm(self) -> bool:
        """Whether somebody has to mend the configuration."""
        return self.kind in (Kind.WRONG_MODEL, Kind.WRONG_KEY)

    @property
    def blames_endpoint(self) -> bool:
        """Whether the endpoint did worse than it should."""
        return self.kind not in (Kind.REFUSED, Kind.TOO_LONG, Kind.BUSY)


TOO_SLOW = Trouble(Kind.PASSING, "no answer in time", slow=True)
BUSY = Trouble(Kind.BUSY, "no free slot in time", sent=False)

_PASSING = frozenset((408, 409, 425, 429))  # and every 5xx
_WRONG_KEY = frozenset((401, 402, 407))
_WRONG_MODEL = frozenset((404, 405))  # and every 3xx: the base URL is wrong
_TOO_LONG = re.compile(
    rb"context[ _]length|context[ _]window|maximum context|max_model_len|too many tokens"
    rb"|(prompt|input|request)( is)? too long|exceeds? the (available )?context"
    rb"|maximum prompt length",
    re.IGNORECASE,
)


def of_error(error: EndpointError | UserError) -> Trouble:
    """What the client raised before an answer began."""
    detail = str(error)
    if isinstance(error, UserError):
        reason = "its key cannot be read"
        return Trouble(Kind.WRONG_KEY, reason, sent=False, detail=detail)
    if isinstance(error, NotSent):
        return Trouble(Kind.UNREACHABLE, "no connection", sent=False, detail=detail)
    if isinstance(error, TookTooLong):
        return replace(TOO_SLOW, detail=detail)
    return Trouble(Kind.UNREACHABLE, "hung up before it answered", detail=detail)


def of_break(error: EndpointError) -> Trouble:
    """What the client raised after an answer had begun."""
    if isinstance(error, TookTooLong):
        return replace(TOO_SLOW, detail=str(error))
    return Trouble(Kind.PASSING, "its answer broke off", detail=str(error))


def useless(reason: str, status: int = 200) -> Trouble:
    """An answer that says that it is one, and is none."""
    return Trouble(Kind.PASSING, reason, status=status)


def of_status(
    status: int, headers: Mapping[str, str], body: bytes, path: str, upstream: Upstream
) -> Trouble:
    """What the endpoint said in place of an answer."""
    kind = _kind(status, body)
    reply = Reply(status, headers, body)
    told = upstream.key.hidden(body.decode("utf-8", "replace")).encode()
    # Elsewhere endpoints repeat what they were asked, which is nothing for a log.
    quotable = kind in (Kind.WRONG_KEY, Kind.WRONG_MODEL)
    return Trouble(
        kind,
        f"status {status}",
        status,
        retry_after_s=retry_after_s(reply),
        body=told if kind in (Kind.REFUSED, Kind.TOO_LONG) else b"",
        detail=str(upstream.error(path, reply)) if quotable else _DETAIL.get(kind, ""),
    )


_DETAIL = {
    Kind.FORBIDDEN: "status 403: the key may not use the model, or the endpoint refuses the prompts"
}


def _kind(status: int, body: bytes) -> Kind:
    if status >= 500 or status in _PASSING:
        return Kind.PASSING
    if status in _WRONG_KEY:
        return Kind.WRONG_KEY
    if status == 403:
        return Kind.FORBIDDEN
    if status in _WRONG_MODEL or status < 400:
        return Kind.WRONG_MODEL
    return Kind.TOO_LONG if _TOO_LONG.search(body) else Kind.REFUSED

"""POST /v1/feedback: what somebody thought of an answer, by the id of its decision."""

from __future__ import annotations

import time
from typing import Any

from finerouter.errors import DataError
from finerouter.gateway.access import Caller, Refused
from finerouter.gateway.asgi import Exchange
from finerouter.gateway.naming import shown
from finerouter.gateway.plain import answer_json, read_json
from finerouter.gateway.record import Feedback, Record
from finerouter.gateway.service import Service

_THUMBS = {"up": 1.0, "down": 0.0}
_KNOWN = frozenset(("decision_id", "score", "thumbs", "source", "note"))
_MOST_CHARS = 4_000
# Below this the conversation's model is not held to serve it well.
_GOOD = 0.5


async def feedback(service: Service, exchange: Exchange) -> None:
    """Attach a score to a decision; it is on disk when this answers."""
    parts = service.parts
    caller = parts.access.caller(exchange.headers, "feedback")
    given = _feedback(await read_json(service, exchange), caller.name)
    record = await _record(service, caller, given.decision_id)
    if record is None or not await parts.journal.feedback(given):
        raise Refused(
            404,
            f"there is no decision {shown(given.decision_id)} of this key; a request that was "
            "refused before a model was chosen has none",
            "not_found_error",
        )
    if given.score < _GOOD and record.session:
        # A conversation does not stay on a model whose answer was disliked.
        parts.conversations.release(record.session)
    await answer_json(exchange, {"decision_id": given.decision_id, "score": given.score})


async def _record(service: Service, caller: Caller, decision_id: str) -> Record | None:
    """The decision, if it is the caller's to judge: its own, or any for an administrator."""
    found = await service.parts.journal.find(decision_id)
    if found is None or not (found[0].key == caller.name or "admin" in caller.scopes):
        return None
    return found[0]


def _feedback(fields: dict[str, Any], key: str) -> Feedback:
    unknown = sorted(set(fields) - _KNOWN)
    if unknown:
        raise DataError(f"unknown field {shown(unknown[0])}; known: {', '.join(sorted(_KNOWN))}")
    return Feedback(
        decision_id=_text(fields, "decision_id", ""),
        score=_score(fields),
        time_s=time.time(),
        source=_text(fields, "source", "user"),
        note=_text(fields, "note", " "),
        key=key,
    )


def _text(fields: dict[str, Any], name: str, default: str) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str) or not value or len(value) > _MOST_CHARS:
        raise DataError(f"`{name}` must be a text of 1 to {_MOST_CHARS} characters")
    return value.strip()


def _score(fields: dict[str, Any]) -> float:
    if "thumbs" in fields and "score" not in fields:
        thumbs = fields["thumbs"]
        if not isinstance(thumbs, str) or thumbs not in _THUMBS:
            raise DataError('`thumbs` must be "up" or "down"')
        return _THUMBS[thumbs]
    score: Any = fields.get("score")
    number = isinstance(score, int | float) and not isinstance(score, bool)
    if not number or not 0 <= score <= 1 or "thumbs" in fields:
        raise DataError("give either `score`, a number from 0 to 1, or `thumbs`")
    return float(score)

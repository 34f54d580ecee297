"""A responses stream read into pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finerouter.gateway.sse import Event
from finerouter.gateway.translating.pieces import (
    REFUSAL,
    TEXT,
    THOUGHT,
    Argued,
    Called,
    Piece,
    Said,
    Settled,
    decoded,
    failure,
)
from finerouter.gateway.translating.responses.answer import reason
from finerouter.upstream.usage import Usage, responses_usage

_WORDS = {
    "response.output_text.delta": TEXT,
    "response.refusal.delta": REFUSAL,
    "response.reasoning_summary_text.delta": THOUGHT,
    "response.reasoning_text.delta": THOUGHT,
}


class ResponsesReader:
    """Reads the events of a responses endpoint."""

    def __init__(self) -> None:
        self.finished = False
        self.reason = ""
        self._usage: Any = None
        self._called = False

    @property
    def usage(self) -> Usage | None:
        """Tokens as far as they are known."""
        return responses_usage(self._usage)

    def feed(self, event: Event) -> list[Piece]:
        """What an event says."""
        data = decoded(event)
        kind = data.get("type", "")
        if kind in _WORDS:
            return [Said(_WORDS[kind], data["delta"])] if data["delta"] else []
        if kind == "response.function_call_arguments.delta":
            return [Argued(str(data["output_index"]), data["delta"])]
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._item(data, begins=kind.endswith("added"))
        if kind in ("response.completed", "response.incomplete"):
            return self._end(data["response"])
        if kind == "response.failed":
            return [failure(data["response"].get("error"))]
        return [failure(data)] if kind == "error" else []

    def _item(self, data: Mapping[str, Any], *, begins: bool) -> list[Piece]:
        item, key = data["item"], str(data["output_index"])
        if item["type"] != "function_call":
            return []
        self._called = True
        return [Called(key, item["call_id"], item["name"])] if begins else [Settled(key)]

    def _end(self, response: Mapping[str, Any]) -> list[Piece]:
        self.finished = True
        self.reason = reason(response, self._called)
        self._usage = response.get("usage")
        return []

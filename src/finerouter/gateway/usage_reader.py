"""The tokens of a call, from its whole answer or from the events of its stream.

Takes what an endpoint sent, in its own API; gives `Usage`, or None where it says nothing. Looks
into an event only if it can hold tokens. Knows no prices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from finerouter.gateway.sse import Event
from finerouter.upstream.usage import Usage, anthropic_usage, openai_usage, responses_usage

# Stands in every event that tells tokens.
MARK = b'"usage"'


def _embeddings_usage(usage: Any) -> Usage | None:
    """Embeddings have no output to count."""
    said = isinstance(usage, dict)
    return openai_usage({"completion_tokens": 0, **usage}) if said else None


_READ: Mapping[str, Callable[[Any], Usage | None]] = {
    "chat": openai_usage,
    "completions": openai_usage,
    "embeddings": _embeddings_usage,
    "messages": anthropic_usage,
    "responses": responses_usage,
}


def usage_of(answer: Mapping[str, Any], api: str) -> Usage | None:
    """The tokens of a whole answer."""
    return _READ[api](answer.get("usage"))


class UsageReader:
    """Collects what the events of one stream say about its tokens."""

    def __init__(self, api: str) -> None:
        self._read = _READ[api]
        self._said: dict[str, Any] = {}

    def feed(self, event: Event) -> None:
        """Looks at one event, whatever it is; only those with MARK can tell anything."""
        try:
            data = msgspec.json.decode(event.data)
        except msgspec.DecodeError:
            return
        # Messages tell the input first and the output last, each in a usage of its own.
        for holder in (data, _inside(data, "message"), _inside(data, "response")):
            said = _inside(holder, "usage")
            self._said.update({name: n for name, n in said.items() if n is not None})

    @property
    def usage(self) -> Usage | None:
        """What was said so far; None where that is nothing."""
        return self._read(self._said)


def _inside(value: Any, name: str) -> Mapping[str, Any]:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}

"""How much a model said in a stream whose tokens nobody reported.

Takes the events of an endpoint, in whatever API; gives the bytes of its words, thoughts and
arguments of calls. What stands around a word in its event is some seventy times as long.

Nearly always the tokens are reported after all. So events are only kept, and read when somebody
asks; of a long answer the first ones, which tell how much of the rest is words.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec

from finerouter.gateway.sse import Event, plain_events

MOST_KEPT_BYTES = 64 * 1024
# An event's words stand below one of these. Not elsewhere: some events say all of it once more.
_ROOTS = ("choices", "delta")
# Where words stand, and what leads there.
_NAMES = frozenset((
    "delta", "content", "text", "refusal", "reasoning", "reasoning_content", "thinking",
    "tool_calls", "function_call", "function", "name", "arguments", "partial_json",
))  # fmt: skip


class SaidBytes:
    """Of one stream."""

    def __init__(self, most_kept_bytes: int = MOST_KEPT_BYTES) -> None:
        self._most_kept_bytes = most_kept_bytes
        self._kept: list[Sequence[Event] | bytes] = []
        self._kept_bytes = 0
        self._bytes = 0

    def feed(self, events: Sequence[Event] | bytes, size: int) -> None:
        """Takes what came at a time, in so many bytes of the stream; a plain chunk as it is."""
        self._bytes += size
        if events and self._kept_bytes < self._most_kept_bytes:
            self._kept.append(events)
            # Of the stream until then: what waits for its end counts with what ends it.
            self._kept_bytes = self._bytes

    def count(self) -> int:
        """Bytes of UTF-8 so far; of more events than are kept, at the rate of those."""
        if not self._kept_bytes:
            return 0
        events = (plain_events(i) if isinstance(i, bytes) else i for i in self._kept)
        said = sum(map(_said, chain.from_iterable(events)))
        return round(said * self._bytes / self._kept_bytes)


def _said(event: Event) -> int:
    # No text holds these: its quotation marks are escaped.
    if b'"delta"' not in event.data and b'"choices"' not in event.data:
        return 0
    try:
        told = msgspec.json.decode(event.data)
    except (msgspec.DecodeError, RecursionError):
        return 0
    return sum(_size(told.get(name)) for name in _ROOTS) if isinstance(told, dict) else 0


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, dict):
        return sum(_size(inner) for name, inner in value.items() if name in _NAMES)
    return 0

"""How much a model said in a stream whose tokens nobody reported.

Takes the events of an endpoint, in whatever API; gives the bytes of its words, thoughts and
arguments of calls. What stands around a word in its event is some seventy times as long.

Nearly always the tokens are reported after all. So events are only kept, and read when somebody
asks; of a long answer the first ones, which tell how much of the rest is words.
"""

from __future__ import annotations

from typing import Any

import msgspec

from finerouter.gateway.sse import Event

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
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._bytes = 0

    def feed(self, event: Event) -> None:
        """Looks at one event, whatever it is."""
        data = event.data
        # No text holds these: its quotation marks are escaped.
        if b'"delta"' not in data and b'"choices"' not in data:
            return
        self._bytes += len(data)
        if self._kept_bytes < self._most_kept_bytes:
            self._kept.append(data)
            self._kept_bytes += len(data)

    def count(self) -> int:
        """Bytes of UTF-8 so far; of more events than are kept, at the rate of those."""
        if not self._kept:
            return 0
        return round(sum(map(_said, self._kept)) * self._bytes / self._kept_bytes)


def _said(data: bytes) -> int:
    try:
        event = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return 0
    return sum(_size(event.get(name)) for name in _ROOTS) if isinstance(event, dict) else 0


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, list):
        return sum(map(_size, value))
    if isinstance(value, dict):
        return sum(_size(inner) for name, inner in value.items() if name in _NAMES)
    return 0

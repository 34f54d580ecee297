"""What a message holds, whichever API it came in: a text, or a list of parts.

Takes a message's content and a reader of single parts; gives neutral parts. Knows no kind of part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from finerouter.gateway.translating.careful import Notes, table
from finerouter.gateway.translating.neutral import Part, Text

ReadPart = Callable[[Mapping[str, Any], Notes], Part | None]


def parts_of(content: Any, read: ReadPart, notes: Notes) -> tuple[Part, ...]:
    """The parts of a content; what `read` gives None for has said why in the notes, or may go."""
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(content),)
    if not isinstance(content, list):
        notes.append("a message's content is neither a text nor a list")
        return ()
    found = (read(table(part, "a part of a message", notes), notes) for part in content)
    return tuple(part for part in found if part is not None)

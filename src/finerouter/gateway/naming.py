"""Names that clients gave, as messages show them."""

from __future__ import annotations

_MOST_CHARS = 200


def shown(name: str) -> str:
    """The name in quotes and no longer than a name is: a message is no mirror for a body."""
    return repr(name if len(name) <= _MOST_CHARS else f"{name[:_MOST_CHARS]}...")

"""Keys kept out of texts that people and other systems read.

Knows what keys look like, and those of the endpoints at hand. A text that holds none stays as it
is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_SHAPES = re.compile(
    r"\b(?:fr|sk|pk|rk|gsk|xai|pplx|hf|nvapi)[-_][A-Za-z0-9_-]{12,}"  # gateway's and providers'
    r"|\bAIza[A-Za-z0-9_-]{20,}"
    r"|(?i:\bbearer\s+|\bx-api-key\W{1,4}|\bapi[_-]key\W{1,4})[^\s\"',;)}\]]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user and password of an address
)
HIDDEN = "[key]"


class Secrets:
    """Hides keys.

    Args:
        known: gives the keys of the endpoints, as they are now.
    """

    def __init__(self, known: Callable[[], Iterable[str]] = tuple) -> None:
        self._known = known

    def hidden(self, text: str) -> str:
        """The text without keys."""
        for key in self._known():
            if len(key) >= 4 and key in text:
                text = text.replace(key, HIDDEN)
        return _SHAPES.sub(HIDDEN, text)

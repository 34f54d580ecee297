"""Keys kept out of texts that people and other systems read.

Knows what keys look like, and those of the endpoints at hand. A text that holds none stays as it
is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

from finerouter.asking import Endpoint
from finerouter.errors import UserError
from finerouter.upstream.keys import Key

_SHAPES = re.compile(
    r"\b(?:fr|sk|pk|rk|gsk|xai|pplx|hf|nvapi)[-_][A-Za-z0-9_-]{12,}"  # gateway's and providers'
    r"|\bAIza[A-Za-z0-9_-]{20,}"
    r"|(?i:\bbearer\s+|\bx-api-key\W{1,4}|\bapi[_-]key\W{1,4})[^\s\"',;)}\]]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user and password of an address
)
HIDDEN = "[key]"
_LEAST = 4
_KEPT_S = 1.0


class Secrets:
    """Hides keys.

    Args:
        known: gives the keys of the endpoints; asked every second, for they may change.
    """

    def __init__(self, known: Callable[[], Iterable[str]] = tuple) -> None:
        self._known = known
        self._keys: tuple[str, ...] = ()
        self._until_s = 0.0

    def hidden(self, text: str) -> str:
        """The text without keys."""
        now = time.monotonic()
        if now >= self._until_s:
            self._keys = tuple(key for key in self._known() if len(key) >= _LEAST)
            self._until_s = now + _KEPT_S
        for key in self._keys:
            if key in text:
                text = text.replace(key, HIDDEN)
        return _SHAPES.sub(HIDDEN, text)


def endpoint_keys(endpoints: Iterable[Endpoint]) -> list[str]:
    """The keys that endpoints are called with; those that cannot be read are in no text either."""
    keys = []
    for place in {Key(endpoint.key_env, endpoint.key_file) for endpoint in endpoints}:
        try:
            keys.append(place.read())
        except UserError:
            continue
    return [key for key in keys if key]

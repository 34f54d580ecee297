"""Cuts long texts into pieces that can be encoded separately.

Takes a text and a size; gives pieces that together hold every character. Knows nothing of tokens
or vectors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WHITE_SPACE = re.compile(r"\s")


def well_formed(text: str) -> str:
    """Drop lone surrogates: JSON can carry them, UTF-8 and hence tokenizers cannot."""
    if text.isascii():
        return text
    return text.encode("utf-8", "ignore").decode("utf-8")


def split_text(text: str, max_chars: int) -> Iterator[str]:
    """Yield consecutive pieces of at most `max_chars` characters.

    A cut falls on the last white space of the piece's second half, so that no word is torn; only
    a run longer than half a piece without any is cut where the piece ends.
    """
    start = 0
    while len(text) - start > max_chars:
        end = _last_white_space(text, start + max_chars // 2, start + max_chars)
        yield text[start:end]
        start = end
    yield text[start:]


def _last_white_space(text: str, low: int, high: int) -> int:
    position = max(text.rfind(" ", low, high), text.rfind("\n", low, high))
    if position >= 0:
        return position + 1
    # Rarer kinds of white space, looked for only where the two common ones are absent.
    found = [match.end() for match in _WHITE_SPACE.finditer(text, low, high)]
    return found[-1] if found else high

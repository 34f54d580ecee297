"""How many words of a text and a reference agree, as precision and recall.

Shared by the graders f1 and rouge-l. Words are runs of letters and digits, in lower case.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a text."""
    return _WORD.findall(text.casefold())


def f_measure(common: int, found: int, wanted: int) -> float:
    """Harmonic mean of precision (common / found) and recall (common / wanted)."""
    return 2.0 * common / (found + wanted) if common else 0.0


def common_subsequence(left: list[str], right: list[str]) -> int:
    """Length of the longest common subsequence.

    Bit-parallel (Hyyroe, "Bit-parallel LCS-length computation revisited", 2004): a row of the usual
    table is one integer, in which the zeros count.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(left):
        places[word] = places.get(word, 0) | (1 << at)
    everything = (1 << len(left)) - 1
    row = everything
    for word in right:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & everything
    return len(left) - row.bit_count()

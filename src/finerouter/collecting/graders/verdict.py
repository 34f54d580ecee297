"""The line in which a judge says its verdict, such as "Better: A".

Takes a judge's text and what a verdict looks like; gives the verdict. The last line that begins as
one counts, and only if it holds nothing else: a judge that repeats its instructions, or goes on to
take it back, has said nothing that can be read. Knows nothing of what is judged.
"""

from __future__ import annotations

import re

# Markdown, quotes and brackets may stand around a verdict or a part of it.
_WRAPPING = str.maketrans(dict.fromkeys("*_`\"'“”‘’()[]{}", " "))
_LIST_MARKS = " #>-+•"


class VerdictLine:
    """What a verdict looks like: a label, a colon or "=", and a value."""

    def __init__(self, label: str, value: str) -> None:
        """Say what it looks like.

        Args:
            label: a word; its case is ignored, as the value's.
            value: a pattern with one group, for what is to be read.
        """
        self._begins = re.compile(rf"{label} ?[:=]", re.IGNORECASE)
        self._whole = re.compile(rf"{label} ?[:=] ?(?:{value}) ?[.!]?", re.IGNORECASE)

    def read(self, text: str) -> str | None:
        """The value of the last line that begins so, in lower case; None where it is no verdict."""
        for line in reversed(text.splitlines()):
            plain = " ".join(line.translate(_WRAPPING).lstrip(_LIST_MARKS).split())
            if self._begins.match(plain):
                found = self._whole.fullmatch(plain)
                return found[1].lower() if found else None
        return None

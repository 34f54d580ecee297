"""The numbers in a text, from first to last: digits, fractions, or else English words.

Takes a text; gives a `Number` for each. 3/4 is one number, and so is 2 1/2, but 24/11/2026 is
three. Words count where there are no digits. Knows nothing of which number is the answer.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from finerouter.collecting.graders.latex import FORMULA, without_latex
from finerouter.collecting.graders.number_words import number_words

_DIGITS = r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+"
# "10-12" is a range, and "GPT-4" a name: a sign does not follow a letter or digit.
_SIGN = r"(?:(?<!\w)[-−])?"
_SLASH = r" ?[/⁄∕] ?"
# Two numbers with a slash between; three are a date or a path.
_FRACTION = (
    rf"(?<![\d/⁄∕.,])(?<![/⁄∕] )(?P<sign>{_SIGN})(?:(?P<whole>\d+(?:,\d{{3}})*) )?"
    rf"(?P<top>{_DIGITS}){_SLASH}(?P<bottom>{_DIGITS})(?!\d|[.,]\d|{_SLASH}\d)"
)
_NUMBER = re.compile(rf"{_FRACTION}|{_SIGN}(?:{_DIGITS})(?:[eE][+-]?\d+)?|{FORMULA}")
_HALVES = re.compile("[¼½¾⅐-⅞]")


@dataclass(frozen=True)
class Number:
    """A number in a text.

    Attributes:
        value: None where it is one that cannot be told, such as 1/0 or "two thousand".
        start, end: its place.
    """

    value: float | None
    start: int
    end: int


def plain(text: str) -> str:
    """The text as `numbers` reads it: without LaTeX, and with ½ as 1/2."""
    return _HALVES.sub(_written_out, without_latex(text))


def numbers(source: str) -> list[Number]:
    """The numbers of a plain text, in their order."""
    found = list(_in_digits(source))
    return found or [
        Number(None if value is None else float(value), start, end)
        for value, start, end in number_words(source)
    ]


def one_number(text: str) -> float | None:
    """The number that the text is as a whole; None where it is something else."""
    source = plain(text).strip()
    match numbers(source):
        case [Number(value, 0, end)] if end == len(source):
            return value
    return None


def _written_out(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 1) : found.start()]
    apart = " " if before.isdecimal() else ""
    return apart + unicodedata.normalize("NFKC", found[0]).replace("⁄", "/")


def _in_digits(source: str) -> Iterator[Number]:
    at = 0
    while found := _NUMBER.search(source, at):
        at = found.end()
        whole = found["whole"]
        if whole and not _float(found["top"]) < _float(found["bottom"]):
            # "Question 3 18/2" holds two numbers.
            at = found.end("whole")
            yield Number(_finite(_float(found["sign"] + whole)), found.start(), at)
            continue
        yield Number(_value(found), found.start(), at)


def _value(found: re.Match[str]) -> float | None:
    if found[0] == FORMULA:
        return None
    if found["top"] is None:
        return _finite(_float(found[0]))
    bottom = _float(found["bottom"])
    if bottom == 0:
        return None
    value = _float(found["whole"] or "0") + _float(found["top"]) / bottom
    return _finite(-value if found["sign"] else value)


def _float(written: str) -> float:
    return float(written.replace(",", "").replace("−", "-"))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

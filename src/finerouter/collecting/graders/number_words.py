"""Numbers in English words, from zero to nine hundred and ninety-nine.

Takes a text; gives the numbers in it. What goes beyond ("two thousand", "two and a half",
"twenty-first", "nineteen eighty-four") is found too, as a number without a value, so that nobody
takes a part of it for the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_SMALL)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
_BEGINS = f"(?:{'|'.join((*_VALUES, 'hundred'))})"
_GOES_ON = f"(?:{'|'.join((*_VALUES, 'hundred', 'thousand', 'million', 'billion', 'trillion'))})"
_GAP = r"[ \u00a0\u2010\u2011-]{1,3}"
_PARTS = (
    "half|halves|thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?|"
    "(?:eleven|twelf|(?:thir|four|fif|six|seven|eigh|nine)teen)ths?|"
    "(?:twent|thirt|fort|fift|sixt|sevent|eight|ninet)ieths?|"
    "(?:hundred|thousand|million|billion)(?:s|ths?)|dozen"
)
_BEYOND = (
    rf"(?:{_GAP}and{_GAP}an?)?{_GAP}(?:{_PARTS})\b"  # "two thirds", "two and a half"
    # "One second" is a time.
    r"|[\u2010\u2011-](?:first|second)\b"
    rf"|{_GAP}and{_GAP}(?:first|second|{_PARTS})\b"
    rf"|{_GAP}point(?:{_GAP}{_GOES_ON})+\b"
)
_RUN = re.compile(
    rf"\b(?P<words>{_BEGINS}\b"
    rf"(?:(?:{_GAP}|(?<=hundred){_GAP}and{_GAP}|(?<=thousand){_GAP}and{_GAP}){_GOES_ON}\b)*)"
    rf"(?P<beyond>{_BEYOND})?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z]+")


def number_words(text: str) -> Iterator[tuple[int | None, int, int]]:
    """Each number: its value, None where it goes beyond; where it starts, and where it ends."""
    for run in _RUN.finditer(text):
        words = [word for word in _WORD.findall(run["words"].lower()) if word != "and"]
        yield None if run["beyond"] else _value(words), run.start(), run.end()


def _value(words: list[str]) -> int | None:
    """What words say together; None where they are not one number below a thousand."""
    if "hundred" not in words:
        return _below_hundred(words)
    at = words.index("hundred")
    hundreds = _below_hundred(words[:at]) if at else 1
    rest = _below_hundred(words[at + 1 :]) if words[at + 1 :] else 0
    if hundreds is None or rest is None or not 1 <= hundreds <= 9:
        return None
    return 100 * hundreds + rest


def _below_hundred(words: list[str]) -> int | None:
    values = [_VALUES.get(word) for word in words]
    match values:
        case [int(one)]:
            return one
        case [int(tens), int(ones)] if tens >= 20 and 1 <= ones <= 9:
            return tens + ones
    return None

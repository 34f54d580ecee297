"""Exact graders: take a model's text and the reference, give a score in [0, 1].

They are conservative: an answer counts only where it can be read in one way. A text that holds
"Answer:" is read from the last such mark on, any other text from its first line (numbers: from the
last one, because models put the result at the end of a sum).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from recipes.starter.families import Item

Grader = Callable[[str, str], float]

_MARK = re.compile(r"answer\s*:", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_TOKEN = re.compile(r"[^\s,;]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LANGUAGE = re.compile(r" in (?:english|french|german|spanish)$", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|an?) ", re.IGNORECASE)
_WRAPPING = " \t\"'`*_.,;:!?()[]<>“”‘’"
# The words after which a sentence states its answer: "the plural of ox is oxen".
_CONNECTIVES = frozenset(("is", "are", "be", "was", "as", "to", "prints", "means", "becomes", "="))
_NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
)  # fmt: skip
_DIGITS = {word: value for value, word in enumerate(_NUMBER_WORDS)}
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b", re.IGNORECASE)
_STATING = re.compile(
    r"(?:[=:]|\b(?:is|are|be|was|has|have|equals?|prints?|outputs?|gives|makes))[\s\"'`*$(]*$",
    re.IGNORECASE,
)


def grade(item: Item, text: str) -> float:
    """The score of a text as an answer to the item."""
    if item.grader == "label":
        return label(text, item.reference, item.choices)
    return GRADERS[item.grader](text, item.reference)


def answer_line(text: str) -> str:
    """The line that holds the answer: after the last "Answer:", else the first with content."""
    after = _MARK.split(text)[-1]
    lines = (line.strip() for line in after.splitlines())
    return next((line for line in lines if line), "")


def number(text: str, reference: str) -> float:
    """The last number on the answer line; without an "Answer:" mark, the text's last number.

    Unmarked, it must be the only one or be stated as a result: "8 and 5 are given" states nothing.
    """
    marked = _MARK.search(text) is not None
    source = answer_line(text) if marked else text
    found = list(_NUMBER.finditer(source)) or list(_NUMBER_WORD.finditer(source))
    values = [_value(match[0]) for match in found]
    if not values or values[-1] != _value(reference):
        return 0.0
    stated = _STATING.search(source[: found[-1].start()]) is not None
    return float(marked or stated or len(set(values)) == 1)


def word(text: str, reference: str) -> float:
    """One of the reference's alternatives (separated by "|"), whatever the case."""
    return float(any(_states(text.casefold(), r.casefold()) for r in reference.split("|")))


def cased_word(text: str, reference: str) -> float:
    """As `word`, but upper and lower case matter."""
    return float(any(_states(text, r) for r in reference.split("|")))


def label(text: str, reference: str, choices: tuple[str, ...]) -> float:
    """The answer line names the right choice and no other, and does not deny it."""
    words = [w.strip(_WRAPPING).casefold() for w in re.split(r"[\s,/]+", answer_line(text))]
    named = {choice for choice in choices if choice.casefold() in words}
    # "No, it is not" is a plain no, whereas "not positive" says nothing exact.
    denied = "not" in words and "no" not in choices
    return float(named == {reference} and not denied)


def sequence(text: str, reference: str) -> float:
    """The same items in the same order, separated by commas or spaces."""
    line = answer_line(text)
    stated = [line, line.rpartition(":")[2], re.split(r"\b(?:is|are)\b", line)[-1]]
    return float(any(_items(s) == _items(reference) for s in stated))


def json_fields(text: str, reference: str) -> float:
    """The share of fields that agree, out of all fields that either object has."""
    expected, found = json.loads(reference), _first_object(text)
    if not found:
        return 0.0
    right = sum(_plain(found.get(key)) == _plain(value) for key, value in expected.items())
    return right / len(expected.keys() | found.keys())


GRADERS: dict[str, Grader] = {
    "number": number,
    "word": word,
    "cased_word": cased_word,
    "sequence": sequence,
    "json_fields": json_fields,
}


def _value(written: str) -> float:
    if written.lower() in _DIGITS:
        return float(_DIGITS[written.lower()])
    return float(written.replace(",", ""))


def _states(text: str, reference: str) -> bool:
    sentence = _SENTENCE_END.split(answer_line(text))[0].strip(_WRAPPING)
    sentence = _LANGUAGE.sub("", sentence).rstrip(_WRAPPING)
    if reference in (sentence, _ARTICLE.sub("", sentence)):
        return True
    before, found, after = sentence.rpartition(reference)
    if not found or after:
        return False
    before = before.rstrip("\"'`*“‘( ").casefold()
    return before.endswith((":", "=")) or before.split(" ")[-1] in _CONNECTIVES


def _items(text: str) -> list[str]:
    tokens = (token.strip(_WRAPPING).casefold() for token in _TOKEN.findall(text))
    return [token for token in tokens if token and token != "and"]


def _first_object(text: str) -> dict[str, Any]:
    start = text.find("{")
    if start < 0:
        return {}
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> str:
    return str(value).strip().casefold()

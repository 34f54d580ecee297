r"""The answer's number is the reference's, within a tolerance.

Read is what stands in \boxed{}, else the last number on the line of the last "Answer:" or "####",
else the text's last number. With `numeric:stated` an unmarked number must be the only one or be
stated as a result: "8 and 5 are given" states nothing. `tolerance=0.01` allows one hundredth of the
reference either way.
"""

from __future__ import annotations

import math
import re

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import read_options
from finerouter.collecting.graders.reading import MARK, answer_line, shown
from finerouter.collecting.prompts import Prompt
from finerouter.errors import ConfigError

# "10-12" is a range, and "GPT-4" a name: a sign does not follow a letter or digit.
_NUMBER = re.compile(r"(?:(?<!\w)[-−])?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?")
_NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
)  # fmt: skip
_DIGITS = {word: float(value) for value, word in enumerate(_NUMBER_WORDS)}
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_HASHES = re.compile(r"####\s*(.*)")
_STATING = re.compile(
    r"(?:[=:]|\b(?:is|are|be|was|has|have|equals?|prints?|outputs?|gives|makes))[\s\"'`*$(]*$",
    re.IGNORECASE,
)


def build(option: str) -> Grader:
    """The grader, with its tolerance and whether an unmarked number must be stated.

    Raises:
        ConfigError: an option is wrong.
    """
    options = read_options("numeric", option, {"tolerance": float, "stated": bool})
    tolerance, stated = options.get("tolerance", 0.0), options.get("stated", False)
    if not 0 <= tolerance < math.inf:
        raise ConfigError(f"grader numeric: tolerance must be 0 or more, not {tolerance:g}")

    def score(prompt: Prompt, text: str) -> Grade:
        found = answer_number(text, stated=stated)
        if found is None:
            return Grade(0.0, f"states no number: {shown(text)}")
        right = any(_near(found, _value(r), tolerance) for r in prompt.references)
        return Grade.of(right, reason=f"answered {found:g}")

    return Pointwise(score, needs=("reference",), check=_unusable)


def answer_number(text: str, *, stated: bool = False) -> float | None:
    """The number that a text gives as its answer; None where there is none."""
    source, marked = _where(text)
    matches = list(_NUMBER.finditer(source)) or list(_NUMBER_WORD.finditer(source))
    if not matches:
        return None
    values = [_value(match[0]) for match in matches]
    if stated and not marked and len(set(values)) > 1:
        result = _STATING.search(source[: matches[-1].start()])
        return values[-1] if result else None
    return values[-1]


def _where(text: str) -> tuple[str, bool]:
    """The part of a text that holds the answer, and whether a mark says so."""
    for mark in (_BOXED, _HASHES):
        found = mark.findall(text)
        if found:
            return found[-1], True
    return (answer_line(text), True) if MARK.search(text) else (text, False)


def _value(written: str) -> float:
    plain = written.strip().lower()
    return (
        _DIGITS[plain]
        if plain in _DIGITS
        else float(plain.replace(",", "").replace("−", "-").lstrip("$"))
    )


def _near(found: float, reference: float, tolerance: float) -> bool:
    return math.isclose(found, reference, rel_tol=1e-9) or (
        abs(found - reference) <= tolerance * abs(reference)
    )


def _unusable(prompt: Prompt) -> str | None:
    for reference in prompt.references:
        try:
            usable = math.isfinite(_value(reference))
        except ValueError:
            usable = False
        if not usable:
            return f"its reference {shown(reference)} is no number"
    return None

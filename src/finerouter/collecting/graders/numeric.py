r"""The answer's number is the reference's, within a tolerance.

Read is the last number in \boxed{}, else the first one after the last "Answer:" or "####" on its
line (the last of a list, and of an expression such as "9 * 2 = 18"), else the text's last number.
With `numeric:stated` an unmarked number must be the only one or be stated as a result: "8 and 5 are
given" states nothing. `tolerance=0.01` allows one hundredth of the reference either way. `numbers`
says what a number is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.latex import boxed
from finerouter.collecting.graders.numbers import Number, numbers, one_number, plain
from finerouter.collecting.graders.options import read_options
from finerouter.collecting.graders.reading import MARK, answer_line, shown
from finerouter.collecting.prompts import Prompt
from finerouter.errors import ConfigError

_HASHES = re.compile(r"####\s*(.*)")
# From one number to the next: in an expression ("9 * 2 = $18", "5 apples + 7"), or in a list.
_LEADS_ON = re.compile(
    r"[\s)*$%]{0,9}(?:[^\W\d]+\s?)?[-+−*×·xX/÷^=][\s($*]{0,9}|[\s,;]{1,4}(?:(?:and|or) )?"
)
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
        wanted = map(_reference, prompt.references)
        right = any(each is not None and _near(found, each, tolerance) for each in wanted)
        return Grade.of(right, reason=f"answered {found:g}")

    return Pointwise(score, needs=("reference",), check=_unusable)


def answer_number(text: str, *, stated: bool = False) -> float | None:
    """The number that a text gives as its answer; None where there is none."""
    source, mark = _where(text)
    found = numbers(source)
    if not found:
        return None
    if mark is _Mark.LINE:
        return _first(found, source)
    if stated and mark is _Mark.NONE and len({number.value for number in found}) > 1:
        result = _STATING.search(source[: found[-1].start])
        return found[-1].value if result else None
    return found[-1].value


class _Mark(Enum):
    """What says that an answer stands there."""

    BOX, LINE, NONE = range(3)


def _where(text: str) -> tuple[str, _Mark]:
    """The part of a text that holds the answer, plain, and what says so."""
    box = boxed(text)
    if box is not None:
        return plain(box), _Mark.BOX
    hashes = _HASHES.findall(text)
    if hashes:
        return plain(hashes[-1]), _Mark.LINE
    if MARK.search(text):
        return plain(answer_line(text)), _Mark.LINE
    return plain(text), _Mark.NONE


def _first(found: Sequence[Number], source: str) -> float | None:
    """The first number, or the last of the expression or list that begins with it."""
    for number, following in pairwise(found):
        if not _LEADS_ON.fullmatch(source, number.end, following.start):
            return number.value
    return found[-1].value


def _near(found: float, reference: float, tolerance: float) -> bool:
    return math.isclose(found, reference, rel_tol=1e-9) or (
        abs(found - reference) <= tolerance * abs(reference)
    )


def _reference(written: str) -> float | None:
    """The number of a reference; None where it is no number."""
    try:
        value = float(written.strip().lstrip("$").replace(",", "").replace("−", "-"))
    except ValueError:
        return one_number(written)
    return value if math.isfinite(value) else None


def _unusable(prompt: Prompt) -> str | None:
    wrong = (shown(written) for written in prompt.references if _reference(written) is None)
    return next((f"its reference {each} is no number" for each in wrong), None)

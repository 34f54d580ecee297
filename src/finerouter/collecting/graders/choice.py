r"""The answer names the right letter of a multiple-choice question.

The reference is a letter, or a number of the choices from 0; where the row lists its `choices`, it
must be one of theirs. The letter is read after "answer is"
or "Answer:", from a bare or bracketed letter, or from \boxed{}; two different letters are none.
"""

from __future__ import annotations

import re

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.label import choices_of
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt

_LETTER = r"\(?\**([A-Za-z])\**\)?"
# In a sentence "a" and "I" are words: a small letter must end it, and "I" not begin one.
_SAID = r"\(?\**([A-HJ-Z]|I(?!\s+[a-z])|[a-z](?=\**\)?\s*(?:[.,;)\n]|\Z)))\**\)?"
# From the surest way of saying it to the least; the first that is there counts.
_WAYS = (
    re.compile(r"\\boxed\{\s*(?:\\text\{)?\s*\(?([A-Za-z])\)?\s*\}"),
    re.compile(rf"(?i:answer|choice|option)\W*(?i:is|:|would be)\W*{_SAID}(?![A-Za-z'’])"),
    re.compile(rf"\A\W*{_LETTER}\W*\Z"),
    re.compile(r"\A\W*([A-Z])\s*[).:](?=\s|\Z)"),
    re.compile(r"\(([A-Za-z])\)"),
    re.compile(r"(?<![A-Za-z'’])\**([B-HJ-Z])\**(?![A-Za-z'’])"),
)


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("choice", option)
    return Pointwise(score, needs=("reference",), check=_unusable)


def score(prompt: Prompt, text: str) -> Grade:
    """1 where the letter named is a reference's."""
    letter = named_letter(text)
    wanted = {_letter(reference) for reference in prompt.references}
    return Grade.of(letter in wanted, reason=f"names {letter or 'no one letter'}")


def named_letter(text: str) -> str | None:
    """The letter that a text names, in upper case; None where there is not exactly one."""
    for way in _WAYS:
        found = {letter.upper() for letter in way.findall(text)}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def _letter(reference: str) -> str:
    plain = reference.strip(" ().").upper()
    return chr(ord("A") + int(plain)) if plain.isdecimal() and len(plain) == 1 else plain[:1]


def _unusable(prompt: Prompt) -> str | None:
    last = _last_letter(prompt)
    for reference in prompt.references:
        if len(reference.strip(" ().")) != 1 or not "A" <= _letter(reference) <= "Z":
            return f"its reference {shown(reference)} is no letter of a choice"
        if _letter(reference) > last:
            return f"its reference {shown(reference)} is none of its choices A to {last}"
    return None


def _last_letter(prompt: Prompt) -> str:
    """The letter of the last choice, where the row lists its choices."""
    if not prompt.fields.get("choices"):
        return "Z"
    return chr(ord("A") - 1 + min(len(choices_of(prompt)), 26))

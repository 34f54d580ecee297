"""The answer states a reference: bare, quoted, or where a sentence such as "It is X" ends.

A mere mention does not count. `stated:cased` minds upper and lower case.
"""

from __future__ import annotations

import re

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import flags
from finerouter.collecting.graders.reading import WRAPPING, answer_line, empty_reference, shown
from finerouter.collecting.prompts import Prompt

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LANGUAGE = re.compile(r" in (?:english|french|german|spanish)$", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|an?) ", re.IGNORECASE)
# The words after which a sentence states its answer: "the plural of ox is oxen".
_CONNECTIVES = frozenset(("is", "are", "be", "was", "as", "to", "prints", "means", "becomes", "="))


def build(option: str) -> Grader:
    """The grader, with `cased` or without."""
    cased = "cased" in flags("stated", option, ("cased",))

    def score(prompt: Prompt, text: str) -> Grade:
        right = any(states(text, reference, cased=cased) for reference in prompt.references)
        return Grade.of(right, reason=f"says {shown(answer_line(text))}")

    return Pointwise(score, needs=("reference",), check=empty_reference(str.strip))


def states(text: str, reference: str, *, cased: bool = False) -> bool:
    """Whether the first sentence of the answer line states the reference."""
    # As the answer's sentence below: "U.S." and "Paris." would never end one else.
    reference = reference.strip(WRAPPING) or reference.strip()
    if not cased:
        text, reference = text.casefold(), reference.casefold()
    sentence = _SENTENCE_END.split(answer_line(text))[0].strip(WRAPPING)
    sentence = _LANGUAGE.sub("", sentence).rstrip(WRAPPING)
    if reference in (sentence, _ARTICLE.sub("", sentence)):
        return True
    before, found, after = sentence.rpartition(reference)
    if not found or after:
        return False
    before = before.rstrip("\"'`*“‘( ").casefold()
    return before.endswith((":", "=")) or before.split(" ")[-1] in _CONNECTIVES

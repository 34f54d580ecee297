"""The answer lists the reference's items in the same order, with commas or spaces between."""

from __future__ import annotations

import re

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.reading import WRAPPING, answer_line, empty_reference, shown
from finerouter.collecting.prompts import Prompt

_TOKEN = re.compile(r"[^\s,;]+")


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("sequence", option)
    return Pointwise(score, needs=("reference",), check=empty_reference(_items))


def score(prompt: Prompt, text: str) -> Grade:
    """1 where the answer line, or what it states, is the list."""
    line = answer_line(text)
    stated = [line, line.rpartition(":")[2], re.split(r"\b(?:is|are)\b", line)[-1]]
    wanted = [_items(reference) for reference in prompt.references]
    return Grade.of(any(_items(part) in wanted for part in stated), reason=f"lists {shown(line)}")


def _items(text: str) -> list[str]:
    tokens = (token.strip(WRAPPING).casefold() for token in _TOKEN.findall(text))
    return [token for token in tokens if token and token != "and"]

"""The answer is a reference, character by character; only white space around it is left out."""

from __future__ import annotations

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("exact", option)
    return Pointwise(score, needs=("reference",))


def score(prompt: Prompt, text: str) -> Grade:
    """1 where the answer is one of the references."""
    right = text.strip() in {reference.strip() for reference in prompt.references}
    return Grade.of(right, reason=f"answered {shown(text)}")

"""The answer names the right one of the prompt's `choices`, no other, and does not deny it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.reading import WRAPPING, answer_line
from finerouter.collecting.prompts import Prompt


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("label", option)
    return Pointwise(score, needs=("reference", "choices"))


def score(prompt: Prompt, text: str) -> Grade:
    """1 where a reference is the only choice named."""
    choices = choices_of(prompt)
    words = [word.strip(WRAPPING).casefold() for word in re.split(r"[\s,/]+", answer_line(text))]
    named = {choice for choice in choices if choice.casefold() in words}
    # "No, it is not" is a plain no, whereas "not positive" says nothing exact.
    denied = "not" in words and "no" not in {choice.casefold() for choice in choices}
    right = len(named) == 1 and named <= set(prompt.references) and not denied
    return Grade.of(right, reason=f"names {', '.join(sorted(named)) or 'none of the choices'}")


def choices_of(prompt: Prompt) -> Sequence[str]:
    """The prompt's choices: a list, or one written as JSON or with bars between (CSV)."""
    choices = prompt.fields["choices"]
    if isinstance(choices, str):
        try:
            choices = json.loads(choices)
        except ValueError:
            choices = choices.split("|")
    return [str(choice) for choice in choices]

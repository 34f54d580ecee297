"""Where in a text the answer stands; shared by graders.

They are conservative: an answer counts where it can be read in one way. A text that holds "Answer:"
is read from the last such mark on, any other from its first line with content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sized

from finerouter.collecting.prompts import Prompt

# "Answer: ", "**Answer**: ", "The answer is: ".
MARK = re.compile(r"answer(?:\s+is)?[\s*_]*:", re.IGNORECASE)
WRAPPING = " \t\"'`*_.,;:!?()[]<>“”‘’"


def answer_line(text: str) -> str:
    """The line that holds the answer: after the last "Answer:", else the first with content."""
    after = MARK.split(text)[-1]
    lines = (line.strip() for line in after.splitlines())
    return next((line for line in lines if line), "")


def empty_reference(plain: Callable[[str], Sized]) -> Callable[[Prompt], str | None]:
    """A check of prompts: whether there is a reference of which `plain` leaves nothing.

    Such a reference would be met by every answer without content, or by none.
    """

    def check(prompt: Prompt) -> str | None:
        empty = [reference for reference in prompt.references if not plain(reference)]
        return f"its reference {shown(empty[0])} holds nothing to compare with" if empty else None

    return check


def shown(text: str, most_chars: int = 60) -> str:
    """A text for a reason: on one line, shortened."""
    line = " ".join(text.split())
    return repr(line if len(line) <= most_chars else f"{line[: most_chars - 3]}...")

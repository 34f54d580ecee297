"""A reference stands somewhere in the answer, whatever the case; `contains:all` wants all of them.

Words count whole: "art" does not stand in "start".
"""

from __future__ import annotations

import re

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import flags
from finerouter.collecting.graders.reading import empty_reference
from finerouter.collecting.prompts import Prompt


def build(option: str) -> Grader:
    """The grader, with `all` or without."""
    every = "all" in flags("contains", option, ("all",))

    def score(prompt: Prompt, text: str) -> Grade:
        found = [reference for reference in prompt.references if _stands_in(reference, text)]
        enough = len(prompt.references) if every else 1
        return Grade.of(
            len(found) >= enough, reason=f"holds {len(found)} of {len(prompt.references)}"
        )

    return Pointwise(score, needs=("reference",), check=empty_reference(str.split))


def _stands_in(reference: str, text: str) -> bool:
    words = re.escape(" ".join(reference.casefold().split()))
    # \b would want a word character at the edge, which "C++" does not have.
    return re.search(rf"(?<!\w){words}(?!\w)", " ".join(text.casefold().split())) is not None

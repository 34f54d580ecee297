"""The answer is a reference but for case, punctuation, articles and white space.

The normalisation is that of SQuAD (Rajpurkar et al., arXiv 1606.05250).
"""

from __future__ import annotations

import re
import string

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.reading import empty_reference, shown
from finerouter.collecting.prompts import Prompt

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("normalised", option)
    return Pointwise(score, needs=("reference",), check=empty_reference(normalised))


def score(prompt: Prompt, text: str) -> Grade:
    """1 where the answer, normalised, is one of the references, normalised."""
    right = normalised(text) in {normalised(reference) for reference in prompt.references}
    return Grade.of(right, reason=f"answered {shown(text)}")


def normalised(text: str) -> str:
    """Lower case, without punctuation, articles and surplus white space."""
    plain = text.casefold().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split()) or " ".join(plain.split())

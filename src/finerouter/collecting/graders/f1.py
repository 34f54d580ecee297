"""F1 over words: how far the answer has the reference's words and no others, in any order.

As for SQuAD (Rajpurkar et al., arXiv 1606.05250), without its removal of articles.
"""

from __future__ import annotations

from collections import Counter

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise, best
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.overlap import f_measure, words
from finerouter.collecting.graders.reading import empty_reference
from finerouter.collecting.prompts import Prompt


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("f1", option)
    return Pointwise(score, needs=("reference",), check=empty_reference(words))


def score(prompt: Prompt, text: str) -> Grade:
    """F1 with the reference where it is highest."""
    return best([_f1(words(text), words(reference)) for reference in prompt.references])


def _f1(found: list[str], wanted: list[str]) -> Grade:
    common = (Counter(found) & Counter(wanted)).total()
    value = f_measure(common, len(found), len(wanted))
    return Grade(value, f"{common} words of {len(wanted)}, answer has {len(found)}")

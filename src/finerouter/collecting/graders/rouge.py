"""ROUGE-L: the longest run of the reference's words that the answer has in order, gaps allowed.

F-measure with equal weights (Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004),
without stemming.
"""

from __future__ import annotations

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise, best
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.overlap import common_subsequence, f_measure, words
from finerouter.collecting.graders.reading import empty_reference
from finerouter.collecting.prompts import Prompt


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("rouge-l", option)
    return Pointwise(score, needs=("reference",), check=empty_reference(words))


def score(prompt: Prompt, text: str) -> Grade:
    """ROUGE-L with the reference where it is highest."""
    return best([_rouge_l(words(text), words(reference)) for reference in prompt.references])


def _rouge_l(found: list[str], wanted: list[str]) -> Grade:
    common = common_subsequence(found, wanted)
    value = f_measure(common, len(found), len(wanted))
    return Grade(value, f"{common} words of {len(wanted)} in order")

"""Structural features: what the shape of a prompt says about its task.

Takes texts; gives counts and shares (length, digits, code, formulas, options, script) as numbers
of comparable size. They cost some 0.05 ms a prompt and need no model. Mean pooling washes such
things out of an embedding, and they are worth as much as it for telling tasks apart
(docs/experiments.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import log, log1p

import numpy as np
from numpy.typing import NDArray

NAMES = (
    "bytes",
    "words",
    "word_length",
    "lines",
    "numbers",
    "digit_share",
    "options",
    "brackets",
    "bracket_share",
    "formula_signs",
    "formula_share",
    "quotes",
    "commas",
    "equals",
    "code_words",
    "question_marks",
    "ends_in_question",
    "upper_share",
    "non_ascii_share",
    "percent_signs",
    "dot_share",
    "colons",
)
_CODE_WORDS = re.compile(
    r"\b(?:def|class|return|import|function|for|while|if|print|int|str|list|var|const|public|void)\b"
)
_NUMBER = re.compile(r"[0-9]+")
_UPPER = re.compile(r"[A-Z]")
_OPTION = re.compile(r"(?m)^[ \t]*\(?[A-H1-9][.):]\s")
_LONGEST_WORD = 30.0
# Shape shows early; this bounds the cost of a huge prompt. Its length is still counted whole.
_SCANNED_CHARS = 50_000


def structure(texts: Sequence[str]) -> NDArray[np.float32]:
    """Structural features of texts, [texts, features], in the order of `NAMES`; never NaN.

    Beyond 50,000 characters a text's middle is left out of the counts, not of its length.
    """
    rows = [_features(text) for text in texts]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(NAMES))


def _features(text: str) -> list[float]:
    whole_bytes = len(text.encode("utf-8", "surrogatepass"))
    whole_chars = max(1, len(text))
    if len(text) > _SCANNED_CHARS:
        text = text[: _SCANNED_CHARS // 2] + "\n" + text[-_SCANNED_CHARS // 2 :]
    count = text.count
    chars = max(1, len(text))
    words = max(1, len(text.split()))
    numbers = _NUMBER.findall(text)
    brackets = sum(map(count, "{}[]()"))
    formula = count("$") + count("\\")
    return [
        log1p(whole_bytes),
        log1p(words),
        min(chars / words, _LONGEST_WORD),
        log(count("\n") + 1),
        log1p(len(numbers)),
        sum(map(len, numbers)) / chars,
        log1p(len(_OPTION.findall(text))),
        log1p(brackets),
        brackets / chars,
        log1p(formula),
        formula / chars,
        log1p(count('"') + count("'")),
        log1p(count(",")),
        log1p(count("=")),
        log1p(len(_CODE_WORDS.findall(text))),
        log1p(count("?")),
        float(text.rstrip().endswith("?")),
        len(_UPPER.findall(text)) / chars,
        (whole_bytes - whole_chars) / whole_chars,
        log1p(count("%") + count("$")),
        (count("_") + count(".")) / chars,
        log1p(count(":")),
    ]

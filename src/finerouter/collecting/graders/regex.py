"""A regular expression is found in the answer: `regex:PATTERN`, or the reference of each prompt.

Python's syntax; `(?i)` at its start ignores case. A pattern that backtracks without end holds the
run up: there is no time limit on it.
"""

from __future__ import annotations

import re

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.prompts import Prompt
from finerouter.errors import ConfigError


def build(option: str) -> Grader:
    """The grader of a pattern, or of each prompt's own."""
    if option:
        problem = _problem(option)
        if problem:
            raise ConfigError(f"grader regex: {problem}")
        fixed = re.compile(option)
        return Pointwise(lambda _, text: _found(fixed, text))
    return Pointwise(_score, needs=("reference",), check=_unusable)


def _score(prompt: Prompt, text: str) -> Grade:
    grades = [_found(re.compile(pattern), text) for pattern in prompt.references]
    return max(grades, key=lambda grade: grade.score or 0.0)


def _found(pattern: re.Pattern[str], text: str) -> Grade:
    match = pattern.search(text)
    return Grade.of(match is not None, reason="found" if match else f"no {pattern.pattern!r}")


def _unusable(prompt: Prompt) -> str | None:
    return next(filter(None, map(_problem, prompt.references)), None)


def _problem(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is no regular expression ({error})"
    return None

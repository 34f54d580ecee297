"""A user's Python function grades: `function:MODULE:NAME`, looked for from the working folder too.

It is called with the prompt's row (a dictionary with at least `prompt` and `prompt_id`) and the
answer's text. It returns a number from 0 to 1, a pair of that and a reason, or None where it cannot
tell. It runs in this process, with all that this process may do.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt
from finerouter.errors import ConfigError

Function = Callable[[dict[str, Any], str], Any]
_LONGEST_REASON = 200


def build(option: str) -> Grader:
    """The grader that calls the function."""
    function = _function(option)
    return Pointwise(lambda prompt, text: _graded(function, prompt, text), blocking=True)


def _graded(function: Function, prompt: Prompt, text: str) -> Grade:
    row = {**prompt.fields, "prompt": prompt.text, "prompt_id": prompt.prompt_id}
    try:
        given = function(row, text)
    except Exception as error:  # whatever a user's code does, it is one answer without a score
        return Grade(None, f"the function failed ({type(error).__name__}: {error})")
    return checked(given)


def checked(given: Any) -> Grade:
    """What a user's code returned, as a grade; missing where that is no score."""
    score, reason = given if isinstance(given, tuple) and len(given) == 2 else (given, "")
    said = str(reason or "")[:_LONGEST_REASON]
    if score is None:
        return Grade(None, said or "the grader could not tell")
    value = _as_score(score)
    if value is None:
        return Grade(None, f"the grader returned {_told(score)}, no number from 0 to 1")
    return Grade(value, said or "as the grader says")


def _as_score(given: Any) -> float | None:
    if isinstance(given, str | bytes):  # `float` would read "1"
        return None
    try:
        value = float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if 0 <= value <= 1 else None


def _told(value: Any) -> str:
    try:
        return shown(repr(value)).strip("'\"")
    except ValueError:  # a whole number of thousands of digits
        return f"a {type(value).__name__} too long to be shown"


def _function(option: str) -> Function:
    module, _, name = option.partition(":")
    if not module or not name:
        raise ConfigError(f"grader function: give function:MODULE:NAME, not {option!r}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"grader function: {option} cannot be had ({error}); check the names, and run where "
            "the module lies"
        ) from error
    if not callable(found):
        raise ConfigError(f"grader function: {option} is nothing that can be called")
    function: Function = found
    return function

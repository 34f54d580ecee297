"""The share of an object's fields that agree with the reference's, of all fields that either has.

Single values are compared as numbers or as texts, whatever the case, so that "7", 7 and 7.0 agree;
lists and objects part by part.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise, best
from finerouter.collecting.graders.json_reading import first_object
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("json-fields", option)
    return Pointwise(score, needs=("reference",), check=_unusable)


def score(prompt: Prompt, text: str) -> Grade:
    """The share of fields that agree, with the reference where it is highest."""
    return best([_agreement(text, reference) for reference in prompt.references])


def _agreement(text: str, reference: str) -> Grade:
    expected, found = json.loads(reference), first_object(text)
    if not found:
        return Grade(0.0, f"no JSON object: {shown(text)}")
    right = sum(key in found and _agree(found[key], expected[key]) for key in expected)
    fields = len(expected.keys() | found.keys())
    return Grade(right / fields, f"{right} of {fields} fields agree")


def _agree(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(
            _agree(found[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_agree, found, expected))
    return _plain(found) == _plain(expected)


def _plain(value: object) -> str | Decimal:
    text = str(value).strip().casefold()
    try:
        number = Decimal(text)  # no float: that takes long account numbers for equal
    except InvalidOperation:
        return text
    return number if number.is_finite() else text


def _unusable(prompt: Prompt) -> str | None:
    for reference in prompt.references:
        try:
            expected = json.loads(reference)
        except ValueError:
            expected = None
        if not isinstance(expected, dict) or not expected:
            return f"its reference {shown(reference)} is no JSON object with fields"
    return None

"""The share of an object's fields that agree with the reference's, of all fields that either has.

Values are compared as texts, whatever the case, so that "7" and 7 agree.
"""

from __future__ import annotations

import json

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
    right = sum(_plain(found.get(key)) == _plain(value) for key, value in expected.items())
    fields = len(expected.keys() | found.keys())
    return Grade(right / fields, f"{right} of {fields} fields agree")


def _plain(value: object) -> str:
    return str(value).strip().casefold()


def _unusable(prompt: Prompt) -> str | None:
    for reference in prompt.references:
        try:
            expected = json.loads(reference)
        except ValueError:
            expected = None
        if not isinstance(expected, dict) or not expected:
            return f"its reference {shown(reference)} is no JSON object with fields"
    return None

"""The answer is JSON that fits a schema: `json-schema:FILE`, or the column `schema` of each prompt.

Extra `[collect]`, for the package jsonschema. References inside a schema are not fetched.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.json_reading import json_value
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt
from finerouter.errors import ConfigError, UserError


def build(option: str) -> Grader:
    """The grader of one schema, or of each prompt's own."""
    if not option:
        return Pointwise(_score, needs=("schema",), check=_unusable)
    try:
        schema = json.loads(Path(option).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"grader json-schema: {option} cannot be read ({error})") from error
    problem = _problem(schema)
    if problem:
        raise ConfigError(f"grader json-schema: {option}: {problem}")
    return Pointwise(lambda _, text: _fits(schema, text))


def _score(prompt: Prompt, text: str) -> Grade:
    return _fits(_schema_of(prompt), text)


def _fits(schema: Any, text: str) -> Grade:
    there, value = json_value(text)
    if not there:
        return Grade(0.0, f"no JSON: {shown(text)}")
    validator = _validators().validator_for(schema)(schema)
    wrong = next(validator.iter_errors(value), None)
    return Grade(1.0, "fits") if wrong is None else Grade(0.0, shown(wrong.message, 120))


def _schema_of(prompt: Prompt) -> Any:
    schema = prompt.fields["schema"]
    return json.loads(schema) if isinstance(schema, str) else schema


def _unusable(prompt: Prompt) -> str | None:
    try:
        return _problem(_schema_of(prompt))
    except ValueError as error:
        return f"its schema is not JSON ({error})"


def _problem(schema: Any) -> str | None:
    validators = _validators()
    try:
        validators.validator_for(schema).check_schema(schema)
    except validators.SchemaError as error:
        return f"is no JSON schema ({error.message})"
    return None


def _validators() -> Any:
    try:
        import jsonschema
        from jsonschema import validators
    except ImportError as error:
        raise UserError(
            "the grader json-schema needs jsonschema: pip install 'finerouter[collect]'"
        ) from error
    validators.SchemaError = jsonschema.SchemaError
    return validators

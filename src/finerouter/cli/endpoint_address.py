"""Where an OpenAI-compatible endpoint is, and which variable holds its key, if nobody says."""

from __future__ import annotations

import os

_URL_VARIABLE = "OPENAI_BASE_URL"
_URL = "https://api.openai.com/v1"
_KEY_VARIABLE = "OPENAI_API_KEY"


def address(given: str | None) -> str:
    """The base URL: the given one, else that of the environment, else OpenAI's."""
    return given or os.environ.get(_URL_VARIABLE) or _URL


def key_variable(given: str | None) -> str:
    """Name of the environment variable that holds the key."""
    return given or _KEY_VARIABLE

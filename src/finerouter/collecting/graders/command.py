"""An external command grades: `command:PROGRAM ARGUMENTS`, once for each answer.

It reads one JSON object on standard input (the prompt's row, and the text under `answer`) and
writes a number from 0 to 1, or an object with `score` and perhaps `reason`. Anything else, another
exit code than 0, or more than a minute means that the answer has no score.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess

from finerouter.collecting.graders.function import checked
from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt
from finerouter.errors import ConfigError

_TIMEOUT_S = 60.0


def build(option: str) -> Grader:
    """The grader that runs the command."""
    try:
        words = shlex.split(option)
    except ValueError as error:
        raise ConfigError(f"grader command: {option!r} cannot be split ({error})") from error
    if not words or shutil.which(words[0]) is None:
        raise ConfigError(
            f"grader command: {words[0] if words else ''!r} is no program here; give "
            "command:PROGRAM ARGUMENTS"
        )
    return Pointwise(lambda prompt, text: _graded(words, prompt, text), blocking=True)


def _graded(words: list[str], prompt: Prompt, text: str) -> Grade:
    row = {**prompt.fields, "prompt": prompt.text, "prompt_id": prompt.prompt_id, "answer": text}
    try:
        ended = subprocess.run(
            words,
            input=json.dumps(row, default=str).encode(),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Grade(None, f"the command failed ({error})")
    said = ended.stdout.decode("utf-8", "replace")
    if ended.returncode:
        complaint = ended.stderr.decode("utf-8", "replace") or said
        return Grade(None, f"the command ended with {ended.returncode}: {shown(complaint)}")
    return _read(said)


def _read(said: str) -> Grade:
    try:
        value = json.loads(said)
    except (ValueError, RecursionError):
        return Grade(None, f"the command wrote {shown(said)}, which is no JSON")
    score, reason = value, ""
    if isinstance(value, dict):
        score, reason = value.get("score"), value.get("reason", "")
    # Truth values are numbers to Python, and no scores in JSON.
    if isinstance(score, bool) or not isinstance(score, int | float | None):
        return Grade(None, f"the command wrote {shown(said)}, no number from 0 to 1")
    return checked((score, reason))

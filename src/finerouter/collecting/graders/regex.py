"""A regular expression is found in the answer: `regex:PATTERN`, or the reference of each prompt.

Python's syntax; `(?i)` at its start ignores case. Some patterns backtrack without end: a search of
more than a few seconds is given up, and the answer has no score.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt
from finerouter.errors import ConfigError

_SEARCH = Path(__file__).with_name("regex_search.py")
_MOST_S = 5.0


def build(option: str, most_s: float = _MOST_S) -> Grader:
    """The grader of a pattern, or of each prompt's own.

    Args:
        option: the pattern.
        most_s: how long a search may compute.

    Raises:
        ConfigError: it is no regular expression.
    """
    searches = _Searches(most_s)
    if not option:
        return Pointwise(
            lambda prompt, text: _score(searches, prompt.references, text),
            needs=("reference",), blocking=True, check=_unusable,
        )  # fmt: skip
    problem = _problem(option)
    if problem:
        raise ConfigError(f"grader regex: {problem}")
    return Pointwise(lambda _, text: _score(searches, (option,), text), blocking=True)


def _score(searches: _Searches, patterns: tuple[str, ...], text: str) -> Grade:
    endless = None
    for pattern in patterns:
        found = searches.search(pattern, text)
        if found:
            return Grade(1.0, "found")
        endless = pattern if found is None else endless
    if endless is not None:
        return Grade(None, f"the search for {shown(endless)} took too long")
    return Grade(0.0, f"no {' or '.join(map(shown, patterns))}")


@dataclass
class _Searches:
    """One process for all searches, one at a time, started again after one that took too long."""

    most_s: float
    _process: subprocess.Popen[bytes] | None = None
    _lock: Lock = field(default_factory=Lock)

    def search(self, pattern: str, text: str) -> bool | None:
        """Whether the pattern is found; None where the time did not suffice."""
        with self._lock:
            process = self._process = self._process or self._started()
            said = _asked(process, json.dumps([pattern, text]).encode() + b"\n")
            if not said:
                self._process = None
                _end(process)
        return said == b"1\n" if said else None

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-I", str(_SEARCH), str(self.most_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not for it
        )
        weakref.finalize(self, _end, process)
        return process


def _asked(process: subprocess.Popen[bytes], question: bytes) -> bytes:
    """What the process answers; nothing where it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(question)
        process.stdin.flush()
    return process.stdout.readline()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _unusable(prompt: Prompt) -> str | None:
    return next(filter(None, map(_problem, prompt.references)), None)


def _problem(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"{shown(pattern)} is no regular expression ({error})"
    return None

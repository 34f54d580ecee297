"""The answer's code passes the prompt's tests, run in a sandbox.

The column `tests` holds Python that fails with an exception, or a list of such pieces: the score is
the share that passes. The code is the longest fenced block, else the whole answer; `prefix`, where
there is one, comes before it. `tests:timeout=10,memory=512` are seconds and megabytes.

Where the kernel gives no namespaces or no filter of system calls, code could reach the network and
write the user's files: then the grader refuses, unless `tests:open` says that this is accepted.
Where the sandbox itself fails, the answer has no score.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Sequence

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import read_options
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt
from finerouter.collecting.sandbox import Ended, Limits, refusal, run_program
from finerouter.errors import ConfigError

_FENCED = re.compile(r"```[\w+-]*[ \t]*\r?\n(.*?)(?:```|\Z)", re.DOTALL)
ISOLATED = "code ran in an empty folder in memory, without network"
OPEN = (
    "code ran with limits on time and memory only ({refusal}), so the network and the user's files "
    "were within its reach"
)


def build(option: str) -> Grader:
    """The grader, with its limits.

    Raises:
        ConfigError: an option is wrong; code cannot be isolated here, and nobody accepted that; or
            Python cannot even start within the limits.
    """
    kinds = {"timeout": float, "memory": int, "open": bool}
    options = read_options("tests", option, kinds)
    if refusal() and not options.get("open"):
        raise ConfigError(
            f"grader tests: code that a model wrote could reach the network and your files here "
            f"({refusal()}); run where it cannot, or accept that with tests:open"
        )
    limits = Limits(options.get("timeout", 10.0), options.get("memory", 512))
    _check_limits(option, limits)

    def score(prompt: Prompt, text: str) -> Grade:
        return _share([_run(prompt, text, piece, limits) for piece in _tests(prompt)])

    said = OPEN.format(refusal=refusal()) if refusal() else ISOLATED
    return Pointwise(score, needs=("tests",), blocking=True, said=(said,), check=_unusable)


def _check_limits(option: str, limits: Limits) -> None:
    in_range = 0 < limits.timeout_s < math.inf and limits.memory_mb > 0
    trouble = _run_within("pass", limits).trouble if in_range else "they must be above 0"
    if trouble:
        raise ConfigError(
            f"grader tests: nothing can run within the limits {option!r} ({trouble}); allow more"
        )


def code_of(text: str) -> str:
    """The code in an answer: its longest fenced block, else all of it."""
    return max(_FENCED.findall(text), key=len, default=text)


def _run(prompt: Prompt, text: str, piece: str, limits: Limits) -> Ended:
    prefix = str(prompt.fields.get("prefix") or "")
    return _run_within(f"{prefix}\n{code_of(text)}\n\n{piece}\n", limits)


def _run_within(program: str, limits: Limits) -> Ended:
    return run_program(program, limits, open_network=bool(refusal()))


def _share(runs: Sequence[Ended]) -> Grade:
    troubles = [ended.trouble for ended in runs if ended.trouble]
    if troubles:
        return Grade(None, f"the sandbox failed: {troubles[0]}")
    # Code that ends the process early must not pass: only at the last line is a run complete.
    failures = [_reason(ended) for ended in runs if ended.code != 0 or not ended.complete]
    passed = len(runs) - len(failures)
    why = f": {failures[0]}" if failures else ""
    return Grade(passed / len(runs), f"{passed} of {len(runs)} tests pass{why}")


def _reason(ended: Ended) -> str:
    if ended.timed_out:
        return "out of time"
    last = ended.output.strip().splitlines()[-1:] or [f"exit code {ended.code}"]
    return shown(last[0], 120)


def _tests(prompt: Prompt) -> list[str]:
    """The pieces; those without content would pass whatever the answer is."""
    tests = prompt.fields["tests"]
    if isinstance(tests, str) and tests.lstrip().startswith("["):
        try:
            tests = json.loads(tests)
        except ValueError:
            tests = [tests]
    pieces = tests if isinstance(tests, list) else [tests]
    return [piece for piece in map(str, pieces) if piece.strip()]


def _unusable(prompt: Prompt) -> str | None:
    pieces = _tests(prompt)
    for piece in pieces:
        try:
            with warnings.catch_warnings(action="ignore"):
                compile(piece, "tests", "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            return f"its tests {shown(piece)} are no Python ({error})"
    return None if pieces else "its tests are empty"

"""The answer's code passes the prompt's tests, run in a sandbox.

The column `tests` holds Python that fails with an exception, or a list of such pieces: the score is
the share that passes. The code is the longest fenced block, else the whole answer; `prefix`, where
there is one, comes before it. `tests:timeout=10,memory=512` are seconds and megabytes.

Where the kernel gives no namespaces, code could reach the network and write the user's files: then
the grader refuses, unless `tests:open` says that this is accepted.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import read_options
from finerouter.collecting.graders.reading import shown
from finerouter.collecting.prompts import Prompt
from finerouter.collecting.sandbox import Ended, Limits, isolated, run_program
from finerouter.errors import ConfigError

_FENCED = re.compile(r"```[\w+-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
ISOLATED = "code ran in an empty folder in memory, without network but for sockets of this machine"
OPEN = (
    "code ran with limits on time and memory only: this kernel gives no namespaces, so the network "
    "and the user's files were within its reach"
)


def build(option: str) -> Grader:
    """The grader, with its limits.

    Raises:
        ConfigError: an option is wrong; or code cannot be isolated here, and nobody accepted that.
    """
    kinds = {"timeout": float, "memory": int, "open": bool}
    options = read_options("tests", option, kinds)
    if not isolated() and not options.get("open"):
        raise ConfigError(
            "grader tests: this system gives no namespaces, so code that a model wrote could reach "
            "the network and your files; run where it does, or accept that with tests:open"
        )
    limits = Limits(options.get("timeout", 10.0), options.get("memory", 512))

    def score(prompt: Prompt, text: str) -> Grade:
        return _share([_passes(prompt, text, piece, limits) for piece in _tests(prompt)])

    said = ISOLATED if isolated() else OPEN
    return Pointwise(score, needs=("tests",), blocking=True, said=(said,), check=_unusable)


def code_of(text: str) -> str:
    """The code in an answer: its longest fenced block, else all of it."""
    return max(_FENCED.findall(text), key=len, default=text)


def _passes(prompt: Prompt, text: str, piece: str, limits: Limits) -> tuple[bool, str]:
    # Code that ends the process early must not pass: only what comes after the tests says this.
    passed = secrets.token_hex(16)
    prefix = str(prompt.fields.get("prefix") or "")
    program = f"{prefix}\n{code_of(text)}\n\n{piece}\n\nprint({passed!r})\n"
    ended = run_program(program, limits, open_network=not isolated())
    # Its last line and a clean end: code that prints its own source has the word, too.
    last = ended.output.rstrip().rpartition("\n")[2]
    return ended.code == 0 and last == passed, _reason(ended)


def _reason(ended: Ended) -> str:
    if ended.timed_out:
        return "out of time"
    last = ended.output.strip().splitlines()[-1:] or [f"exit code {ended.code}"]
    return shown(last[0], 120)


def _share(results: Sequence[tuple[bool, str]]) -> Grade:
    failures = [reason for passed, reason in results if not passed]
    passed = len(results) - len(failures)
    why = f": {failures[0]}" if failures else ""
    return Grade(passed / len(results), f"{passed} of {len(results)} tests pass{why}")


def _tests(prompt: Prompt) -> list[str]:
    tests = prompt.fields["tests"]
    if isinstance(tests, str) and tests.lstrip().startswith("["):
        try:
            tests = json.loads(tests)
        except ValueError:
            return [str(tests)]
    return [str(piece) for piece in tests] if isinstance(tests, list) else [str(tests)]


def _unusable(prompt: Prompt) -> str | None:
    return None if any(map(str.strip, _tests(prompt))) else "its tests are empty"

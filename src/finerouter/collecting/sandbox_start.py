"""The last step into the sandbox: says that Python is up, and becomes the program.

    python -I sandbox_start.py PROGRAM REPORT

Started by `sandbox_entry.py`, under all limits. On standard input comes a word that nobody else
knows; on the file descriptor REPORT goes "started" and, once the program has come to its end, that
word. So neither an exit code nor anything printed can pass for an end that was not reached. (A
program that looks for the word in this process's frames finds it: the two are one process.)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

_STARTED = b"started\n"
_WORD_BYTES = 64


def main() -> None:
    """Tell, run, tell."""
    program, report = sys.argv[1], int(sys.argv[2])
    os.set_inheritable(report, False)
    word = os.read(0, _WORD_BYTES)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    source = Path(program).read_bytes()
    os.write(report, _STARTED)
    # A module of its own, as if Python had been called with it: pickling and inspecting look there.
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__file__, sys.argv[:] = program, [program]
    exec(compile(source, program, "exec", dont_inherit=True), module.__dict__)
    os.write(report, word)


if __name__ == "__main__":
    main()

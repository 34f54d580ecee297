"""Runs a Python program that nobody has read, as far apart from this machine as its kernel allows.

Takes a program's text; gives how it ended. Limits on time, memory and written bytes hold wherever
there is a POSIX system. On Linux, where user namespaces are to be had, the program also has no
network (sockets of this machine that are files can be reached all the same), touches no other
process, and may write nothing but an empty folder in memory of its own.
It can read the files that the user can read. `isolated()` says which of the two it is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ENTRY = Path(__file__).with_name("sandbox_entry.py")
_OUTPUT_BYTES = 64 * 1024
_NO_NAMESPACES = 97  # how the entry says that the kernel refuses


@dataclass(frozen=True)
class Limits:
    """What a program may use: seconds of time (and of processor), megabytes of memory."""

    timeout_s: float = 10.0
    memory_mb: int = 512


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        code: exit code, negative for a signal.
        output: standard output and error, the last 64 KiB.
        timed_out: whether it was stopped for its time.
    """

    code: int
    output: str
    timed_out: bool


def run_program(program: str, limits: Limits = Limits(), *, open_network: bool = False) -> Ended:
    """Run a program and wait for its end.

    Args:
        program: Python.
        limits: what it may use.
        open_network: run it where namespaces are not to be had, with limits alone.
    """
    with tempfile.TemporaryDirectory(prefix="finerouter-sandbox-") as folder:
        path = Path(folder)
        (path / "program.py").write_bytes(program.encode("utf-8", "replace"))
        (path / "work").mkdir()
        with (path / "output").open("w+b") as output:
            code, timed_out = _waited_for(path, limits, output.fileno(), open_network)
            output.seek(max(0, output.seek(0, os.SEEK_END) - _OUTPUT_BYTES))
            text = output.read(_OUTPUT_BYTES).decode("utf-8", "replace")
    return Ended(code, text, timed_out)


@cache
def isolated() -> bool:
    """Whether programs can be kept from the network, from other processes and from files here."""
    return sys.platform == "linux" and run_program("pass").code != _NO_NAMESPACES


def _waited_for(folder: Path, limits: Limits, output: int, open_network: bool) -> tuple[int, bool]:
    words = [
        *(sys.executable, "-I", str(_ENTRY), str(folder / "program.py"), str(folder / "work")),
        *(str(limits.timeout_s), str(limits.memory_mb), "open" if open_network else "isolated"),
    ]
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder / "work",
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(folder / "work")},
        start_new_session=True,
    )  # fmt: skip
    try:
        return process.wait(limits.timeout_s), False
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL, True
    finally:
        # Also what the program left running in the background, where there is no namespace.
        _kill_group(process.pid)
        process.wait()


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)

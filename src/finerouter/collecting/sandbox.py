"""Runs a Python program that nobody has read, as far apart from this machine as its kernel allows.

Takes a program's text; gives how it ended. Limits on time, memory and written bytes hold wherever
there is a POSIX system. On Linux, where user namespaces and seccomp are to be had, the program also
has no network, not even sockets that are files; touches no other process; and may write nothing but
folders in memory of its own, and named pipes that the user may write. It can read the files that
the user can read. `refusal()` says why this machine does not give that.

What happened is told through a pipe (see `sandbox_start.py`), so that no exit code or output of the
program can pass for it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from finerouter.collecting.syscall_filter import filter_for

_ENTRY = Path(__file__).with_name("sandbox_entry.py")
_OUTPUT_BYTES = 64 * 1024
_REPORT_BYTES = 4096
_REFUSED, _STARTED = b"refused: ", b"started\n"  # as `sandbox_entry` and `sandbox_start` say it


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
        complete: whether it came to its last line.
        trouble: why it was not even started, "" where it was.
    """

    code: int
    output: str
    timed_out: bool
    complete: bool
    trouble: str


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
        (path / "filter").write_bytes(filter_for(platform.machine()) or b"")
        (path / "work").mkdir()
        (path / "devices").mkdir()
        word = secrets.token_hex(16).encode()
        with (path / "output").open("w+b") as output, _pipe() as (read_end, write_end):
            process = _started(path, limits, output.fileno(), write_end, open_network)
            code, timed_out = _waited_for(process, word, limits.timeout_s)
            report = _reported(read_end)
            output.seek(max(0, output.seek(0, os.SEEK_END) - _OUTPUT_BYTES))
            text = output.read(_OUTPUT_BYTES).decode("utf-8", "replace")
    complete = report.startswith(_STARTED) and word in report
    return Ended(code, text, timed_out, complete, _trouble(report, code, timed_out))


@cache
def refusal() -> str:
    """Why programs cannot be kept from the network, other processes and files; "" if they can."""
    if sys.platform != "linux":
        return "only Linux has the means"
    if filter_for(platform.machine()) is None:
        return f"no filter of system calls is written for {platform.machine()}"
    return run_program("pass").trouble


def _trouble(report: bytes, code: int, timed_out: bool) -> str:
    if report.startswith(_STARTED):
        return ""
    if report.startswith(_REFUSED):
        return report.removeprefix(_REFUSED).decode("utf-8", "replace")
    if timed_out:
        return "Python was not up when the time was over"
    return f"Python did not start (exit code {code}); it may need more memory"


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def _reported(read_end: int) -> bytes:
    """What came through the pipe, whoever still holds its other end."""
    os.set_blocking(read_end, False)
    try:
        return os.read(read_end, _REPORT_BYTES)
    except BlockingIOError:
        return b""


def _started(
    folder: Path, limits: Limits, output: int, report: int, open_network: bool
) -> subprocess.Popen[bytes]:
    work = folder / "work"
    words = [
        *(sys.executable, "-I", str(_ENTRY), str(folder), str(report)),
        *(str(limits.timeout_s), str(limits.memory_mb), "open" if open_network else "isolated"),
    ]
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=work, pass_fds=(report,),
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(work)},
        start_new_session=True,
    )  # fmt: skip


def _waited_for(
    process: subprocess.Popen[bytes], word: bytes, timeout_s: float
) -> tuple[int, bool]:
    try:
        process.communicate(word, timeout_s)
        return process.returncode, False
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL, True
    finally:
        # Also what the program left running in the background, where there is no namespace.
        _kill_group(process.pid)
        process.wait()


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)

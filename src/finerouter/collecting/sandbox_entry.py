"""The inside of the sandbox: cuts itself off, then becomes the program. Run by `sandbox.py`.

    python -I sandbox_entry.py PROGRAM WORK_FOLDER SECONDS MEGABYTES isolated|open

Imports nothing of the package. Raw system calls, because Python 3.11 has no names for them; numbers
are those of all Linux architectures since kernel 5.12.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
from pathlib import Path

_NO_NAMESPACES = 97
_NEW_MOUNTS, _NEW_IPC, _NEW_USER = 0x00020000, 0x08000000, 0x10000000
_NEW_PROCESSES, _NEW_NETWORK = 0x20000000, 0x40000000
_RECURSIVE_PRIVATE = 0x4000 | 0x40000  # MS_REC | MS_PRIVATE
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _READ_ONLY = 442, -100, 0x8000, 1
_SET_DEATH_SIGNAL, _DROP_BOUNDING, _NO_NEW_PRIVILEGES = 1, 24, 38
_CAPABILITIES = 64
_WRITTEN_BYTES = 16 * 1024 * 1024
_PROCESSES = 64


class _MountAttributes(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")
    ]


def main() -> None:
    """Cut off, and run."""
    program, work, seconds, megabytes, mode = sys.argv[1:]
    text = Path(program).read_bytes()
    if mode == "isolated":
        _cut_off(work)
    _limit(float(seconds), int(megabytes))
    path = Path(work) / "program.py"
    path.write_bytes(text)
    os.chdir(work)
    os.execv(sys.executable, [sys.executable, "-I", "-B", str(path)])


def _cut_off(work: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    user, group = os.getuid(), os.getgid()
    try:
        spaces = _NEW_USER | _NEW_NETWORK | _NEW_MOUNTS | _NEW_IPC | _NEW_PROCESSES
        _checked(libc.unshare(spaces))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        _checked(libc.mount(b"none", b"/", None, _RECURSIVE_PRIVATE, None))
        read_only = _MountAttributes(_READ_ONLY, 0, 0, 0)
        size = ctypes.sizeof(read_only)
        everywhere = (_AT_FDCWD, b"/", _AT_RECURSIVE, ctypes.byref(read_only), size)
        _checked(libc.syscall(_MOUNT_SETATTR, *everywhere))
        _checked(libc.mount(b"tmpfs", work.encode(), b"tmpfs", 0, b"size=64m"))
        # /proc would show other processes' environments, and with them the user's keys.
        _checked(libc.mount(b"tmpfs", b"/proc", b"tmpfs", 0, b"size=4k"))
    except OSError as error:
        sys.stderr.write(f"no namespaces: {error}\n")
        os._exit(_NO_NAMESPACES)
    _become_first_process(libc)
    for capability in range(_CAPABILITIES):
        libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _become_first_process(libc: ctypes.CDLL) -> None:
    """Go on in a child: the first of the new process namespace, with which all others die."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def _limit(seconds: float, megabytes: int) -> None:
    wanted = {
        resource.RLIMIT_CPU: math.ceil(seconds),
        resource.RLIMIT_AS: megabytes * 1024 * 1024,
        resource.RLIMIT_FSIZE: _WRITTEN_BYTES,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        wanted[resource.RLIMIT_NPROC] = _PROCESSES
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()

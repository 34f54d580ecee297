"""The way into the sandbox: cuts itself off, then becomes `sandbox_start.py`. Run by `sandbox.py`.

    python -I sandbox_entry.py FOLDER REPORT SECONDS MEGABYTES isolated|open

FOLDER has `program.py`, the file `filter` (see `syscall_filter.py`) and the empty folders `work`
and `devices`. On the file descriptor REPORT goes "refused" and a reason, where the kernel gives no
such sandbox. Imports nothing of the package. Raw system calls, because Python 3.11 has no names for
them; numbers are those of all Linux architectures since kernel 5.12.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
from pathlib import Path

_START = Path(__file__).with_name("sandbox_start.py")
_REFUSED = "refused: "
_NEW_MOUNTS, _NEW_IPC, _NEW_USER = 0x00020000, 0x08000000, 0x10000000
_NEW_PROCESSES, _NEW_NETWORK = 0x20000000, 0x40000000
_RECURSIVE_PRIVATE = 0x4000 | 0x40000  # MS_REC | MS_PRIVATE
_BIND, _MOVE = 0x1000, 0x2000  # MS_BIND, MS_MOVE
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_READ_ONLY, _NO_DEVICES = 1, 4
_SET_DEATH_SIGNAL, _DROP_BOUNDING, _NO_NEW_PRIVILEGES = 1, 24, 38
_SET_SECCOMP, _SECCOMP_FILTER = 22, 2
_INSTRUCTION_BYTES = 8
_CAPABILITIES = 64
_DEVICES = ("null", "zero", "full", "random", "urandom")
_WRITTEN_BYTES = 16 * 1024 * 1024
_PROCESSES = 64


class _MountAttributes(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")
    ]


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def main() -> None:
    """Cut off, and run."""
    folder, report = Path(sys.argv[1]), int(sys.argv[2])
    text = (folder / "program.py").read_bytes()
    work = folder / "work"
    if sys.argv[5] == "isolated":
        try:
            _cut_off(folder)
        except OSError as error:
            os.write(report, f"{_REFUSED}{error}".encode())
            os._exit(1)
    _limit(float(sys.argv[3]), int(sys.argv[4]))
    path = work / "program.py"
    path.write_bytes(text)
    os.chdir(work)
    os.set_inheritable(report, True)
    os.execv(sys.executable, [sys.executable, "-I", "-B", str(_START), str(path), str(report)])


def _cut_off(folder: Path) -> None:
    """Leave the network, other processes and what could be written.

    Raises:
        OSError: the kernel gives no namespaces, or takes no filter.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    calls = (folder / "filter").read_bytes()
    _enter_namespaces(libc)
    _cover_files(libc, folder)
    _become_first_process(libc)
    for capability in range(_CAPABILITIES):
        libc.prctl(_DROP_BOUNDING, capability, 0, 0, 0)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _refuse_calls(libc, calls)


def _enter_namespaces(libc: ctypes.CDLL) -> None:
    user, group = os.getuid(), os.getgid()
    spaces = _NEW_USER | _NEW_NETWORK | _NEW_MOUNTS | _NEW_IPC | _NEW_PROCESSES
    _checked(libc.unshare(spaces), "no namespaces")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _cover_files(libc: ctypes.CDLL, folder: Path) -> None:
    """Make all files read-only but an empty folder, and devices none but the harmless ones."""

    def mount(source: str, target: Path, kind: bytes | None, flags: int, data: bytes = b"") -> None:
        where = str(target).encode()
        _checked(libc.mount(source.encode(), where, kind, flags, data), f"no mount of {target}")

    def set_attributes(target: Path, attributes: _MountAttributes, flags: int = 0) -> None:
        where, size = str(target).encode(), ctypes.sizeof(attributes)
        call = (_MOUNT_SETATTR, _AT_FDCWD, where, flags, ctypes.byref(attributes), size)
        _checked(libc.syscall(*call), f"no change of {target}")

    root, devices = Path("/"), folder / "devices"
    mount("none", root, None, _RECURSIVE_PRIVATE)
    # A device or a pipe can be written to however read-only the mount is.
    set_attributes(root, _MountAttributes(_READ_ONLY | _NO_DEVICES, 0, 0, 0), _AT_RECURSIVE)
    mount("tmpfs", devices, b"tmpfs", 0, b"size=16m")
    for name in _DEVICES:
        (devices / name).touch()
        mount(f"/dev/{name}", devices / name, None, _BIND)
        set_attributes(devices / name, _MountAttributes(0, _NO_DEVICES, 0, 0))
    (devices / "shm").mkdir()  # for the locks of multiprocessing
    mount(str(devices), Path("/dev"), None, _MOVE)
    mount("tmpfs", folder / "work", b"tmpfs", 0, b"size=64m")
    # /proc would show other processes' environments, and with them the user's keys.
    mount("tmpfs", Path("/proc"), b"tmpfs", 0, b"size=4k")


def _refuse_calls(libc: ctypes.CDLL, calls: bytes) -> None:
    program = _Filter(len(calls) // _INSTRUCTION_BYTES, calls)
    done = libc.prctl(_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(program), 0, 0)
    _checked(done, "no filter of system calls (seccomp)")


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


def _checked(result: int, otherwise: str) -> None:
    if result != 0:
        raise OSError(f"{otherwise}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()

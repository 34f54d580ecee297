"""Which system calls the sandbox refuses, as a program that the kernel runs before each call.

Takes the name of a processor; gives the bytes of a seccomp filter (classic BPF, see the kernel's
`Documentation/userspace-api/seccomp_filter.rst`). Installs nothing.

The network namespace has no way out, but a socket that is a file is found by its path, whatever
the namespace. So a socket may only be of the internet, whose only net is the empty one; of the
others not even netlink or vsock are had. Pairs of connected sockets stay, because asyncio and
multiprocessing are built on them: of streams only, for a datagram socket may turn to another
address, pair or not. io_uring makes sockets behind the filter's back, and keyrings hold keys of the
user's session: both are refused whole. What is refused fails with EPERM.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_AF_INET, _AF_INET6 = 2, 10
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_KIND = 1, 5, 0xF  # the other bits are flags
_IO_URING_SETUP = 425  # everywhere
_X32 = 0x40000000  # x86-64 has a second table of calls from here on
_EPERM = 1

# Where the kernel's `struct seccomp_data` has what; of an argument, the half that counts.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST = 0x15, 0x35
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | _EPERM


@dataclass(frozen=True)
class _Machine:
    """A processor's number at the kernel's auditors, and its numbers of calls."""

    audit: int
    socket: int
    socketpair: int
    add_key: int
    request_key: int
    keyctl: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 41, 53, 248, 249, 250),
    "aarch64": _Machine(0xC00000B7, 198, 199, 217, 218, 219),
}

# An instruction: operation, operand, and where to go on if the test holds and if it does not. A
# name is the place of a label below; None is the next instruction.
_Step = tuple[int, int, str | None, str | None]


def filter_for(machine: str) -> bytes | None:
    """The filter as an array of `struct sock_filter`; None for a processor not known here."""
    known = _MACHINES.get(machine)
    return None if known is None else _assembled(_steps(known))


def _steps(machine: _Machine) -> list[_Step | str]:
    """The program; a bare text is a label."""
    refused = (_IO_URING_SETUP, machine.add_key, machine.request_key, machine.keyctl)
    return [
        (_LOAD, _ARCHITECTURE, None, None),
        (_IF_EQUAL, machine.audit, None, "refuse"),  # 32-bit calls have other numbers
        (_LOAD, _NUMBER, None, None),
        (_IF_AT_LEAST, _X32, "refuse", None),
        *((_IF_EQUAL, number, "refuse", None) for number in refused),
        (_IF_EQUAL, machine.socket, "socket", None),
        (_IF_EQUAL, machine.socketpair, "socketpair", "allow"),
        "socket",
        (_LOAD, _FIRST_ARGUMENT, None, None),
        (_IF_EQUAL, _AF_INET, "allow", None),
        (_IF_EQUAL, _AF_INET6, "allow", "refuse"),
        "socketpair",
        (_LOAD, _SECOND_ARGUMENT, None, None),
        (_AND, _SOCK_KIND, None, None),
        (_IF_EQUAL, _SOCK_STREAM, "allow", None),
        (_IF_EQUAL, _SOCK_SEQPACKET, "allow", "refuse"),
        "refuse",
        (_RETURN, _REFUSE, None, None),
        "allow",
        (_RETURN, _ALLOW, None, None),
    ]


def _assembled(steps: list[_Step | str]) -> bytes:
    places: dict[str | None, int] = {}
    lines: list[_Step] = []
    for step in steps:
        if isinstance(step, str):
            places[step] = len(lines)
        else:
            lines.append(step)
    code = b""
    for at, (operation, operand, holds, fails) in enumerate(lines):
        # A jump counts from the next instruction on.
        jumps = [places.get(label, at + 1) - at - 1 for label in (holds, fails)]
        code += struct.pack("=HBBI", operation, *jumps, operand)
    return code

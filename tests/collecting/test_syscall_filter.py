"""The sandbox's filter of system calls, run on paper for every processor it is written for."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.collecting.syscall_filter import filter_for

ALLOWED, EPERM = 0x7FFF0000, 0x00050001
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SOCKET, PAIR = {"x86_64": 41, "aarch64": 198}, {"x86_64": 53, "aarch64": 199}
KEYS = {"x86_64": {248, 249, 250}, "aarch64": {217, 218, 219}}
UNIX, INTERNET = 1, {2, 10}
STREAM, DATAGRAM, RAW, PACKETS, CLOSE_ON_EXEC = 1, 2, 3, 5, 0o2000000
MACHINES = st.sampled_from(sorted(AUDIT))
WORDS = st.integers(0, 2**32 - 1)


def verdict(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the kernel would say: its virtual machine, as far as the filter uses it."""
    given_audit = AUDIT[machine] if audit is None else audit
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=IIQ6Q", number, given_audit, 0, *padded)
    code = filter_for(machine)
    lines = [struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)]
    at = value = 0
    while True:
        operation, holds, fails, operand = lines[at]
        at += 1
        if operation == 0x20:  # load a word
            (value,) = struct.unpack_from("=I", data, operand)
        elif operation == 0x54:  # and
            value &= operand
        elif operation == 0x06:  # return
            return operand
        else:
            test = {0x15: value == operand, 0x35: value >= operand}[operation]
            at += holds if test else fails


@given(MACHINES, WORDS, WORDS)
def test_sockets_are_of_the_internet_only(machine: str, family: int, high: int) -> None:
    said = verdict(machine, SOCKET[machine], family | high << 32, STREAM)
    assert said == (ALLOWED if family in INTERNET else EPERM)


@given(MACHINES, st.integers(0, 15), st.sampled_from([0, 0o4000, CLOSE_ON_EXEC]))
def test_pairs_are_of_streams_only(machine: str, kind: int, flags: int) -> None:
    said = verdict(machine, PAIR[machine], UNIX, kind | flags)
    assert said == (ALLOWED if kind in (STREAM, PACKETS) else EPERM)


@given(MACHINES, WORDS, WORDS)
def test_all_other_calls_are_allowed_but_for_rings_and_keys(
    machine: str, number: int, argument: int
) -> None:
    refused = number == 425 or number in KEYS[machine] or number >= 0x40000000
    if number not in (SOCKET[machine], PAIR[machine]):
        assert verdict(machine, number, argument) == (EPERM if refused else ALLOWED)


@pytest.mark.parametrize("machine", sorted(AUDIT))
def test_rings_and_keys_are_refused(machine: str) -> None:
    assert {verdict(machine, number) for number in {425} | KEYS[machine]} == {EPERM}


@given(MACHINES, WORDS, WORDS)
def test_calls_of_another_processor_are_refused(machine: str, number: int, audit: int) -> None:
    if audit != AUDIT[machine]:
        assert verdict(machine, number, audit=audit) == EPERM


def test_an_unknown_processor_has_no_filter() -> None:
    assert filter_for("pdp11") is None

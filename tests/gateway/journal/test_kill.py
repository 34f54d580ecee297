"""A killed process loses no record whose `note` had returned, and counts none twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.gateway.journal.killing import intact, killed_once, reopened


def test_no_kill_loses_a_record(tmp_path: Path) -> None:
    said: set[int] = set()
    for kill, after_s in enumerate((0.05, 0.12, 0.3)):
        numbers = killed_once(tmp_path, kill * 1_000_000, after_s)
        assert numbers
        said |= set(numbers)
    found, spent, counted = asyncio.run(reopened(tmp_path))
    assert said <= found
    assert len(found - said) <= 3  # noted, but killed before it could be said
    assert spent == pytest.approx(0.5 * len(found))
    assert counted == len(found)
    assert intact(tmp_path)
    assert list((tmp_path / "journal.sqlite.spool").iterdir()) == []

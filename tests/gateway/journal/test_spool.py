"""Lines that wait for the store: in files of their process, or in memory."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from finerouter.gateway.journal.spool import Spool

LINES = [b"one\n", b"two\n", b"three\n"]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("live-*/*.jsonl"))


def taken(spool: Spool) -> list[bytes]:
    """All lines, as a writer that stores them all would take them."""
    lines = []
    while segments := spool.take():
        for segment in segments:
            lines += segment.lines()
            spool.done(segment)
    return lines


def test_lines_are_taken_in_order_and_their_files_go(spool: Spool, tmp_path: Path) -> None:
    for line in LINES:
        spool.append(line)
    assert spool.waiting == 3
    assert list(spool.lines()) == LINES
    assert taken(spool) == LINES
    assert spool.waiting == 0
    assert len(files(tmp_path)) <= len(files(spool.folder)) == 1  # the next one, empty
    spool.close()
    assert list(spool.folder.iterdir()) == []


def test_only_the_owner_reads_what_waits(spool: Spool) -> None:
    spool.append(b"secret\n")
    (path,) = files(spool.folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    spool.close()


def test_what_is_not_stored_waits_for_the_next_process(spool: Spool) -> None:
    for line in LINES:
        spool.append(line)
    spool.take()
    spool.append(b"four\n")
    spool.close()
    after = Spool(spool.folder)
    (orphan,) = after.orphans()
    found = [list(orphan.lines(path)) for path in orphan.segments()]
    assert found == [LINES, [b"four\n"]]
    orphan.remove()
    assert list(after.orphans()) == []
    after.close()


def test_the_spool_of_a_living_process_is_left_alone(spool: Spool) -> None:
    spool.append(b"mine\n")
    other = Spool(spool.folder)
    assert list(other.orphans()) == []
    assert list(other.lines()) == []
    assert list(other.lines(everybody=True)) == [b"mine\n"]
    other.close()
    spool.close()


def test_the_spool_of_a_killed_process_is_adopted(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from finerouter.gateway.journal.spool import Spool\n"
        f"spool = Spool(Path({str(tmp_path)!r}))\n"
        "spool.append(b'kept\\n')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    spool = Spool(tmp_path)
    (orphan,) = spool.orphans()
    assert [list(orphan.lines(path)) for path in orphan.segments()] == [[b"kept\n"]]
    spool.close()


def test_a_folder_that_was_removed_is_made_again(spool: Spool) -> None:
    spool.append(b"before\n")
    shutil.rmtree(spool.folder)
    spool.append(b"after\n")
    assert taken(spool) == [b"before\n", b"after\n"]
    spool.append(b"later\n")
    assert len(files(spool.folder)) == 1
    spool.close()


def test_where_no_file_can_be_made_lines_wait_in_memory(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a folder")
    spool = Spool(tmp_path / "spool")
    spool.append(b"one\n")
    assert "spool" in spool.last_error
    assert spool.append_durably(b"two\n") is False
    (tmp_path / "spool").unlink()
    assert taken(spool) == [b"one\n", b"two\n"]
    assert spool.append_durably(b"three\n") is True
    spool.close()


def test_memory_is_bounded_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a folder")
    spool = Spool(tmp_path / "spool", most_memory_bytes=10)
    for number in range(5):
        spool.append(b"%d--\n" % number)
    assert (spool.lost, spool.waiting) == (3, 2)
    spool.take()
    spool.append(b"5--\n")
    spool.back()
    assert list(spool.lines()) == [b"4--\n", b"5--\n"]
    assert spool.lost == 4
    spool.close()


def test_the_disk_that_waiting_lines_take_is_bounded(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", most_bytes=10)
    for number in range(4):
        spool.append(b"%d--\n" % number)
        spool.renew()
    spool.back()
    assert list(spool.lines()) == [b"2--\n", b"3--\n"]
    assert spool.lost == 2
    assert len(files(spool.folder)) == 3
    spool.close()


def test_a_long_trouble_does_not_open_ever_more_files(spool: Spool) -> None:
    before = open_files()
    for number in range(50):
        spool.append(b"%d\n" % number)
        spool.take()
        spool.back()
    assert open_files() - before <= 2
    assert taken(spool) == [b"%d\n" % number for number in range(50)]
    spool.close()


def test_what_waits_is_tallied(spool: Spool) -> None:
    spool.append(b"one\n", ("key", 3_600), 0.5)
    spool.append(b"two\n", ("key", 3_600), 0.25)
    spool.take()
    spool.append(b"three\n", ("key", 7_200), 1.0)
    assert spool.tallied() == {("key", 3_600): 0.75, ("key", 7_200): 1.0}
    taken(spool)
    assert spool.tallied() == {}
    spool.close()

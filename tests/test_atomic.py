from __future__ import annotations

from pathlib import Path

import pytest

from finerouter.atomic import atomic_file, atomic_folder
from finerouter.errors import OutputError

MARKER = "mark"


def write(folder: Path, content: str, *, fails: bool = False) -> None:
    with atomic_folder(folder, marker=MARKER) as out:
        (out / MARKER).write_text(content)
        if fails:
            raise OSError(28, "No space left on device")


def write_half(path: Path) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        raise OSError(27, "File too large")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_with_its_content(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "down" / "out", "new")
    assert (tmp_path / "deep" / "down" / "out" / MARKER).read_text() == "new"
    assert names(tmp_path / "deep" / "down") == ["out"]


def test_an_earlier_result_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path / "out", "old")
    (tmp_path / "out" / "more").write_text("of the old one")
    write(tmp_path / "out", "new")
    assert names(tmp_path / "out") == [MARKER]
    assert (tmp_path / "out" / MARKER).read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "new")
    assert names(tmp_path / "out") == [MARKER]


def test_a_failure_leaves_the_earlier_result(tmp_path: Path) -> None:
    write(tmp_path / "out", "old")
    with pytest.raises(OutputError, match=r"No space left on device.*nothing was left half"):
        write(tmp_path / "out", "new", fails=True)
    assert (tmp_path / "out" / MARKER).read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_a_failure_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="out: cannot be written"):
        write(tmp_path / "out", "new", fails=True)
    assert names(tmp_path) == []


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "out", marker=MARKER):
        raise KeyboardInterrupt
    assert names(tmp_path) == []


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=f"exists and holds no {MARKER}; choose another place"):
        write(tmp_path / "out", "new")
    assert names(tmp_path / "out") == ["thesis.txt"]


def test_a_file_in_the_way_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="exists and holds no"):
        write(tmp_path / "out", "new")
    assert (tmp_path / "out").read_text() == "a file"


def test_a_file_in_place_of_the_parent_is_told(tmp_path: Path) -> None:
    (tmp_path / "parent").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "parent" / "out", "new")


def test_a_file_appears_whole_and_replaces(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with atomic_file(tmp_path / "out") as temporary:
            temporary.write_text(content)
        assert (tmp_path / "out").read_text() == content
    assert names(tmp_path) == ["out"]


def test_a_file_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    with pytest.raises(OutputError, match="File too large"):
        write_half(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "out", marker=MARKER):
        1 / 0  # noqa: B018 (the error is the point)
    assert names(tmp_path) == []

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from finerouter.errors import DataError, OutputError
from finerouter.prompt import prompt_id
from finerouter.tasks.taxonomy import FREE, Task, TaskEdits, read_task_file, write_task_file

PROMPTS = ("add one", "add two", "sort these", "sort those", "sing a song")
LABELS = np.array([0, 0, 1, 1, 2])
TASKS = (
    Task("sums", 2, ("add",), ("add one",), ("coder",), 1.0),
    Task("order", 2, ("sort",), ('say "hi"\n\x7f \ud800 é',), ("coder", "tiny"), 0.9),
    Task("songs", 1, (), (), ("tiny",), 1.0, pinned=True),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.toml"
    write_task_file(path, TASKS, LABELS, [prompt_id(text) for text in PROMPTS])
    return path


def edit(path: Path, old: str, new: str) -> TaskEdits:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return read_task_file(path)


def test_an_unedited_file_says_what_was_written(path: Path) -> None:
    edits = read_task_file(path)
    assert edits.names == ("sums", "order", "songs")
    assert edits.pinned == (False, False, True)
    np.testing.assert_array_equal(edits.labels(PROMPTS), LABELS)


def test_the_file_explains_itself(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "finerouter train" in text
    assert "# 2 prompts; candidate models: coder, tiny" in text
    assert '# e.g. "add one"' in text


def test_prompts_that_are_not_listed_are_free(path: Path) -> None:
    labels = read_task_file(path).labels([*PROMPTS, "never seen"])
    assert labels[-1] == FREE


def test_only_pinned_tasks_are_kept_when_asked(path: Path) -> None:
    labels = read_task_file(path).labels(PROMPTS, pinned_only=True)
    np.testing.assert_array_equal(labels, np.where(LABELS == 2, 2, FREE))


def test_data_that_the_file_does_not_know_is_refused(path: Path) -> None:
    with pytest.raises(DataError, match="lists none of these prompts"):
        read_task_file(path).labels(["never seen"])


def test_a_task_is_renamed(path: Path) -> None:
    assert edit(path, 'name = "sums"', 'name = " addition "').names[0] == "addition"


def test_merging_moves_the_prompts(path: Path) -> None:
    edits = edit(path, 'name = "songs"\nmerge_into = ""', 'name = "songs"\nmerge_into = "T01"')
    assert edits.names == ("sums", "order")
    np.testing.assert_array_equal(edits.labels(PROMPTS), [0, 0, 1, 1, 0])


def test_merging_goes_on_through_merged_tasks(path: Path) -> None:
    edit(path, 'name = "sums"\nmerge_into = ""', 'name = "sums"\nmerge_into = "T02"')
    edits = edit(path, 'name = "order"\nmerge_into = ""', 'name = "order"\nmerge_into = "T03"')
    assert edits.names == ("songs",)
    assert (edits.labels(PROMPTS) == 0).all()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('name = "sums"\nmerge_into = ""', 'name = "sums"\nmerge_into = "T09"', "T09.*no task"),
        ('name = "sums"\nmerge_into = ""', 'name = "sums"\nmerge_into = "T01"', "circle"),
        ('name = "sums"', 'name = "  "', "task 1: name is empty"),
        ('name = "sums"', 'name = "order"', "two tasks are called 'order'"),
        ('name = "sums"', "name = 3", "task 1: name must be"),
        ('name = "sums"', 'title = "sums"', "unknown key 'title'"),
        ("pinned = false", 'pinned = "no"', "task 1: pinned must be"),
        ('id = "T02"', 'id = "T01"', "'T01' comes twice"),
        ("format = 1", "format = 2", "format 1"),
        ("format = 1", "format = ", "is not TOML"),
    ],
)
def test_mistakes_are_named(path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as raised:
        edit(path, old, new)
    assert str(path) in str(raised.value)


def test_a_longer_circle_is_refused(path: Path) -> None:
    old = 'name = "sums"\nmerge_into = ""'
    edit(path, old, old.replace('""', '"T02"'))
    old = 'name = "order"\nmerge_into = ""'
    with pytest.raises(DataError, match="T01 -> T02 -> T01"):
        edit(path, old, old.replace('""', '"T01"'))


@pytest.mark.parametrize(
    "content",
    [
        "format = 1\ntasks = 5\n",
        "format = 1\ntasks = [1]\n",
        "format = 1\n",
        "format = 1\n[tasks]\n",
    ],
)
def test_files_without_task_entries_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tasks.toml"
    path.write_text(content)
    with pytest.raises(DataError, match=re.escape(str(path))):
        read_task_file(path)


def test_prompts_must_be_texts(path: Path) -> None:
    with pytest.raises(DataError, match="task 1: prompts must be"):
        edit(path, "prompts = [", "prompts = [[1], ")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tasks.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"tasks\.toml"):
        read_task_file(path)


def test_a_file_is_not_written_over_a_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_task_file(tmp_path, TASKS, LABELS, PROMPTS)
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}*"))


def test_tasks_survive_json() -> None:
    assert [Task.from_json(task.to_json()) for task in TASKS] == list(TASKS)

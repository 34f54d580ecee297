"""A person renames, merges and pins tasks; training follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.errors import DataError
from finerouter.tasks.taxonomy import TaskEdits, read_task_file, write_task_file
from finerouter.training import train
from tests import synthetic


@pytest.fixture
def path(router: Router, tmp_path: Path) -> Path:
    path = tmp_path / "tasks.toml"
    record = router.training
    write_task_file(path, router.tasks, record.labels, record.prompt_ids)
    return path


def edited(path: Path, *changes: tuple[str, str]) -> TaskEdits:
    text = path.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")
    return read_task_file(path)


def entry(router: Router, at: int, *, name: str | None = None, into: str = "") -> tuple[str, str]:
    """A change of a task's name and target, for `edited`."""
    old = f'name = "{router.tasks[at].name}"\nmerge_into = ""'
    return old, f'name = "{name or router.tasks[at].name}"\nmerge_into = "{into}"'


def test_an_unedited_file_gives_the_same_tasks(router, fit, path) -> None:
    again = train(fit, synthetic.QUICK, edits=read_task_file(path))
    np.testing.assert_array_equal(again.training.labels, router.training.labels)
    assert again.tasks == router.tasks


def test_a_new_name_is_used_from_then_on(router, fit, path) -> None:
    edits = edited(path, entry(router, 2, name="my favourite"))
    again = train(fit, synthetic.QUICK, edits=edits)
    member = fit.prompts[int(np.flatnonzero(router.training.labels == 2)[0])]
    assert again.route(member).task == "my favourite"
    assert again.tasks[2].size == router.tasks[2].size


def test_merged_tasks_are_one(router, fit, path) -> None:
    edits = edited(path, entry(router, 1, into="T01"))
    again = train(fit, synthetic.QUICK, edits=edits)
    assert len(again.tasks) == len(router.tasks) - 1
    assert again.tasks[0].size == router.tasks[0].size + router.tasks[1].size
    assert (again.training.labels[np.isin(router.training.labels, [0, 1])] == 0).all()


def test_prompts_that_the_file_does_not_list_join_their_neighbours(table, path) -> None:
    again = train(table, synthetic.QUICK, edits=read_task_file(path))
    kinds = synthetic.kind_numbers(table)
    assert len(again.training.labels) == len(table)
    for task in range(len(again.tasks)):
        members = kinds[again.training.labels == task]
        assert np.bincount(members).max() / len(members) > 0.9


def test_rediscovering_keeps_pinned_tasks_and_their_members(router, fit, path) -> None:
    old = f"{entry(router, 1)[0]}\npinned = false"
    new = f"{entry(router, 1, name='pinned by me')[1]}\npinned = true"
    again = train(fit, synthetic.QUICK, edits=edited(path, (old, new)), rediscover=True)
    assert again.tasks[0].name == "pinned by me"
    assert [task.pinned for task in again.tasks].count(True) == 1
    np.testing.assert_array_equal(again.training.labels == 0, router.training.labels == 1)
    assert len(again.tasks) > 2


def test_rediscovering_with_nothing_pinned_discovers_all(router, fit, path) -> None:
    again = train(fit, synthetic.QUICK, edits=read_task_file(path), rediscover=True)
    np.testing.assert_array_equal(again.training.labels, router.training.labels)


def test_pins_are_written_and_read_again(router, fit, path, tmp_path: Path) -> None:
    old = f"{entry(router, 0)[0]}\npinned = false"
    edits = edited(path, (old, old.replace("false", "true")))
    again = train(fit, synthetic.QUICK, edits=edits)
    again.save(tmp_path / "r")
    loaded = Router.load(tmp_path / "r")
    record = loaded.training
    write_task_file(tmp_path / "again.toml", loaded.tasks, record.labels, record.prompt_ids)
    assert read_task_file(tmp_path / "again.toml").pinned[0]


def test_names_stay_unique_when_a_pinned_one_meets_a_discovered_one(router, fit, path) -> None:
    """The name that discovery gives another task is taken by the pinned one."""
    taken = router.tasks[2].name
    old = f"{entry(router, 1)[0]}\npinned = false"
    new = f"{entry(router, 1, name=taken)[1]}\npinned = true"
    edits = edited(path, entry(router, 2, name="was renamed away"), (old, new))
    again = train(fit, synthetic.QUICK, edits=edits, rediscover=True)
    names = [task.name for task in again.tasks]
    assert names[0] == taken
    assert len(set(names)) == len(names)


def test_a_file_for_other_data_is_refused(path: Path) -> None:
    others: OutcomeTable = synthetic.outcomes(300, seed=99)
    fresh = others.rows(np.flatnonzero(synthetic.kind_numbers(others) == 0))
    with pytest.raises(DataError, match="lists none of these prompts"):
        train(fresh, synthetic.QUICK, edits=read_task_file(path))

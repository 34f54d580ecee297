"""The discovered tasks as a person sees them, and the file by which a person edits them.

Takes names, sizes, terms and members; gives `Task` values and a TOML file with a line to change
for each wish: rename, merge, pin. Knows nothing of quality.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.prompt import prompt_id

Labels = NDArray[np.int64]
FREE = -1


@dataclass(frozen=True)
class Task:
    """A discovered latent task type.

    Attributes:
        name: for people; unique.
        size: training prompts.
        terms: distinctive terms, most distinctive first.
        exemplars: typical prompts, shortened.
        candidates: the models that matter here, in the order they were added.
        coverage: share of the task's prompts whose preferred model is a candidate.
        pinned: kept when tasks are discovered anew.
    """

    name: str
    size: int
    terms: tuple[str, ...]
    exemplars: tuple[str, ...]
    candidates: tuple[str, ...]
    coverage: float
    pinned: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Task:
        """Read what `to_json` gave."""
        lists = {key: tuple(record[key]) for key in ("terms", "exemplars", "candidates")}
        return cls(**{**record, **lists})


@dataclass(frozen=True)
class TaskEdits:
    """What a person decided about tasks, as read from a task file.

    Attributes:
        source: the file, for messages.
        names: of the tasks that remain after merging.
        pinned: whether each is pinned.
        members: prompt id -> position in `names`.
    """

    source: str
    names: tuple[str, ...]
    pinned: tuple[bool, ...]
    members: Mapping[str, int]

    def labels(self, prompts: Sequence[str], *, pinned_only: bool = False) -> Labels:
        """Labels of prompts, `FREE` where the file does not list one; empty tasks stay numbered.

        Raises:
            DataError: the file lists none of these prompts.
        """
        labels = np.array([self.members.get(prompt_id(text), FREE) for text in prompts])
        if (labels == FREE).all():
            raise DataError(
                f"{self.source}: lists none of these prompts; write it from a router that was "
                "trained on them: finerouter tasks ROUTER --write FILE"
            )
        if pinned_only:
            labels[~np.append(self.pinned, False)[labels]] = FREE
        return labels


_HEAD = """\
# The tasks that finerouter discovered. Edit, then train with them:
#     finerouter train DATA --out ROUTER --tasks THIS_FILE
#   name        what you call it
#   merge_into  the id of the task that takes this one's prompts, "" to keep it apart
#   pinned      true keeps it when you train with --rediscover on other data
# Prompts of the data that are not listed here join the task of their nearest listed neighbours.

format = 1
"""


def write_task_file(path: Path, tasks: Sequence[Task], labels: Labels, ids: Sequence[str]) -> None:
    """Write tasks for a person to edit; `labels` and `ids` are those of the training prompts.

    Raises:
        OutputError: the file cannot be written.
    """
    from finerouter.atomic import atomic_file  # here: a served router writes nothing

    blocks = [_HEAD]
    for at, task in enumerate(tasks):
        members = [ids[row] for row in np.flatnonzero(labels == at).tolist()]
        blocks.append(_task_block(f"T{at + 1:02}", task, members))
    with atomic_file(path) as temporary:
        temporary.write_text("\n".join(blocks), "utf-8")


def _task_block(task_id: str, task: Task, members: Sequence[str]) -> str:
    return "\n".join(
        [
            "[[tasks]]",
            f"# {task.size} prompts; candidate models: {', '.join(task.candidates)}",
            f"# terms: {', '.join(task.terms)}",
            *(f"# e.g. {_quoted(text)}" for text in task.exemplars),
            f"id = {_quoted(task_id)}",
            f"name = {_quoted(task.name)}",
            'merge_into = ""',
            f"pinned = {str(task.pinned).lower()}",
            f"prompts = {json.dumps(list(members))}",
            "",
        ]
    )


def _quoted(text: str) -> str:
    # JSON's quoting is TOML's, except for DEL, which TOML wants escaped, and lone surrogates.
    clean = text.encode("utf-8", "ignore").decode("utf-8")
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_task_file(path: Path) -> TaskEdits:
    """Read an edited task file.

    Raises:
        DataError: it cannot be read, or an entry is wrong; names the entry.
    """
    import tomllib  # here, because a served router reads no task file

    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path}: is not TOML ({error}); mend it or write it anew") from error
    if content.get("format") != 1:
        raise DataError(f"{path}: is not a task file of format 1; write it with finerouter tasks")
    records = content.get("tasks", [])
    if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
        raise DataError(f"{path}: tasks stand under [[tasks]]; write the file anew")
    by_id = {}
    for number, record in enumerate(records, 1):
        _check_record(record, f"{path}: task {number}")
        if record["id"] in by_id:
            raise DataError(f"{path}: task id {record['id']!r} comes twice; ids must stay unique")
        by_id[record["id"]] = record
    return _edits(path, by_id)


_FIELDS = {"id": str, "name": str, "merge_into": str, "pinned": bool, "prompts": list}


def _check_record(record: Mapping[str, Any], where: str) -> None:
    for key in record:
        if key not in _FIELDS:
            raise DataError(f"{where}: unknown key {key!r}; known: {', '.join(_FIELDS)}")
    for key, kind in _FIELDS.items():
        if not isinstance(record.get(key), kind):
            raise DataError(f"{where}: {key} must be a {kind.__name__}")
    if not all(isinstance(item, str) for item in record["prompts"]):
        raise DataError(f"{where}: prompts must be a list of prompt ids; leave it as written")
    if not record["name"].strip():
        raise DataError(f"{where}: name is empty; name the task")


def _edits(path: Path, by_id: Mapping[str, Mapping[str, Any]]) -> TaskEdits:
    kept = [task_id for task_id, record in by_id.items() if not record["merge_into"]]
    if not kept:
        raise DataError(f"{path}: keeps no task; leave at least one without merge_into")
    position = {task_id: at for at, task_id in enumerate(kept)}
    names = tuple(by_id[task_id]["name"].strip() for task_id in kept)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: two tasks are called {twice!r}; rename or merge one")
    members = {
        member: position[_target(path, by_id, task_id)]
        for task_id, record in by_id.items()
        for member in record["prompts"]
    }
    pinned = tuple(bool(by_id[task_id]["pinned"]) for task_id in kept)
    return TaskEdits(str(path), names, pinned, members)


def _target(path: Path, by_id: Mapping[str, Mapping[str, Any]], task_id: str) -> str:
    passed = [task_id]
    while by_id[passed[-1]]["merge_into"]:
        into = by_id[passed[-1]]["merge_into"]
        if into not in by_id:
            raise DataError(f"{path}: {passed[-1]} merges into {into!r}, which is no task's id")
        if into in passed:
            raise DataError(f"{path}: {' -> '.join([*passed, into])} merge in a circle; break it")
        passed.append(into)
    return passed[-1]

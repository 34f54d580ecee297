"""Fits and judges methods in processes, and keeps every result, so that a run can go on.

Takes datasets, seeds and methods; gives the held-out outcomes of each. A result is kept in a file
whose name holds a hash of all that it depends on: the source it was made with, the libraries, the
data, the part, the seed. Change any, and it is made anew; change nothing, and it is read.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import finerouter
from benchmarks.comparison import methods, parts
from benchmarks.comparison.methods import METHODS, OURS, Prepared, Run
from benchmarks.comparison.parts import Part
from finerouter import OutcomeTable
from finerouter.atomic import atomic_file
from finerouter.encoders import StaticEncoder
from finerouter.evaluation.baselines.preference import Chosen
from finerouter.evaluation.baselines.registry import BASELINES
from finerouter.training import cost_range, fold_numbers

Floats = NDArray[np.float64]
_PACKAGE = Path(finerouter.__file__).parent
_BASELINES = _PACKAGE / "evaluation" / "baselines"
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "faiss-cpu", "graspologic-native")


@dataclass(frozen=True)
class Task:
    """Some methods on one split, by one process; methods side by side share clusterings.

    Attributes:
        folder: the dataset's.
        part, seed: of the split.
        kept_at: for each method the file of its result, named before work begins: a file edited
            while processes run must not pass for what they ran.
    """

    folder: Path
    part: Part
    seed: int
    kept_at: Mapping[str, Path]


def tasks(
    folder: Path, part: Part, seeds: Sequence[int], names: Sequence[str], cache: Path
) -> list[Task]:
    """What is still to be done, the longest first."""
    table = read(folder)
    missing = []
    for group in _groups(names):
        for seed in seeds:
            paths = {name: path_of(cache, table, part, seed, name) for name in group}
            lacking = {name: path for name, path in paths.items() if not path.exists()}
            if lacking:
                missing.append(Task(folder, part, seed, lacking))
    return missing


def run_all(todo: Sequence[Task], *, processes: int | None, report: Callable[[str], None]) -> None:
    """Do the tasks; what was done stays done when one fails or the run is stopped."""
    if not todo:
        return
    count = processes or os.cpu_count() or 1
    if count == 1:
        for task in todo:
            _tell(task, run_task(task), report)
        return
    # Fresh interpreters: a fork would share the state of numeric libraries.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        pending = {pool.submit(run_task, task): task for task in todo}
        try:
            for done in as_completed(pending):
                _tell(pending[done], done.result(), report)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tell(task: Task, seconds: dict[str, float], report: Callable[[str], None]) -> None:
    for name, taken in seconds.items():
        report(f"{task.folder.name}, seed {task.seed}: {name}, {taken:.0f} s")


def run_task(task: Task) -> dict[str, float]:
    """Fit and judge the task's methods; gives the seconds of processor time of each."""
    prepared = _prepared(task.folder, task.part, task.seed)
    seconds = {}
    for name, path in task.kept_at.items():
        run = METHODS[name](prepared)
        _keep(path, run)
        seconds[name] = float(run.note.get("cpu_s", 0.0))
    return seconds


@cache
def read(folder: Path) -> OutcomeTable:
    """A dataset, read once a process."""
    return OutcomeTable.read(folder)


@cache
def _prepared(folder: Path, part: Part, seed: int) -> Prepared:
    return Prepared(parts.split(read(folder), part, seed))


def load(cache: Path, folder: Path, part: Part, seed: int, name: str) -> Run:
    """A kept result."""
    with np.load(path_of(cache, read(folder), part, seed, name), allow_pickle=False) as kept:
        defaults = None
        if "default_score" in kept:
            defaults = Chosen(kept["default_score"], kept["default_cost_usd"])
        note = json.loads(str(kept["note"]))
        return Run(Chosen(kept["score"], kept["cost_usd"]), defaults, note)


def _keep(path: Path, run: Run) -> None:
    arrays: dict[str, Any] = {"score": run.chosen.score, "cost_usd": run.chosen.cost_usd}
    if run.defaults is not None:
        arrays["default_score"] = run.defaults.score
        arrays["default_cost_usd"] = run.defaults.cost_usd
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, note=np.array(json.dumps(run.note)), **arrays)


def path_of(cache: Path, table: OutcomeTable, part: Part, seed: int, name: str) -> Path:
    """Where a result is kept."""
    made_of = json.dumps([_data_hash(table), _code_hash(name), part, seed, name])
    digest = hashlib.sha256(made_of.encode()).hexdigest()
    readable = "".join(letter if letter.isalnum() else "-" for letter in name)
    return cache / f"{readable}-{seed}-{digest[:20]}.npz"


@cache
def _data_hash(table: OutcomeTable) -> str:
    entries = [model.to_json() for model in table.pool]
    labels = [table.prompt_ids, table.benchmarks]
    extra = json.dumps([entries, labels], sort_keys=True, default=str)
    return hashlib.sha256((table.fingerprint + extra).encode()).hexdigest()


@cache
def _code_hash(name: str) -> str:
    """Hash of the source and the libraries that a method's results depend on."""
    digest = hashlib.sha256()
    for path in _sources(name):
        digest.update(path.name.encode() + path.read_bytes())
    sources: list[Any] = [*_own(name), methods.Prepared, parts, fold_numbers, cost_range]
    for source in sources:
        digest.update(inspect.getsource(source).encode())
    digest.update(repr(methods.EQUAL_BUDGET if name in OURS else "").encode())
    versions = [metadata.version(library) for library in _LIBRARIES]
    digest.update(json.dumps([versions, StaticEncoder.load().spec.sha256]).encode())
    return digest.hexdigest()


def _own(name: str) -> tuple[Callable[..., Any], ...]:
    """What in `methods` makes a method's results."""
    if name in methods.REFERENCES:
        return (METHODS[name], methods._or_mean)
    return (METHODS[name], methods._judged)


def _sources(name: str) -> list[Path]:
    """Source files behind a method; of the baselines only those that it imports."""
    found = {_BASELINES / file for file in ("hindsight.py", "single.py", "tuning.py")}
    found |= {_module_path(each.__module__) for each in BASELINES if each.name == name}
    while new := {path for each in found for path in _imported(each)} - found:
        found |= new
    for folder in ("encoders", *(("quality", "tasks", "training") if name in OURS else ())):
        found |= set((_PACKAGE / folder).rglob("*.py"))
    files = ["duplicates.py", "frontier.py", "gaps.py", "outcomes.py", "prompt.py"]
    files += ["router.py", "cost.py", "policy.py"] if name in OURS else []
    return sorted(found | {_PACKAGE / file for file in files})


def _imported(path: Path) -> set[Path]:
    pattern = r"from (finerouter\.evaluation\.baselines\.\w+) import"
    return {_module_path(module) for module in re.findall(pattern, path.read_text("utf-8"))}


def _module_path(module: str) -> Path:
    return _BASELINES / f"{module.rpartition('.')[2]}.py"


# Methods that divide the rows by k-means share the clusterings when one process runs them all.
_CLUSTERING = ("k-means task means", "Avengers", "RouterDC", "GraphRouter")


def _groups(names: Iterable[str]) -> list[list[str]]:
    """First finerouter, whose runs take longest; then those that share clusterings; the rest."""
    names = list(names)
    ours = [[name] for name in names if name in OURS]
    sharing = [name for name in names if name.startswith(_CLUSTERING)]
    others = [[name] for name in names if name not in OURS and name not in sharing]
    return [*reversed(ours), *([sharing] if sharing else []), *others]

"""One dataset's comparison: fit what is lacking, take figures, print and record them.

Takes options and a dataset's name; gives the record. Knows nothing of the command line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from benchmarks.comparison import openings, parts, recording, running, statistics, table
from benchmarks.comparison.methods import CURVES, METHODS, POINTS, REFERENCES
from benchmarks.comparison.parts import Part
from benchmarks.comparison.statistics import SeedOutcomes
from benchmarks.machine import record
from finerouter.errors import DataError
from finerouter.evaluation.baselines.preference import Chosen
from finerouter.evaluation.intervals import Interval
from finerouter.gaps import column_means


@dataclass(frozen=True)
class Options:
    """What to compare; `__main__.py` says the same in words.

    Attributes:
        data, datasets: folder of the datasets, and their names.
        part, seeds, methods: see `parts.py` and `methods.py`.
        reference: the method that the others are compared with.
        resamples: of the bootstrap.
        processes: by default one a core.
        cache, results: folders.
        who, why: of an opening of the sealed part.
        kept: whether the record's figures are made anew from kept outcomes alone, with its seeds,
            methods, reference and resamples: nothing is judged and nothing opened.
        code: commit at the start of the run.
    """

    data: Path
    datasets: tuple[str, ...]
    part: Part
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    reference: str
    resamples: int
    processes: int | None
    cache: Path
    results: Path
    who: str
    why: str
    kept: bool
    code: str


def compare(options: Options, dataset: str) -> dict[str, Any]:
    """Compare on one dataset; prints Markdown, writes and gives the record.

    Raises:
        DataError: with `kept`, there is no record, or an outcome is lacking or of another run.
    """
    started = time.perf_counter()
    folder = options.data / dataset
    before = recording.read(options.results, dataset, options.part) if options.kept else None
    if before is not None:
        options = _as_recorded(options, before)
    todo = running.tasks(folder, options.part, options.seeds, options.methods, options.cache)
    if options.kept and todo:
        lacking = ", ".join(sorted({name for task in todo for name in task.kept_at}))
        raise DataError(
            f"{options.cache} lacks outcomes of {lacking}, made by this code on this data; "
            "check out the code that made them, or compare without --kept"
        )
    if options.part == "sealed" and not options.kept:
        _open(options, dataset, folder)
    _run(options, dataset, todo)
    summary = summarise(options, folder)
    if before is not None:
        figures = recording.made_anew(before, summary, options.code)
    else:
        figures = _figures(options, folder, summary, time.perf_counter() - started)
    record(recording.name(dataset, options.part), figures, folder=options.results)
    _print(figures, dataset)
    return figures


def show(options: Options, dataset: str) -> None:
    """Print the tables of a record.

    Raises:
        DataError: there is none.
    """
    _print(recording.read(options.results, dataset, options.part), dataset)


def _as_recorded(options: Options, before: Mapping[str, Any]) -> Options:
    return replace(
        options,
        seeds=tuple(before["seeds"]),
        methods=tuple(name for name in METHODS if name in before["methods"]),
        reference=before["reference"],
        resamples=before["resamples"],
    )


def _run(options: Options, dataset: str, todo: Sequence[running.Task]) -> None:
    count = len(options.seeds) * len(options.methods)
    console = Console(stderr=True)
    with Progress(console=console) as bar:
        lacking = sum(len(task.kept_at) for task in todo)
        shown = bar.add_task(dataset, total=count, completed=count - lacking)

        def report(line: str) -> None:
            bar.console.print(line, highlight=False)
            bar.advance(shown)

        running.run_all(todo, processes=options.processes, report=report)


def _open(options: Options, dataset: str, folder: Path) -> None:
    opening = openings.record_opening(
        options.results,
        who=options.who,
        why=options.why,
        dataset=dataset,
        data=running.read(folder).fingerprint,
        code=options.code,
        seeds=options.seeds,
        methods=options.methods,
    )
    sys.stdout.write(f"opened, and recorded for docs/experiments.md:\n{opening.line()}\n")


def summarise(options: Options, folder: Path) -> dict[str, dict[str, Interval]]:
    """Statistics of all methods, tuned and with the published defaults, over all seeds."""
    jobs = [(options, folder, seed) for seed in options.seeds]
    if options.processes == 1:
        by_seed = [_resampled(job) for job in jobs]
    else:
        with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
            by_seed = list(pool.map(_resampled, jobs))
    return statistics.summarise(by_seed, options.reference)


def _resampled(job: tuple[Options, Path, int]) -> dict[str, Any]:
    options, folder, seed = job
    outcomes, part_size = seed_outcomes(options.cache, folder, options.part, seed, options.methods)
    return statistics.resampled(outcomes, statistics.draws(part_size, options.resamples))


def seed_outcomes(
    cache: Path, folder: Path, part: Part, seed: int, methods: Sequence[str]
) -> tuple[SeedOutcomes, int]:
    """Kept outcomes of one seed, tuned and with the published defaults; prompts of the part."""
    split = parts.split(running.read(folder), part, seed)
    curves: dict[str, Chosen] = {}
    for name in methods:
        run = running.load(cache, folder, part, seed, name)
        curves[name] = run.chosen
        if run.defaults is not None:
            curves[_default_name(name)] = run.defaults
    dearest = int(np.nan_to_num(column_means(split.fit.realised_cost_usd)).argmax())
    outcomes = SeedOutcomes(
        positions=split.positions,
        single=_point(curves["best single"]),
        cheapest=_point(curves["cheapest"]),
        dearest_usd=np.nan_to_num(split.held_out.realised_cost_usd[:, dearest]),
        curves=curves,
        points=frozenset(POINTS),
    )
    return outcomes, split.part_size


def _point(chosen: Chosen) -> NDArray[np.float64]:
    return np.stack([chosen.score[:, 0], chosen.cost_usd[:, 0]], axis=1)


def _default_name(name: str) -> str:
    return f"{name} (published defaults)"


def _figures(
    options: Options, folder: Path, summary: dict[str, dict[str, Interval]], seconds: float
) -> dict[str, Any]:
    outcomes = running.read(folder)
    development, sealed = parts.divide(outcomes)
    notes = {
        name: [
            dict(running.load(options.cache, folder, options.part, seed, name).note)
            for seed in options.seeds
        ]
        for name in options.methods
    }
    return {
        "part": options.part,
        "prompts": {"development": len(development), "sealed": len(sealed)},
        "data": outcomes.fingerprint,
        "code": options.code,
        "seeds": list(options.seeds),
        "resamples": options.resamples,
        "reference": options.reference,
        "wall_s": round(seconds, 1),
        "cpu_s": round(sum(note.get("cpu_s", 0.0) for runs in notes.values() for note in runs), 1),
        "methods": recording.methods_to_json(summary),
        "runs": notes,
    }


def _print(figures: Mapping[str, Any], dataset: str) -> None:
    """All tables, from the record alone: what is printed is what is written."""
    summary, reference = recording.methods_from_json(figures["methods"]), figures["reference"]
    curves = [name for name in CURVES if name in summary]
    defaults = [_default_name(name) for name in curves if _default_name(name) in summary]
    heading = f"{dataset}, {figures['part']} part, {len(figures['seeds'])} seeds"
    tables = [table.references_table(summary, [name for name in REFERENCES if name in summary])]
    if curves:
        tables.append(table.results_table(summary, curves, reference))
        tables.append(table.leads_table(summary, curves, reference))
    if defaults:
        tables.append("With the published defaults:")
        tables.append(table.results_table(summary, defaults, reference))
    sys.stdout.write("\n\n".join([f"\n## {heading}", *filter(None, tables)]) + "\n\n")

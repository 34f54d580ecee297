"""One dataset's comparison: fit what is lacking, take figures, print and record them.

Takes options and a dataset's name; gives the record. Knows nothing of the command line.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from benchmarks.comparison import openings, parts, running, statistics, table
from benchmarks.comparison.methods import OURS, POINTS, REFERENCES
from benchmarks.comparison.parts import Part
from benchmarks.comparison.statistics import SeedOutcomes
from benchmarks.machine import record
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


def compare(options: Options, dataset: str) -> dict[str, Any]:
    """Compare on one dataset; prints Markdown, writes and gives the record."""
    started = time.perf_counter()
    folder = options.data / dataset
    if options.part == "sealed":
        _open(options, dataset, folder)
    todo = running.tasks(folder, options.part, options.seeds, options.methods, options.cache)
    count = len(options.seeds) * len(options.methods)
    console = Console(stderr=True)
    with Progress(console=console) as bar:
        lacking = sum(len(task.kept_at) for task in todo)
        shown = bar.add_task(dataset, total=count, completed=count - lacking)

        def report(line: str) -> None:
            bar.console.print(line, highlight=False)
            bar.advance(shown)

        running.run_all(todo, processes=options.processes, report=report)
    summary = summarise(options, folder)
    figures = _record(options, folder, summary, time.perf_counter() - started)
    _print(options, dataset, summary)
    return figures


def _open(options: Options, dataset: str, folder: Path) -> None:
    opening = openings.record_opening(
        options.results,
        who=options.who,
        why=options.why,
        dataset=dataset,
        data=running.read(folder).fingerprint,
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
    split = parts.split(running.read(folder), options.part, seed)
    curves: dict[str, Chosen] = {}
    for name in options.methods:
        run = running.load(options.cache, folder, options.part, seed, name)
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
    return statistics.resampled(outcomes, statistics.draws(split.part_size, options.resamples))


def _point(chosen: Chosen) -> NDArray[np.float64]:
    return np.stack([chosen.score[:, 0], chosen.cost_usd[:, 0]], axis=1)


def _default_name(name: str) -> str:
    return f"{name} (published defaults)"


def _record(
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
    figures = {
        "part": options.part,
        "prompts": {"development": len(development), "sealed": len(sealed)},
        "data": outcomes.fingerprint,
        "code": openings.commit(),
        "seeds": list(options.seeds),
        "resamples": options.resamples,
        "reference": options.reference,
        "wall_s": round(seconds, 1),
        "cpu_s": round(sum(note.get("cpu_s", 0.0) for runs in notes.values() for note in runs), 1),
        "methods": {
            name: {key: _rounded(interval) for key, interval in values.items()}
            for name, values in summary.items()
        },
        "runs": notes,
    }
    record(f"comparison_{folder.name}_{options.part}", figures, folder=options.results)
    return figures


def _rounded(interval: Interval) -> dict[str, float | None]:
    return {
        key: None if np.isnan(value) else round(value, 6) for key, value in asdict(interval).items()
    }


def _print(options: Options, dataset: str, summary: dict[str, dict[str, Interval]]) -> None:
    write = sys.stdout.write
    points = [name for name in options.methods if name in REFERENCES]
    ours = [name for name in options.methods if name in OURS]
    rest = [name for name in options.methods if name not in POINTS and name not in ours]
    curves = [*rest, *ours]
    defaults = [_default_name(name) for name in rest if _default_name(name) in summary]
    write(f"\n## {dataset}, {options.part} part, {len(options.seeds)} seeds\n\n")
    write(table.references_table(summary, points) + "\n\n")
    if curves:
        write(table.figures_table(summary, curves, bold=options.reference) + "\n\n")
    if options.reference in summary:
        write(table.leads_table(summary, curves, options.reference) + "\n\n")
    if defaults:
        write("With the published defaults:\n\n")
        write(table.figures_table(summary, defaults, bold="") + "\n\n")

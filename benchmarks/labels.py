"""How many cells [prompt, model] a router needs, by who chooses them.

    python -m benchmarks.labels --data ../shared/data/pool11

Outcomes of a complete table are hidden; each way of choosing uncovers a share of the cells of the
training part, a router is trained on those, and all are judged on the same held-out prompts, whole.
Costs of collecting are the recorded costs of the uncovered cells.

The area under a router's curve is set in relation to that of the full matrix's router in two ways,
both on the range from the cheapest model's cost to the best single one's: above a random model's
mean score, and above the hull of all single models, which knows their true means and costs but
nothing of prompts. The second is the stricter: what is left there is routing alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.areas import FEW_DIALS, Choices, development_part, interval, resampled
from benchmarks.machine import record
from finerouter import OutcomeTable
from finerouter.frontier import mean_quality_over
from finerouter.selection import CellChooser
from finerouter.selection.standing import Standing
from finerouter.training import TrainingConfig, train

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Way = Callable[["Job"], Flags]
BATCHES = 8
LEAST_BATCH = 200


@dataclass(frozen=True, eq=False)
class Job:
    """A training part of which so many cells are to be uncovered."""

    fit: OutcomeTable
    chooser: CellChooser
    count: int
    seed: int


def chosen(job: Job, **how: Any) -> Flags:
    """Our choice, batch by batch."""
    uncovered = np.zeros(job.fit.score.shape, dtype=bool)
    row = {name: at for at, name in enumerate(job.fit.prompt_ids)}
    column = {name: at for at, name in enumerate(job.fit.models)}
    while (left := job.count - int(uncovered.sum())) > 0:
        batch = min(left, max(LEAST_BATCH, job.count // BATCHES))
        for cell in job.chooser.choose(hidden(job.fit, uncovered), count=batch, **how):
            uncovered[row[cell.prompt_id], column[cell.model]] = True
    return uncovered


def chosen_per_usd(job: Job) -> Flags:
    """Our choice by gain per USD."""
    return chosen(job, per_usd=True)


def random_cells(job: Job) -> Flags:
    """Cells drawn at random."""
    order = np.random.default_rng([job.seed, 9]).permutation(job.fit.score.size)
    return (np.argsort(order) < job.count).reshape(job.fit.score.shape)


def random_rows(job: Job) -> Flags:
    """All models on prompts drawn at random."""
    order = np.random.default_rng([job.seed, 8]).permutation(len(job.fit))
    return _rows(job.fit, order[: job.count // len(job.fit.models)])


def stratified_rows(job: Job) -> Flags:
    """All models on prompts of all groups in proportion."""
    return _rows(job.fit, job.chooser.order[: job.count // len(job.fit.models)])


def elimination(job: Job) -> Flags:
    """A few rows everywhere, then in each group only models that may yet win there.

    Successive elimination: a model stays while at some cost weight its utility plus two standard
    deviations reaches the leader's less two. The survivors of all groups are asked in one order.
    """
    uncovered = _rows(job.fit, job.chooser.first)
    member = np.eye(job.chooser.groups)[job.chooser.group]
    while (left := job.count - int(uncovered.sum())) > 0:
        table = hidden(job.fit, uncovered)
        cost = np.broadcast_to(np.nanmean(table.realised_cost_usd, axis=0), job.fit.score.shape)
        alive = _alive(Standing.of(table.score, member, cost))[job.chooser.group]
        waiting = (alive & ~uncovered)[job.chooser.order]
        if not waiting.any():
            waiting = ~uncovered[job.chooser.order]
        rows, columns = np.nonzero(waiting)
        batch = min(left, max(LEAST_BATCH, job.count // BATCHES))
        uncovered[job.chooser.order[rows[:batch]], columns[:batch]] = True
    return uncovered


def _alive(standing: Standing) -> Flags:
    utility = standing.quality - standing.weights[:, None, None] * standing.cost_usd
    spread = 2 * np.sqrt(standing.variance)
    floor = (utility - spread).max(axis=2, keepdims=True)
    return (utility + spread >= floor).any(axis=0)


def _rows(fit: OutcomeTable, rows: NDArray[np.int64]) -> Flags:
    uncovered = np.zeros(fit.score.shape, dtype=bool)
    uncovered[rows] = True
    return uncovered


def hidden(table: OutcomeTable, uncovered: Flags) -> OutcomeTable:
    """The table with only these cells."""
    keep = np.where(uncovered, 1.0, np.nan)
    return replace(
        table,
        score=table.score * keep,
        input_tokens=table.input_tokens * keep,
        output_tokens=table.output_tokens * keep,
        cost_usd=table.cost_usd * keep,
    )


WAYS: dict[str, Way] = {
    "chosen": chosen,
    "chosen per USD": chosen_per_usd,
    "random cells": random_cells,
    "random rows": random_rows,
    "stratified rows": stratified_rows,
    "elimination": elimination,
}


def run_split(
    outcomes: OutcomeTable, seed: int, shares: list[float], config: TrainingConfig, out: Console
) -> tuple[dict[str, Choices], dict[str, float], OutcomeTable]:
    """Routers of every way and share on one split, and the share of the USD each took."""
    fit, held_out = outcomes.split(test_size=0.3, seed=seed)
    config = replace(config, seed=seed)
    chooser = CellChooser.of(fit.prompts, seed=seed)
    realised = fit.realised_cost_usd
    choices = {"full": Choices.of(train(fit, config), held_out)}
    usd = {"full": 1.0}
    for share in shares:
        for name, way in WAYS.items():
            started = time.perf_counter()
            uncovered = way(Job(fit, chooser, round(share * fit.score.size), seed))
            known = hidden(fit, uncovered).rows(np.flatnonzero(uncovered.any(axis=1)))
            key = f"{name} {share:g}"
            choices[key] = Choices.of(train(known, config), held_out)
            usd[key] = float(realised[uncovered].sum() / realised.sum())
            out.print(seed, key, f"{time.perf_counter() - started:.0f} s")
    return choices, usd, held_out


def summarise(
    outcomes: OutcomeTable, splits: list[tuple[dict[str, Choices], dict[str, float], OutcomeTable]]
) -> dict[str, Any]:
    """Areas, shares of the full router's gain, and differences from our choice, with intervals."""
    row = {name: at for at, name in enumerate(outcomes.prompt_ids)}
    held_out = [np.array([row[name] for name in part.prompt_ids]) for _, _, part in splits]
    names = list(splits[0][0])

    def areas(at: int, draw: Floats) -> Floats:
        choices, _, part = splits[at]
        score, cost = draw @ part.score, draw @ part.realised_cost_usd
        low, high = float(cost.min()), float(cost[score.argmax()])
        singles = mean_quality_over(cost, score, low, high)
        return np.array(
            [score.mean(), singles, *(choices[name].area(draw, low, high) for name in names)]
        )

    found = resampled(len(outcomes), held_out, areas)
    random, singles, full = found[:, 0], found[:, 1], found[:, 2]
    figures: dict[str, Any] = {
        "random model": interval(random),
        "hull of single models": interval(singles),
    }
    for at, name in enumerate(names, 2):
        area = found[:, at]
        share = name.rsplit(" ", 1)[-1]
        figures[name] = {
            "usd_share": round(float(np.mean([usd[name] for _, usd, _ in splits])), 4),
            "area": interval(area),
            "share_above_random": interval((area - random) / (full - random)),
            "share_above_singles": interval((area - singles) / (full - singles)),
        }
        if name != "full":
            ours = found[:, 2 + names.index(f"chosen {share}")]
            figures[name]["chosen_minus_this"] = interval(ours - area)
    return figures


def main() -> None:
    """Run, print, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/pool11"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[500, 501, 502, 503, 504])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.08, 0.15, 0.25, 0.4])
    parser.add_argument("--default-dials", action="store_true", help="Tune as `train` does.")
    parser.add_argument("--name", default="labels_pool11")
    arguments = parser.parse_args()
    out = Console(stderr=True)
    outcomes = development_part(arguments.data)
    config = TrainingConfig() if arguments.default_dials else FEW_DIALS
    splits = [run_split(outcomes, seed, arguments.shares, config, out) for seed in arguments.seeds]
    figures = summarise(outcomes, splits)
    record(
        arguments.name,
        {"seeds": arguments.seeds, "default_dials": arguments.default_dials, "figures": figures},
    )
    for name, found in figures.items():
        out.print(name, found)


if __name__ == "__main__":
    main()

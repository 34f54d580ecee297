"""The four analyses: what is compared with what.

Takes a `Bench`; gives figures by name. Each asks one question, see the functions.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.areas import interval
from benchmarks.comparison.statistics import draws
from benchmarks.limits import sharing
from benchmarks.limits.bench import DIALS, RESAMPLES, Bench
from benchmarks.limits.folds import on_part
from benchmarks.limits.ways import Remembered, best_per_benchmark, labelled, router
from finerouter import OutcomeTable
from finerouter.encoders.features import FeatureMap
from finerouter.encoders.structure import structure
from finerouter.errors import ConfigError
from finerouter.training import TrainingConfig

Floats = NDArray[np.float64]
SIZES = {"pool11": (500, 1000, 2000), "open7": (500, 1000, 2000, 4000)}
ROUTER, LABELS = "router", "best per benchmark, labels known"
BLEND = "router and best per benchmark, half each"
BESIDE, AS_TASKS = "router, benchmark beside the features", "router, benchmarks as tasks"
# Differences that decide what is chosen: the best single model against those that better choices
# take in its place.
_BEST = {"pool11": "gpt-4o-2024-08-06", "open7": "meta-llama/Meta-Llama-3-8B"}
_OTHERS = {
    "pool11": ("gpt-4o-mini-2024-07-18", "claude-3-5-sonnet-20240620"),
    "open7": (
        "meta-math/MetaMath-Mistral-7B",
        "cognitivecomputations/dolphin-2.9-llama3-8b",
        "HuggingFaceH4/zephyr-7b-beta",
    ),
}
STATIC, TRANSFORMER = "static", "transformer"


def size(bench: Bench) -> dict[str, Any]:
    """Trained on fewer prompts; each against the next smaller."""
    for count in SIZES[bench.name]:
        bench.estimates(f"{count} prompts", on_part(bench.plain, count))
    bench.estimates(ROUTER, bench.plain)
    names = [*(f"{count} prompts" for count in SIZES[bench.name]), ROUTER]
    every = [len(split.fit) for folds in bench.folds for split in folds.splits]
    larger = [(after, before) for before, after in pairwise(names)]
    return {"router_prompts": float(np.mean(every)), **bench.figures(names, larger)}


def labels(bench: Bench) -> dict[str, Any]:
    """With every prompt's benchmark known, in four ways; each against the router."""
    known = labelled(bench.encoder, bench.table)
    bench.estimates(ROUTER, bench.plain)
    bench.estimates(LABELS, best_per_benchmark)
    bench.blend(BLEND, of=[ROUTER, LABELS])
    bench.estimates(BESIDE, router(DIALS, known))
    bench.estimates(AS_TASKS, router(DIALS, known, tasks_are_benchmarks=True))
    others = [LABELS, BLEND, BESIDE, AS_TASKS]
    return bench.figures([ROUTER, *others], [(name, ROUTER) for name in others])


def noise(bench: Bench) -> dict[str, Any]:
    """Shares of the variance of models' differences, and of the mean score."""
    table = bench.table
    rows = FeatureMap.fit(structure(table.prompts), weight=DIALS.structure_weight).encode(
        bench.encoder, table.prompts
    )
    groups = table.benchmarks or ()
    near = sharing.neighbours(rows, groups)
    quality = [each.quality for each in bench.estimates(ROUTER, bench.plain)]
    drawn = draws(len(table), RESAMPLES)
    figures: dict[str, Any] = {}
    for name, weight in _contrasts(table, bench.name).items():
        value = table.score @ weight
        each = [
            sharing.shares(sharing.parts_of(value, estimate @ weight, groups, near), drawn)
            for estimate in quality
        ]
        found = np.mean(each, axis=0)
        figures[name] = {
            "mean": round(float(value.mean()), 6),
            "standard_deviation": round(float(value.std()), 6),
            **{share: interval(found[:, at]) for at, share in enumerate(sharing.NAMES)},
        }
    return figures


def _contrasts(table: OutcomeTable, name: str) -> dict[str, Floats]:
    """Weights of the models in each quantity looked at."""
    one = dict(zip(table.models, np.eye(len(table.models)), strict=True))
    found = {
        f"{other} minus {_BEST[name]}": one[other] - one[_BEST[name]] for other in _OTHERS[name]
    }
    return {**found, "mean of all models": np.full(len(one), 1 / len(one))}


def encoders(bench: Bench, folder: Path | None, cached: Path) -> dict[str, Any]:
    """The static encoder against a transformer, all dials tuned for each.

    Raises:
        ConfigError: no transformer is given.
    """
    if folder is None:
        raise ConfigError(
            "encoders needs --transformer FOLDER; recipes/onnx_encoder/build.py exports one"
        )
    from finerouter.encoders.transformer import TransformerEncoder

    slow = TransformerEncoder.load(folder, threads=1, name="all-MiniLM-L6-v2")
    rows = Remembered.of(slow, bench.table.prompts, cached)
    bench.estimates(STATIC, router(TrainingConfig(), bench.encoder))
    bench.estimates(TRANSFORMER, router(TrainingConfig(), rows))
    figures = bench.figures([STATIC, TRANSFORMER], [(STATIC, TRANSFORMER)])
    return {"transformer_sha256": slow.spec.sha256, **figures}

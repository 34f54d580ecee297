"""Routers with more or less to go by: other encoders, and benchmarks that are known.

Takes a configuration and an encoder; gives a `Way`. A benchmark is told as an indicator beside the
embedding, for the prompts fitted on and for those held out: no router could know it, that is the
point.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.limits.folds import Way
from finerouter import OutcomeTable
from finerouter.atomic import atomic_file
from finerouter.encoders import Encoder
from finerouter.encoders.protocol import EncoderSpec, unit_rows
from finerouter.evaluation.baselines import benchmark_means
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.prompt import prompt_id
from finerouter.tasks.taxonomy import TaskEdits
from finerouter.training import TrainingConfig, train

Rows = NDArray[np.float32]


class Remembered:
    """An encoder whose rows of some texts are at hand; others it has none for."""

    def __init__(self, spec: EncoderSpec, texts: Sequence[str], rows: Rows) -> None:
        self._spec = spec
        self._rows = rows
        self._at = {text: at for at, text in enumerate(texts)}

    @classmethod
    def of(cls, encoder: Encoder, texts: Sequence[str], cache: Path | None = None) -> Remembered:
        """Encode once; with a folder, once for all runs."""
        if cache is None:
            return cls(encoder.spec, texts, encoder.encode(texts))
        key = hashlib.sha256("\0".join([repr(encoder.spec), *texts]).encode("utf-8", "replace"))
        path = cache / f"rows-{key.hexdigest()[:20]}.npy"
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            rows = encoder.encode(texts)
            with atomic_file(path) as temporary, temporary.open("wb") as file:
                np.save(file, rows)
        return cls(encoder.spec, texts, np.load(path))

    @property
    def spec(self) -> EncoderSpec:
        """That of the encoder itself."""
        return self._spec

    def encode(self, texts: Sequence[str]) -> Rows:
        """Rows of texts that were given at the start."""
        return self._rows[[self._at[text] for text in texts]]


def labelled(encoder: Remembered, table: OutcomeTable) -> Remembered:
    """Its rows with the benchmark's indicator beside them, as long as the embedding itself."""
    names = sorted(set(table.benchmarks or ()))
    own = np.array(table.benchmarks)[:, None] == np.array(names)
    rows = np.hstack([encoder.encode(table.prompts), own.astype(np.float32)])
    spec = replace(encoder.spec, name=f"{encoder.spec.name}, labelled", dim=rows.shape[1])
    return Remembered(spec, table.prompts, unit_rows(rows))


def router(config: TrainingConfig, encoder: Encoder, *, tasks_are_benchmarks: bool = False) -> Way:
    """Train, and estimate by what was trained."""

    def run(fit: OutcomeTable, held_out: OutcomeTable, seed: int) -> Estimates:
        edits = benchmark_tasks(fit) if tasks_are_benchmarks else None
        trained = train(fit, replace(config, seed=seed), encoder=encoder, edits=edits)
        found = trained.estimate(held_out.prompts)
        return Estimates(found.quality, found.cost_usd)

    return run


def best_per_benchmark(fit: OutcomeTable, held_out: OutcomeTable, seed: int) -> Estimates:  # noqa: ARG001
    """Mean score and cost of every model on the prompt's benchmark, which is known."""
    return benchmark_means(fit, held_out)


def benchmark_tasks(table: OutcomeTable) -> TaskEdits:
    """The benchmarks of a table as tasks that a person decided."""
    benchmarks = table.benchmarks or ()
    names = tuple(sorted(set(benchmarks)))
    return TaskEdits(
        source="benchmarks",
        names=names,
        pinned=(True,) * len(names),
        members={
            prompt_id(text): names.index(own)
            for text, own in zip(table.prompts, benchmarks, strict=True)
        },
    )

"""Judged decisions of a journal to a routing dataset.

Takes a store; gives outcomes: the score is what was thought of the answer. Every prompt has an
outcome of the model that answered it and of no other, so the probability with which that model was
chosen goes along. Knows nothing of how routers are trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from msgspec import to_builtins
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.gateway.journal.store import Store
from finerouter.gateway.record import Feedback, Record
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.prompt import prompt_id

Floats = NDArray[np.float64]
_MEASURES = ("score", "input_tokens", "output_tokens", "cost_usd", "latency_ms", "propensity")


@dataclass(frozen=True)
class ExportReport:
    """What was found.

    Attributes:
        judged: decisions with feedback of the sources asked for.
        unkept: of these, without the text of their prompt; unanswered: without a model.
        explored: of those exported, chosen by chance.
        prompts, models, outcomes: of the dataset.
    """

    judged: int
    unkept: int
    unanswered: int
    explored: int
    prompts: int
    models: int
    outcomes: int


@dataclass(frozen=True, eq=False)
class Exported:
    """A dataset that is not written yet.

    Attributes:
        table: the outcomes; a score is the mean over the decisions on a prompt and model.
        repeats: [prompt, model], how many decisions.
        propensity, latency_ms: [prompt, model], NaN where unknown.
        report: what was found.
    """

    table: OutcomeTable
    repeats: NDArray[np.int64]
    propensity: Floats
    latency_ms: Floats
    report: ExportReport

    def write(self, folder: Path) -> None:
        """Write a routing-dataset folder that only its owner may enter.

        Raises:
            OutputError: it cannot be written.
        """
        extra = {"propensity": self.propensity, "latency_ms": self.latency_ms}
        self.table.write(folder, repeats=self.repeats, extra=extra, private=True)


@dataclass
class _Gathered:
    prompts: dict[str, int] = field(default_factory=dict)
    first_s: list[float] = field(default_factory=list)
    models: dict[str, int] = field(default_factory=dict)
    cells: list[tuple[int, int]] = field(default_factory=list)
    measures: list[tuple[float, ...]] = field(default_factory=list)
    judged: int = 0
    unkept: int = 0
    unanswered: int = 0
    explored: int = 0


def export(
    store: Store,
    *,
    since_s: float = 0.0,
    sources: Sequence[str] = (),
    pool: ModelPool | None = None,
) -> Exported:
    """Gather the judged decisions.

    Args:
        store: where they are.
        since_s: decisions before this are left out.
        sources: of the feedback to count, none for all; several of one decision are averaged.
        pool: prices of the models; of the names alone where it is None.

    Raises:
        DataError: there is nothing to learn from; says what to switch on.
        PoolError: the pool lacks a model.
        JournalUnavailable: the store cannot be read.
    """
    gathered = _Gathered()
    for record, given in store.records(since_s, judged=True):
        scores = [item.score for item in given if not sources or item.source in sources]
        if scores:
            _gather(gathered, record, sum(scores) / len(scores))
    if not gathered.cells:
        raise DataError(_why_nothing(store, gathered, since_s, sources))
    return _exported(gathered, pool)


def _gather(gathered: _Gathered, record: Record, score: float) -> None:
    gathered.judged += 1
    if not record.prompt or not record.prompt.strip():
        gathered.unkept += 1
        return
    if not record.model:
        gathered.unanswered += 1
        return
    gathered.explored += record.explored
    at = gathered.prompts.setdefault(record.prompt, len(gathered.prompts))
    if at == len(gathered.first_s):
        gathered.first_s.append(record.time_s)  # records come in the order of time
    column = gathered.models.setdefault(record.model, len(gathered.models))
    gathered.cells.append((at, column))
    gathered.measures.append((score, *_measures(record)))


def _measures(record: Record) -> tuple[float, ...]:
    """Tokens, cost, latency and propensity, NaN where they are not known for sure."""
    tokens = record.tokens
    counted = (math.nan, math.nan)
    if tokens is not None and not tokens.estimated:
        counted = (tokens.input, tokens.output)
    # Where another model had to step in, nobody chose it with a known probability.
    chosen = record.propensity if record.model == record.first_choice else math.nan
    return (*counted, _or_nan(record.cost_usd), _or_nan(record.latency_ms), chosen)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _why_nothing(store: Store, gathered: _Gathered, since_s: float, sources: Sequence[str]) -> str:
    if gathered.unkept:
        return (
            f"{gathered.unkept} decisions have feedback, but the text of no prompt was kept; set "
            "prompts = true under [journal] in gateway.toml, and serve on"
        )
    if next(store.records(since_s, judged=False), None) is None:
        return "the journal holds no decisions of that time; serve some requests first"
    if next(store.records(since_s, judged=True), None) is None or not sources:
        return (
            "no decision has feedback; send scores to POST /v1/feedback, or grade the records of "
            "--jsonl"
        )
    return f"no feedback is of {', '.join(sources)}; leave --source out to take that of everybody"


def _exported(gathered: _Gathered, pool: ModelPool | None) -> Exported:
    names = tuple(gathered.models)
    shape = (len(gathered.prompts), len(names))
    cells = np.array(gathered.cells, dtype=np.int64)
    flat = cells[:, 0] * shape[1] + cells[:, 1]
    values = np.array(gathered.measures, dtype=np.float64)
    grids = {name: _means(flat, values[:, at], shape) for at, name in enumerate(_MEASURES)}
    repeats = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
    table = OutcomeTable(
        prompt_ids=tuple(prompt_id(text) for text in gathered.prompts),
        prompts=tuple(gathered.prompts),
        benchmarks=None,
        models=names,
        score=grids["score"],
        input_tokens=grids["input_tokens"],
        output_tokens=grids["output_tokens"],
        cost_usd=grids["cost_usd"],
        pool=ModelPool.of(names) if pool is None else pool.subset(names),
        times=np.array(gathered.first_s).astype("datetime64[s]"),
    )
    report = ExportReport(
        judged=gathered.judged,
        unkept=gathered.unkept,
        unanswered=gathered.unanswered,
        explored=gathered.explored,
        prompts=shape[0],
        models=shape[1],
        outcomes=int((repeats > 0).sum()),
    )
    return Exported(table, repeats, grids["propensity"], grids["latency_ms"], report)


def _means(flat: NDArray[np.int64], values: Floats, shape: tuple[int, int]) -> Floats:
    """Mean of the known values of each cell, NaN where there is none."""
    known = ~np.isnan(values)
    size = shape[0] * shape[1]
    count = np.bincount(flat[known], minlength=size)
    total = np.bincount(flat[known], weights=values[known], minlength=size)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means.reshape(shape)


def judged_record(record: Record, given: Sequence[Feedback]) -> dict[str, object]:
    """A record with its feedback as plain values, for a line of JSON."""
    told: dict[str, object] = to_builtins(record)
    return told | {"feedback": to_builtins(list(given))}

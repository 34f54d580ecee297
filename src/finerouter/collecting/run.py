"""Prompts and a pool -> answers -> grades -> outcomes.

Takes prompts, models, a grader and a journal; gives a `Collected`: the outcomes, and what happened.
Which pairs of prompt and model are asked is the caller's to choose; all of them by default. Knows
nothing of files of prompts, nor of how the user is told.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finerouter.collecting.asker import Asker, Missing, Tally
from finerouter.collecting.graders.grade import Given, Grade, Grader
from finerouter.collecting.journal import Journal, Kept, Spending
from finerouter.collecting.prompts import Prompt
from finerouter.collecting.request import check_askable
from finerouter.collecting.spending import cost_usd
from finerouter.collecting.work import Pair, Work, work_of
from finerouter.outcomes import OutcomeTable
from finerouter.pool import Model, ModelPool
from finerouter.upstream.client import MAX_CONCURRENT

# Enough for every endpoint to be kept busy while the slowest one answers.
_MOST_PROMPTS_UNDER_WAY = 256


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done, total: pairs of prompt and model.
        spent_usd: in this journal, by all its runs.
    """

    done: int
    total: int
    spent_usd: float


@dataclass(frozen=True)
class Cell:
    """What became of one prompt with one model.

    Attributes:
        kept: the answer, None where there is none.
        grade: None where there was nothing to grade.
        reason: why there is no score, "" where there is one.
    """

    kept: Kept | None
    grade: Grade | None
    reason: str = ""


@dataclass(frozen=True)
class Collected:
    """What a run gave.

    Attributes:
        outcomes: of the pairs with a score; None where there is no such pair.
        cells: every pair of this run.
        tally: calls made, answers known before, and why asking stopped.
        spending: USD of all runs of the journal.
        earlier: the same before this run.
        notes: what the grader wants to be known.
    """

    outcomes: OutcomeTable | None
    cells: Mapping[Pair, Cell]
    tally: Tally
    spending: Spending
    earlier: Spending
    notes: tuple[str, ...] = ()

    @property
    def scored(self) -> int:
        """Pairs with a score."""
        return sum(cell.reason == "" for cell in self.cells.values())

    @property
    def missing(self) -> dict[str, dict[str, int]]:
        """By model, why there is no score, and how often."""
        found: dict[str, Counter[str]] = {}
        for (_, model), cell in self.cells.items():
            if cell.reason:
                found.setdefault(model, Counter())[cell.reason] += 1
        return {model: dict(counts.most_common()) for model, counts in found.items()}

    @property
    def answers(self) -> list[Kept]:
        """All answers of this run."""
        return [cell.kept for cell in self.cells.values() if cell.kept]


def collect(
    prompts: Sequence[Prompt],
    pool: ModelPool,
    grader: Grader,
    *,
    journal: Path,
    pairs: Iterable[Pair] | None = None,
    keep_known: bool = False,
    budget_usd: float | None = None,
    ask_again: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **client: Any,
) -> Collected:
    """Ask models about prompts and grade their answers.

    An interrupt (SIGINT, SIGTERM) starts nothing more, waits for what is under way, and returns
    what there is; a second one ends at once.

    Args:
        prompts: with what the grader needs.
        pool: models with their endpoints.
        grader: judges the answers.
        journal: file of all calls; what it holds is not paid for again.
        pairs: (prompt_id, model) to ask, all by default. Prompts are asked in the order given here.
        keep_known: with `pairs`, outcomes are also of all others that the journal has answers to;
            so they grow from run to run. They are graded anew; only judges are asked for them.
        budget_usd: what all runs of this journal may cost; None for any amount.
        ask_again: also ask what a killed run may have paid for.
        progress: called as pairs are done.
        client: options of `Upstream`, such as its patience.

    Raises:
        ConfigError: answers of a model could not be graded.
        PoolError: a model cannot be asked, or not within a budget.
        DataError: the journal is something else, or held by another run; a pair is of no prompt.
        OutputError: the journal cannot be written.
    """
    grader.doubts(prompts, pool.models)
    check_askable((*pool, *grader.judges), budget_usd=budget_usd)
    opened = Journal(journal)
    try:
        work = work_of(prompts, pool, pairs, known=opened if keep_known else None)
        earlier = opened.spending()

        async def run() -> tuple[dict[Pair, Cell], Tally]:
            asker = Asker(opened, budget_usd=budget_usd, ask_again=ask_again, **client)
            async with asker:
                _stop_on_signals(asker)
                return await _Run(asker, grader, progress or (lambda _: None)).all(work)

        cells, tally = asyncio.run(run())
        return Collected(
            outcomes=_outcomes(prompts, pool, cells),
            cells=cells,
            tally=tally,
            spending=opened.spending(),
            earlier=earlier,
            notes=tuple(grader.notes()),
        )
    finally:
        opened.close()


def _stop_on_signals(asker: Asker) -> None:
    """The first signal stops the asking; the next one does what it always did."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        asker.stop("interrupted")
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop, number)
        except (NotImplementedError, RuntimeError, ValueError):
            return  # not the main thread, or no POSIX system: signals stay as they are


@dataclass
class _Run:
    """One run: prompts under way, and what came of them."""

    asker: Asker
    grader: Grader
    progress: Callable[[Progress], None]
    cells: dict[Pair, Cell] = field(default_factory=dict)

    async def all(self, work: Work) -> tuple[dict[Pair, Cell], Tally]:
        """Every prompt with its models."""
        total = sum(len(models) for _, models in work)
        waiting = iter(work)

        async def worker() -> None:
            for prompt, models in waiting:
                for model, cell in zip(models, await self._cells(prompt, models), strict=True):
                    self.cells[prompt.prompt_id, model.model] = cell
                self.progress(Progress(len(self.cells), total, self.asker.budget.spent_usd))

        self.progress(Progress(0, total, self.asker.budget.spent_usd))
        workers = [asyncio.ensure_future(worker()) for _ in range(_under_way(work))]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
        return self.cells, self.asker.tally

    async def _cells(self, prompt: Prompt, models: Sequence[Model]) -> list[Cell]:
        asked = (self.asker.ask(model, prompt.text) for model in models)
        kept = await asyncio.gather(*asked)
        answered = [
            (model, answer) for model, answer in zip(models, kept, strict=True)
            if isinstance(answer, Kept)
        ]  # fmt: skip
        given = [Given(model, answer.answer.text) for model, answer in answered]
        graded = await self.grader.grade(prompt, given, self.asker.ask) if given else []
        grades = {model.model: grade for (model, _), grade in zip(answered, graded, strict=True)}
        return [
            _cell(answer, grades.get(model.model))
            for model, answer in zip(models, kept, strict=True)
        ]


def _cell(answer: Kept | Missing, grade: Grade | None) -> Cell:
    if isinstance(answer, Missing):
        return Cell(None, None, answer.reason)
    if grade is None or grade.score is None:
        return Cell(answer, grade, f"not graded: {grade.reason if grade else 'nobody tried'}")
    return Cell(answer, grade)


def _under_way(work: Work) -> int:
    """Prompts to have under way at a time: as many as all endpoints take calls."""
    asked = (model.asking for _, models in work for model in models if model.asking)
    endpoints = {asking.endpoint.name: asking.endpoint for asking in asked}
    calls = sum(endpoint.max_concurrent or MAX_CONCURRENT for endpoint in endpoints.values())
    return max(1, min(calls, _MOST_PROMPTS_UNDER_WAY, len(work)))


def _outcomes(
    prompts: Sequence[Prompt], pool: ModelPool, cells: Mapping[Pair, Cell]
) -> OutcomeTable | None:
    scored = {pair: cell for pair, cell in cells.items() if not cell.reason}
    prompt_ids = {prompt_id for prompt_id, _ in scored}
    names = {name for _, name in scored}
    rows = [prompt for prompt in prompts if prompt.prompt_id in prompt_ids]
    models = pool.subset([name for name in pool.names if name in names])
    if not scored:
        return None
    grids = np.full((4, len(rows), len(models)), np.nan)
    for row, prompt in enumerate(rows):
        for column, model in enumerate(models):
            cell = scored.get((prompt.prompt_id, model.model))
            if cell:
                grids[:, row, column] = _measures(model, cell)
    benchmarks = [prompt.benchmark for prompt in rows]
    return OutcomeTable(
        prompt_ids=tuple(prompt.prompt_id for prompt in rows),
        prompts=tuple(prompt.text for prompt in rows),
        benchmarks=tuple(name or "" for name in benchmarks) if any(benchmarks) else None,
        models=models.names,
        score=grids[0],
        input_tokens=grids[1],
        output_tokens=grids[2],
        cost_usd=grids[3],
        pool=models,
    )


def _measures(model: Model, cell: Cell) -> tuple[float, float, float, float]:
    """Score, input and output tokens, and USD at the pool's prices of today; NaN where unknown."""
    assert cell.kept is not None
    assert cell.grade is not None
    assert cell.grade.score is not None
    usage = cell.kept.answer.usage
    cost = cost_usd(model, usage)
    return (
        cell.grade.score,
        np.nan if usage is None else usage.input_tokens,
        np.nan if usage is None else usage.output_tokens,
        np.nan if cost is None else cost,
    )

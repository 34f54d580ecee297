"""The rows of every table of the page.

Takes an `EvaluationResult`; gives tables of texts and small drawings. Knows nothing of HTML.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from finerouter.evaluation import words
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.report import svg
from finerouter.evaluation.report.task_map import task_numbers, task_swatch
from finerouter.evaluation.result import EvaluationResult, TaskFigures

Cell = str | Markup
_TOO_FEW = "too few outcomes"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: what it holds.
        head: of each column.
        rows: cells; the first of a row names it.
        left: numbers of the columns that hold words, set to the left.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class TaskDetails:
    """A task with its ranking of models."""

    title: str
    terms: str
    exemplars: tuple[str, ...]
    ranking: Table


def ways_of_choosing(result: EvaluationResult) -> Table:
    """Every way of choosing against the best single model."""
    rows = []
    for line in result.lines:
        cost = None if line.cost_per_1k_usd is None else line.cost_per_1k_usd.value
        rows.append(
            (
                line.name,
                words.score(line.quality.value),
                words.against_best_single(line),
                words.usd(cost),
                words.ITSELF if line.kind == "best single" else words.percent(line.saved),
            )
        )
    return Table(
        "Ways of choosing, on the same held-out prompts",
        ("choice", "quality", "points against best single", "USD per 1,000", "saved"),
        tuple(rows),
        left=(0, 2, 4),
    )


def benchmarks(result: EvaluationResult) -> Table | None:
    """Each benchmark; None where the data names none."""
    rows = tuple(
        (
            row.benchmark,
            str(row.prompts),
            words.score(row.best_single),
            words.score(row.router),
            words.score(row.balanced),
            words.score(row.oracle),
            _gain(row.gain),
            _gain(row.balanced_gain),
            _best_of(row.best_model, row.best_model_score),
        )
        for row in result.benchmarks
    )
    head = (
        "benchmark", "prompts", "best single", "router", "balanced", "oracle",
        "router's gain, points", "balanced gain, points", "its best model",
    )  # fmt: skip
    caption = "Benchmarks: mean scores, and gains over the best single model"
    return Table(caption, head, rows, left=(0, 6, 7, 8)) if rows else None


def tasks(result: EvaluationResult) -> Table:
    """Each task, numbered as on the map."""
    numbers = task_numbers(result)
    rows = tuple(
        (
            _task_name(task, numbers.get(task.task, 0)),
            str(task.prompts),
            words.share(task.share),
            words.score(task.best_single),
            words.score(task.router),
            words.score(task.balanced),
            words.score(task.oracle),
            _gain(task.gain),
            task.models[0].model if task.models else words.UNKNOWN,
        )
        for task in result.tasks
    )
    head = (
        "task", "prompts", "share", "best single", "router", "balanced", "oracle",
        "router's gain, points", "best model, observed",
    )  # fmt: skip
    return Table("Tasks: mean scores on their held-out prompts", head, rows, left=(0, 7, 8))


def task_details(result: EvaluationResult) -> tuple[TaskDetails, ...]:
    """Each task's terms, exemplars and ranking of models."""
    numbers = task_numbers(result)
    return tuple(
        TaskDetails(
            title=f"{_numbered(task, numbers.get(task.task, 0))} "
            f"({words.counted(task.prompts, 'prompt', 'prompts')})",
            terms=", ".join(task.terms),
            exemplars=task.exemplars,
            ranking=_ranking(task),
        )
        for task in result.tasks
    )


def models(result: EvaluationResult) -> Table:
    """Each model: quality, cost, share of the prompts, calibration."""
    rows = tuple(
        (
            model.model,
            words.bracketed(model.quality, words.score),
            words.usd(model.cost_per_1k_usd),
            _bar(model.share, "share"),
            _bar(model.balanced_share, "balanced"),
            words.score(model.calibration_error),
            words.UNKNOWN if model.brier is None else f"{model.brier:.3f}",
            _prices(result.router.prices.get(model.model, (None, None))),
        )
        for model in result.models
    )
    head = (
        "model", "quality", "USD per 1,000", "share, best quality", "share, balanced",
        "calibration error, points", "Brier", "USD per million tokens, in / out",
    )  # fmt: skip
    caption = "Models: always asking each, and the share of prompts the router gives it"
    return Table(caption, head, rows, left=(0, 3, 4))


def robustness(result: EvaluationResult) -> Table | None:
    """How often wording alone changes a decision; None when it was not measured."""
    rows = tuple(
        (
            row.perturbation,
            f"{row.cost_weight:.3g}",
            words.bracketed(row.flips, lambda value: words.share(value, 1)),
            words.share(row.task_flips, 1),
            words.points(row.quality_change),
        )
        for row in result.flip_rates
    )
    head = ("change of the prompt", "cost weight", "other model", "other task", "points it brings")
    caption = "Decisions that change when only the wording does"
    return Table(caption, head, rows, left=(0, 4)) if rows else None


def metrics(result: EvaluationResult) -> Table:
    """Every published metric."""
    rows = tuple((item.name, words.metric(item), item.note) for item in result.metrics)
    caption = "Every metric by its published definition"
    return Table(caption, ("metric", "value", "note"), rows, left=(0, 1, 2))


def _prices(prices: tuple[float | None, float | None]) -> str:
    if prices == (None, None):
        return words.UNKNOWN
    return " / ".join(words.usd(price) for price in prices)


def _ranking(task: TaskFigures) -> Table:
    rows = tuple(
        (
            model.model,
            words.score(model.observed),
            words.score(model.estimated),
            str(model.outcomes),
            words.share(model.share),
            words.share(model.balanced_share),
        )
        for model in task.models
    )
    head = ("model", "observed", "estimated", "outcomes", "share, best quality", "share, balanced")
    return Table("Models on these prompts, best observed first", head, rows)


def _task_name(task: TaskFigures, number: int) -> Markup:
    return Markup("{} {}").format(task_swatch(number), _numbered(task, number))


def _numbered(task: TaskFigures, number: int) -> str:
    return "no known task" if task.task is None else f"{number}. {task.task}"


def _gain(gain: Interval | None) -> str:
    return _TOO_FEW if gain is None else words.points(gain)


def _best_of(model: str | None, score: float | None) -> str:
    return words.UNKNOWN if model is None else f"{model}, {words.score(score)}"


def _bar(share: float, name: str) -> Markup:
    """A bar as long as the share, and its number."""
    bar = svg.tag("rect", x=0, y=0, width=100 * share, height=12, class_=name)
    whole = svg.tag("rect", x=0, y=0, width=100, height=12, class_="whole")
    drawn = svg.tag("svg", whole, bar, class_="bar", viewBox="0 0 100 12", aria_hidden="true")
    return Markup("{} {}").format(drawn, words.share(share))

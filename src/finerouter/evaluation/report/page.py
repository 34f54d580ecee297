"""All parts in the template, written as one file.

Takes an `EvaluationResult`; gives a file. Knows nothing of routers.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from finerouter.atomic import atomic_file
from finerouter.evaluation import words
from finerouter.evaluation.changes import compare
from finerouter.evaluation.report import tables
from finerouter.evaluation.report.calibration import calibration_plot
from finerouter.evaluation.report.changes import change_sentences, change_table
from finerouter.evaluation.report.data import data_block, without_prompts
from finerouter.evaluation.report.headline import hindsight, judged_on, statements
from finerouter.evaluation.report.quality_cost import quality_cost_plot
from finerouter.evaluation.report.task_map import drawn_prompts, task_map_drawing
from finerouter.evaluation.result import EvaluationResult

PROMPTS_PER_MONTH = 100_000
_PACKAGE = "finerouter.evaluation.report"


def write_report(
    result: EvaluationResult,
    path: str | Path,
    *,
    volume: int = PROMPTS_PER_MONTH,
    prompts: bool = True,
    previous: EvaluationResult | None = None,
) -> None:
    """Write an evaluation as a self-contained HTML page, atomically.

    Args:
        result: to show; the page also holds it as data, for `read_evaluation`.
        path: of the page.
        volume: prompts a month, for amounts of money.
        prompts: whether the page may hold words of prompts (excerpts, exemplars, terms).
        previous: an earlier evaluation to compare with.

    Raises:
        OutputError: the file cannot be written.
    """
    shown = result if prompts else without_prompts(result)
    page = _render(shown, volume, prompts, previous)
    with atomic_file(Path(path)) as temporary:
        # A lone surrogate, which UTF-8 cannot hold, becomes a question mark.
        temporary.write_text(page.encode("utf-8", "replace").decode("utf-8"), "utf-8")


def _render(
    result: EvaluationResult, volume: int, prompts: bool, previous: EvaluationResult | None
) -> str:
    environment = Environment(
        loader=PackageLoader(_PACKAGE, "template"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    style = files(_PACKAGE).joinpath("template/style.css").read_text("utf-8")
    template = environment.get_template("page.html.j2")
    return template.render(
        result=result,
        words=words,
        style=Markup(style),
        judged_on=judged_on(result),
        notes=(*result.notes, *hindsight(result)),
        statements=statements(result, volume),
        volume=volume,
        prompts_shown=prompts,
        data=data_block(result),
        drawn=len(drawn_prompts(result)),
        **_plots(result),
        **_tables(result),
        **_changes(result, previous),
    )


def _plots(result: EvaluationResult) -> dict[str, Any]:
    drawn = [(model, calibration_plot(model)) for model in result.models]
    return {
        "curve": quality_cost_plot(result),
        "map": task_map_drawing(result),
        "calibrations": [(model, plot) for model, plot in drawn if plot is not None],
    }


def _tables(result: EvaluationResult) -> dict[str, Any]:
    return {
        "ways": tables.ways_of_choosing(result),
        "benchmarks": tables.benchmarks(result),
        "tasks": tables.tasks(result),
        "task_details": tables.task_details(result),
        "models": tables.models(result),
        "robustness": tables.robustness(result),
        "metrics": tables.metrics(result),
    }


def _changes(result: EvaluationResult, previous: EvaluationResult | None) -> dict[str, Any]:
    if previous is None:
        return {"changes": None, "change_table": None}
    changes = compare(result, previous)
    return {"changes": change_sentences(changes), "change_table": change_table(changes)}

"""Evaluations as text: every difference with its interval, and none where none was shown.

The first screen holds what matters most; the other sections are printed when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.console import JustifyMethod
from rich.table import Table

from finerouter.cli.output import console
from finerouter.evaluation import CrossValidation, EvaluationResult, Line, words
from finerouter.evaluation.result import Headline

_REGRETS_SHOWN = 5
_TASKS_SHOWN = 3


def print_evaluation(result: EvaluationResult, sections: Sequence[str] = ()) -> None:
    """Print an evaluation for people: the first screen, then the sections asked for."""
    out = console()
    count = len(result.data.benchmarks)
    where = f" of {count} benchmarks" if count > 1 else ""
    out.print(f"{result.data.prompts} held-out prompts{where}, {len(result.models)} models")
    _print_notes(result.notes)
    out.print(_lines_table(result.lines))
    out.print()
    _print_headline(result.headline, result.best_single, result.saving_cost_weight)
    _print_trust(result)
    for name in sections:
        out.print(f"\n{name.upper()}")
        SECTIONS[name](result)


def print_cross_validation(result: CrossValidation) -> None:
    """Print a cross-validation for people."""
    out = console()
    out.print(f"{result.prompts} prompts, each judged by a router that was not trained on it")
    _print_notes(result.notes)
    table = _table(
        ("split", "left"), ("trained on", "right"), ("judged on", "right"), ("tasks", "right"),
        ("no task", "right"), ("best quality, points [95 %]", "left"),
        ("balanced, points [95 %]", "left"), ("saved [95 %]", "left"),
    )  # fmt: skip
    for split in result.splits:
        table.add_row(
            split.name,
            str(split.training_prompts),
            str(split.held_out_prompts),
            str(split.tasks),
            f"{split.abstained:.0%}",
            words.points(split.quality_gain),
            words.points(split.balanced_gain),
            words.percent(split.balanced_saved),
        )
    out.print(table)
    out.print("\nAll splits together:")
    out.print(_lines_table(result.lines))
    out.print()
    _print_headline(result.headline, "the best single model")


def _print_notes(notes: Sequence[str]) -> None:
    out = console()
    for note in notes:
        out.print(f"note: {note}")
    out.print()


def _lines_table(lines: Sequence[Line]) -> Table:
    table = _table(
        ("choice", "left"), ("quality", "right"), ("USD per 1k", "right"),
        ("points against best single [95 % interval]", "left"),
    )  # fmt: skip
    for line in lines:
        table.add_row(
            line.name,
            f"{100 * line.quality.value:.1f}",
            words.usd(line.cost_per_1k_usd.value) if line.cost_per_1k_usd else "unknown",
            words.against_best_single(line),
        )
    return table


def _print_headline(headline: Headline, single: str, weight: float | None = None) -> None:
    """Figures whose dial was picked on other held-out prompts than it was judged by.

    Args:
        weight: the cost weight to use for the saving; None where there is none.
    """
    out = console()
    out.print(f"Against always asking {single}, the dial picked on other prompts than judged by:")
    rows = [("quality of the best dial, points", words.points(headline.best_quality_gain))]
    if headline.cost_saved is not None:
        rows += [
            ("cost saved at its quality", words.percent(headline.cost_saved)),
            (
                "  and the quality that came with it, points",
                words.points(headline.cost_saved_quality),
            ),
        ]
    if weight is not None:
        rows.append(("  its cost weight, picked on all these prompts", words.cost_weight(weight)))
    for name, gain in (
        ("quality at half its cost, points", headline.half_cost_gain),
        ("quality at a quarter of its cost, points", headline.quarter_cost_gain),
        ("mean quality from the cheapest cost to its cost, points", headline.mean_quality_gain),
    ):
        if gain is not None:
            rows.append((name, words.points(gain)))
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 1))
    for row in rows:
        table.add_row(*row)
    out.print(table)
    if weight is not None:
        given = words.cost_weight(weight)
        out.print(
            f"For that saving: finerouter route ROUTER PROMPT --cost-weight {given} "
            f"(policy of the gateway: cost_weight = {given})"
        )


def _print_trust(result: EvaluationResult) -> None:
    out = console()
    closed = result.headline.gap_closed
    if closed is not None:
        out.print(f"Gap to the best model per benchmark closed: {words.percent(closed)}.")
    error, brier = result.metric("calibration_error").value, result.metric("brier").value
    if error is not None and brier is not None:
        out.print(
            f"Calibration, mean over models: error {100 * error.value:.1f} points, "
            f"Brier {brier.value:.3f}. Prompts of no known task: {result.abstained:.1%}."
        )
    flips = [rate.flips.value for rate in result.flip_rates if rate.cost_weight == 0]
    if flips:
        out.print(
            f"Decisions changed by wording alone: {min(flips):.1%} to {max(flips):.1%} of prompts."
        )
    if result.latency is not None:
        out.print(
            f"A decision takes {result.latency.p50_ms:.2f} ms (p50), {result.latency.p99_ms:.2f} "
            "ms (p99) here."
        )


def _metrics(result: EvaluationResult) -> None:
    out = console()
    table = _table(("metric", "left"), ("value [95 %]", "left"), ("", "left"))
    for metric in result.metrics:
        table.add_row(metric.name, words.metric(metric), metric.note)
    out.print(table)


def _benchmarks(result: EvaluationResult) -> None:
    table = _table(
        ("benchmark", "left"), ("prompts", "right"), ("best single", "right"), ("router", "right"),
        ("its best model", "left"), ("best quality, points", "left"),
        ("balanced, points", "left"),
    )  # fmt: skip
    for row in result.benchmarks:
        best = "" if row.best_model_score is None else f" {100 * row.best_model_score:.1f}"
        table.add_row(
            row.benchmark,
            str(row.prompts),
            words.score(row.best_single),
            f"{100 * row.router:.1f}",
            f"{row.best_model or 'unknown'}{best}",
            "too few outcomes" if row.gain is None else words.points(row.gain),
            "too few outcomes" if row.balanced_gain is None else words.points(row.balanced_gain),
        )
    console().print(table)


def _tasks(result: EvaluationResult) -> None:
    table = _table(
        ("task", "left"), ("prompts", "right"), ("router", "right"), ("best single", "right"),
        ("gain, points", "left"), ("best models: observed, estimated", "left"),
    )  # fmt: skip
    for row in result.tasks:
        best = ", ".join(
            f"{model.model} {100 * model.observed:.0f}, {100 * model.estimated:.0f}"
            for model in row.models[:_TASKS_SHOWN]
            if model.observed is not None
        )
        table.add_row(
            "no known task" if row.task is None else row.task,
            str(row.prompts),
            f"{100 * row.router:.1f}",
            words.score(row.best_single),
            "too few outcomes" if row.gain is None else words.points(row.gain),
            best,
        )
    console().print(table)


def _models(result: EvaluationResult) -> None:
    table = _table(
        ("model", "left"), ("quality", "right"), ("USD per 1k", "right"), ("share", "right"),
        ("balanced", "right"), ("Brier", "right"), ("calibration error, points", "right"),
    )  # fmt: skip
    for row in result.models:
        error = row.calibration_error
        table.add_row(
            row.model,
            f"{100 * row.quality.value:.1f}",
            "unknown" if row.cost_per_1k_usd is None else words.usd(row.cost_per_1k_usd),
            f"{row.share:.0%}",
            f"{row.balanced_share:.0%}",
            "unknown" if row.brier is None else f"{row.brier:.3f}",
            "unknown" if error is None else f"{100 * error:.1f}",
        )
    console().print(table)


def _robustness(result: EvaluationResult) -> None:
    table = _table(
        ("change", "left"), ("cost weight", "right"), ("other model [95 %]", "left"),
        ("other task", "right"), ("points of quality it brings [95 %]", "left"),
    )  # fmt: skip
    for row in result.flip_rates:
        table.add_row(
            row.perturbation,
            words.cost_weight(row.cost_weight),
            f"{row.flips.value:.1%} [{row.flips.low:.1%}, {row.flips.high:.1%}]",
            f"{row.task_flips:.1%}",
            words.points(row.quality_change),
        )
    console().print(table)


def _regrets(result: EvaluationResult) -> None:
    out = console()
    for row in result.regrets[:_REGRETS_SHOWN]:
        out.print(f"> {row.excerpt}")
        out.print(
            f"  {row.chosen} scored {row.chosen_score:g} (expected {row.chosen_quality:.2f}); "
            f"{row.best} {row.best_score:g} (expected {row.best_quality:.2f}); "
            f"{row.better_models} models did better"
        )
        out.print(f"  why: {row.reason}")


SECTIONS: Mapping[str, Callable[[EvaluationResult], None]] = {
    "metrics": _metrics,
    "benchmarks": _benchmarks,
    "tasks": _tasks,
    "models": _models,
    "robustness": _robustness,
    "regrets": _regrets,
}


def _table(*columns: tuple[str, JustifyMethod]) -> Table:
    table = Table(box=None)
    for name, justify in columns:
        table.add_column(name, justify=justify)
    return table

"""Evaluations as text: every difference with its interval, and none where none was shown."""

from __future__ import annotations

from rich.table import Table

from finerouter.cli.output import console, usd
from finerouter.evaluation import EvaluationResult, Interval

NOTHING_SHOWN = "no difference shown"


def points(interval: Interval) -> str:
    """A difference of quality in points, or the words that there is none."""
    if interval.value == interval.low == interval.high == 0:
        return "-"
    text = f"{100 * interval.value:+.1f} [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"
    return f"{text} {NOTHING_SHOWN}" if interval.holds_zero else text


def percent(interval: Interval) -> str:
    """A share with its interval."""
    return f"{interval.value:.0%} [{interval.low:.0%}, {interval.high:.0%}]"


def print_evaluation(result: EvaluationResult) -> None:
    """Print an evaluation for people."""
    out = console()
    table = Table(title=f"{result.data.prompts} held-out prompts", title_justify="left", box=None)
    table.add_column("choice")
    table.add_column("quality", justify="right")
    table.add_column("USD per 1k", justify="right")
    table.add_column("points against best single [95 % interval]")
    for line in result.lines:
        table.add_row(
            line.name,
            f"{100 * line.quality.value:.1f}",
            usd(line.cost_per_1k_usd.value) if line.cost_per_1k_usd else "unknown",
            points(line.against_best_single),
        )
    out.print(table)
    out.print()
    out.print(
        "Best quality on the curve, in points over the best single model: "
        f"{points(result.headline.best_quality_gain)}."
    )
    if result.headline.mean_quality_gain is not None:
        out.print(
            "Mean quality between the cheapest model's cost and the best single model's, in points "
            f"over the latter: {points(result.headline.mean_quality_gain)}."
        )
    if result.headline.cost_saved is not None:
        out.print(
            f"Cost saved at the best single model's quality, on the curve: "
            f"{percent(result.headline.cost_saved)}."
        )
    error, brier = result.metric("calibration_error").value, result.metric("brier").value
    if error is not None and brier is not None:
        out.print(
            f"Calibration, mean over models: error {100 * error.value:.1f} points, "
            f"Brier {brier.value:.3f}."
        )
    out.print(f"Prompts of no known task: {result.abstained:.1%}.")

"""The comparison as Markdown, ready for a README: figures, then the reference's lead over each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from finerouter.evaluation.intervals import Interval

Summary = Mapping[str, Mapping[str, Interval]]
_HEADS = {
    "quality_gain": "quality at any cost, points",
    "best_gain": "best quality on the curve, points",
    "cost_saved": "cost saved at equal quality",
    "at_half": "at half the cost, points",
    "at_quarter": "at a quarter, points",
    "area": "mean quality between the two costs, points",
    "aiq": "AIQ",
    "quality": "quality",
    "cost_per_1k_usd": "USD per 1k prompts",
}
_LEADS = ("best_gain", "cost_saved", "area")


def references_table(summary: Summary, names: Sequence[str]) -> str:
    """Choices without a dial: quality, cost, points over the best single model."""
    columns = ("quality", "cost_per_1k_usd", "quality_gain")
    return _table(summary, names, columns)


def figures_table(summary: Summary, names: Sequence[str], *, bold: str) -> str:
    """What each method reaches, against the best single model."""
    columns: tuple[str, ...] = ("best_gain", "cost_saved", "at_half", "at_quarter", "area", "aiq")
    if all(math.isnan(summary[name]["area"].value) for name in names):
        columns = ("quality_gain", "best_gain")
    return _table(summary, names, columns, bold=bold)


def leads_table(summary: Summary, names: Sequence[str], reference: str) -> str:
    """How far the reference is ahead of each method; inside the noise, no difference is shown."""
    others = [name for name in names if name != reference]
    columns: tuple[str, ...] = _LEADS
    if all(math.isnan(summary[name]["area"].value) for name in names):
        columns = ("quality_gain", "best_gain")
    heads = [f"{reference} minus this", *(_HEADS[column] for column in columns)]
    rows = [
        [name, *(_lead(column, summary[name][f"minus_{column}"]) for column in columns)]
        for name in others
    ]
    return _markdown(heads, rows)


def _table(
    summary: Summary, names: Sequence[str], columns: Sequence[str], *, bold: str = ""
) -> str:
    rows = [
        [
            f"**{name}**" if name == bold else name,
            *(shown(column, summary[name][column]) for column in columns),
        ]
        for name in names
    ]
    return _markdown(["method", *(_HEADS[column] for column in columns)], rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def shown(statistic: str, interval: Interval) -> str:
    """A figure with its interval, in the unit of its column."""
    if math.isnan(interval.value):
        return "-"
    value, low, high = interval.value, interval.low, interval.high
    if statistic == "cost_per_1k_usd":
        return f"{value:.3g}"
    if statistic == "cost_saved":
        return f"{value:.0%} [{low:.0%}, {high:.0%}]"
    if statistic in {"quality", "aiq"}:
        return f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _lead(statistic: str, interval: Interval) -> str:
    if math.isnan(interval.value):
        return "-"
    text = f"{100 * interval.value:+.1f} [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"
    if statistic == "cost_saved":
        text = f"{interval.value:+.0%} [{interval.low:+.0%}, {interval.high:+.0%}]"
    return f"{text} no difference shown" if interval.holds_zero else text

"""The comparison as Markdown: `results_table` is the README's table, to the letter."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.comparison.recording import Summary
from finerouter.evaluation.intervals import Interval

_HEADS = {
    "quality_gain": "quality at cost weight 0, points",
    "best_gain": "best quality on the curve, points",
    "cost_saved": "cost saved at equal quality, %",
    "at_half": "quality at half the cost, points",
    "area": "mean quality between the two costs, points",
    "quality": "quality, %",
    "cost_per_1k_usd": "USD per 1k prompts",
}
_COLUMNS = ("quality_gain", "best_gain", "cost_saved", "at_half", "area")
_LEADS = ("quality_gain", "best_gain", "cost_saved", "area")
# Words in every second cell could not be read.
_MARK = "°"
_LEGEND = f"{_MARK} no difference shown: the 95 % interval holds zero."


def references_table(summary: Summary, names: Sequence[str]) -> str:
    """Choices that are no routers: quality, cost, points over the best single model."""
    return _table(summary, names, ("quality", "cost_per_1k_usd", "quality_gain"))


def results_table(summary: Summary, names: Sequence[str], reference: str) -> str:
    """What each method reaches against the best single model, and the reference's lead over it.

    Where all models cost the same there is quality alone, and the rows are in its order.

    Args:
        summary: figures of every method, and of the reference less each ("minus_").
        names: the rows.
        reference: in bold; without "minus_" figures there is no column of leads.
    """
    columns: tuple[str, ...] = _COLUMNS
    lead = "area"
    if _level(summary, names):
        columns, lead = ("quality_gain",), "quality_gain"
        names = sorted(names, key=lambda name: -summary[name]["quality_gain"].value)
    return _table(summary, names, columns, reference=reference, lead=lead)


def leads_table(summary: Summary, names: Sequence[str], reference: str) -> str:
    """How far the reference is ahead of each method; empty without any "minus_" figure."""
    others = [name for name in names if "minus_quality_gain" in summary[name]]
    columns: tuple[str, ...] = ("quality_gain",) if _level(summary, names) else _LEADS
    rows = [
        [name, *(_lead(column, summary[name][f"minus_{column}"]) for column in columns)]
        for name in others
    ]
    heads = [f"{reference} minus this", *(_HEADS[column] for column in columns)]
    return _markdown(heads, rows) if rows else ""


def _level(summary: Summary, names: Sequence[str]) -> bool:
    """Whether all models cost the same."""
    return all(math.isnan(summary[name]["area"].value) for name in names)


def _table(
    summary: Summary,
    names: Sequence[str],
    columns: Sequence[str],
    *,
    reference: str = "",
    lead: str = "",
) -> str:
    heads = ["method", *(_HEADS[column] for column in columns)]
    rows = [
        [
            f"**{name}**" if name == reference else name,
            *(shown(column, summary[name][column]) for column in columns),
        ]
        for name in names
    ]
    if any(f"minus_{lead}" in summary[name] for name in names):
        heads.append(f"{_HEADS[lead].split(',')[0].split(' at ')[0]}: {reference} minus this")
        for name, row in zip(names, rows, strict=True):
            own = summary[name].get(f"minus_{lead}")
            row.append(_lead(lead, own) if own else "")
    return _markdown(heads, rows)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    text = "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))
    return f"{text}\n\n{_LEGEND}" if _MARK in text else text


def shown(statistic: str, interval: Interval) -> str:
    """A figure with its interval, in the unit of its column; a difference that is none, marked."""
    if math.isnan(interval.value):
        return "-"
    value, low, high = (100 * each for each in (interval.value, interval.low, interval.high))
    if statistic == "cost_per_1k_usd":
        return f"{interval.value:.3g}"
    if statistic == "quality":
        return f"{value:.1f} [{low:.1f}, {high:.1f}]"
    text = f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"
    if statistic == "cost_saved":
        text = f"{value:.0f}% [{low:.0f}, {high:.0f}]"
    return _marked(text, interval)


def _lead(statistic: str, interval: Interval) -> str:
    if statistic != "cost_saved" or math.isnan(interval.value):
        return shown(statistic, interval)
    value, low, high = (100 * each for each in (interval.value, interval.low, interval.high))
    return _marked(f"{value:+.0f}% [{low:+.0f}, {high:+.0f}]", interval)


def _marked(text: str, interval: Interval) -> str:
    return f"{text}{_MARK}" if interval.holds_zero else text

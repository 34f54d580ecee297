"""What changed against an earlier evaluation, in words and a table.

Takes `Changes`; gives sentences and a table. Knows nothing of HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finerouter.evaluation import words
from finerouter.evaluation.changes import Changes
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.report.tables import Table

_NAMES: dict[str, tuple[str, Callable[[Interval | None], str]]] = {
    "quality_gain": ("quality at cost weight 0, points", words.points),
    "balanced_gain": ("balanced quality, points", words.points),
    "balanced_saved": ("balanced saving", words.percent),
    "best_quality_gain": ("quality at the best dial, points", words.points),
    "cost_saved": ("saving at the best single's quality", words.percent),
    "cost_saved_quality": ("quality that came with that saving, points", words.points),
    "mean_quality_gain": ("mean quality over costs, points", words.points),
    "half_cost_gain": ("quality at half the cost, points", words.points),
    "quarter_cost_gain": ("quality at a quarter of the cost, points", words.points),
    "gap_closed": ("gap to the best per benchmark closed", words.percent),
}


def change_sentences(changes: Changes) -> tuple[str, ...]:
    """What changed, the weightiest first."""
    return (
        *_about_prompts(changes),
        *_about_best_single(changes),
        *_came_and_went("models", changes.models_added, changes.models_removed),
        *_came_and_went("tasks", changes.tasks_added, changes.tasks_removed),
        f"The judged prompts and outcomes are {_same(changes.same_data)}, the training data "
        f"{_same(changes.same_training)}.",
    )


def change_table(changes: Changes) -> Table:
    """The headline before and after."""
    rows = []
    for figure in changes.figures:
        name, show = _NAMES.get(figure.figure, (figure.figure, words.points))
        rows.append((name, show(figure.before), show(figure.after)))
    caption = "Headline figures against the best single model, before and now"
    return Table(caption, ("figure", "before", "now"), tuple(rows), left=(0, 1, 2))


def _judged_twice(changes: Changes) -> str:
    number = words.counted(changes.shared_prompts, "prompt was", "prompts were")
    return f"{number} judged both times"


def _about_prompts(changes: Changes) -> tuple[str, ...]:
    if changes.quality is None:
        return (f"{_judged_twice(changes)}: too few to compare pairs.",)
    return (
        f"{_judged_twice(changes)}. Change of their quality in "
        f"points, at cost weight 0: {words.points(changes.quality)}; balanced: "
        f"{words.points(changes.balanced_quality)}.",
        f"Change of their cost per 1,000, at cost weight 0: "
        f"{words.money(changes.cost_per_1k_usd)}; balanced: "
        f"{words.money(changes.balanced_cost_per_1k_usd)}.",
        f"Now given to another model, at cost weight 0: {words.share(changes.moved)} of them; "
        f"balanced: {words.share(changes.balanced_moved)}.",
    )


def _about_best_single(changes: Changes) -> tuple[str, ...]:
    if changes.best_single == changes.best_single_before:
        return ()
    return (
        f"The best single model was {changes.best_single_before} and is {changes.best_single} now: "
        "the figures of the table below are against different models, so their difference is not "
        "the router's alone.",
    )


def _came_and_went(what: str, added: Sequence[str], removed: Sequence[str]) -> tuple[str, ...]:
    said = [
        f"{what} {verb}: {_listed(names)}"
        for verb, names in (("added", added), ("removed", removed))
        if names
    ]
    return (f"{_sentence('; '.join(said))}.",) if said else ()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _same(same: bool) -> str:
    return "the same" if same else "not the same"

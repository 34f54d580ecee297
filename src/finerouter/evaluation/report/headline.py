"""The few sentences that a manager reads: quality, cost, money a month.

Takes an `EvaluationResult` and a volume; gives statements. Knows nothing of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

from finerouter.evaluation import words
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.result import EvaluationResult, Line, ModelFigures


@dataclass(frozen=True)
class Statement:
    """One finding.

    Attributes:
        title: what it is about.
        figure: the number to remember, or the words that there is none.
        verdict: "better", "worse", "none" or "unknown"; "mixed" for a saving that may cost
            quality. The figure says it in words too.
        detail: sentences with the interval.
    """

    title: str
    figure: str
    verdict: str
    detail: str


def judged_on(result: EvaluationResult) -> str:
    """What was judged, against what."""
    data = result.data
    many = len(data.benchmarks)
    where = f" of {many} benchmarks" if many > 1 else ""
    unseen = ", including prompts it was trained on" if data.seen else " that it had not seen"
    return (
        f"The router was judged on {data.prompts:,} prompts{where}{unseen}, against always asking "
        f"{result.best_single}, the model that did best on the training prompts. It chooses among "
        f"{len(result.models)} models. Scores run from 0 to 100; brackets hold 95 % intervals."
    )


def hindsight(result: EvaluationResult) -> tuple[str, ...]:
    """A warning where another single model did better on these prompts than the one held against.

    The best single model is chosen on training prompts, as a user would have to; the reader should
    know when gains and savings would be smaller against the other. No difference is given: the
    evaluation holds no interval of it.
    """
    single, router = _single(result), words.score(result.line("router").quality.value)
    known = [model for model in result.models if not isnan(model.quality.value)]
    best = max(known, key=lambda model: model.quality.value, default=None)
    if best is None or best.quality.value <= single.quality.value:
        return ()
    before, after = words.score(single.quality.value), words.score(best.quality.value)
    if before == after:
        return ()
    return (
        f"In hindsight another single model did better here: {best.model} scored {after}, "
        f"{result.best_single} {before}, the router {router}.{_costs(best, single)} Gains and "
        f"savings on this page are against {result.best_single}, which training chose; whatever "
        "is picked in hindsight profits from luck.",
    )


def statements(result: EvaluationResult, volume: int) -> tuple[Statement, ...]:
    """Quality alone, equal quality for less, and the balanced setting in money."""
    return (
        _quality_alone(result, volume),
        *_equal_quality(result, volume),
        *_balanced(result, volume),
    )


def _quality_alone(result: EvaluationResult, volume: int) -> Statement:
    gain, line, single = result.headline.quality_gain, result.line("router"), _single(result)
    verdict = words.verdict(gain)
    cost = ""
    if line.cost_per_1k_usd is not None:
        cost = (
            f" {volume:,} prompts a month cost {_month(line, volume)}, with {result.best_single} "
            f"{_month(single, volume)}."
        )
    return Statement(
        "When only quality matters",
        f"{words.signed_points(gain.value)} points of quality"
        if verdict in _SHOWN
        else _not_shown("difference in quality", verdict),
        verdict,
        f"{result.best_single} scores {words.score(single.quality.value)} of 100; the router "
        f"{words.score(line.quality.value)}. {_plausible(gain)}{cost}",
    )


def _equal_quality(result: EvaluationResult, volume: int) -> tuple[Statement, ...]:
    saved, cost = result.headline.cost_saved, _single(result).cost_per_1k_usd
    if saved is None or cost is None:
        return ()
    month, quality = cost.value * volume / 1000, result.headline.cost_saved_quality
    lost = words.verdict(quality) == "worse"
    return (
        Statement(
            "For the same quality",
            _saving_figure(saved, _share_saved(saved), quality if lost else None),
            _saving_verdict(saved, quality if lost else None),
            f"The cheapest setting that reached the quality of {result.best_single} on other "
            f"prompts. At {volume:,} prompts a month it saves {_money(saved, month)} of "
            f"{words.dollars(month)}; the share saved is {words.percent(saved)}. Quality that "
            f"came with it, in points: {words.points(quality)}.{_setting(result)}",
        ),
    )


def _balanced(result: EvaluationResult, volume: int) -> tuple[Statement, ...]:
    line, single = result.line("balanced"), _single(result)
    if line.cost_per_1k_usd is None or single.cost_per_1k_usd is None or line.saved is None:
        return ()
    month, quality = single.cost_per_1k_usd.value * volume / 1000, line.against_best_single
    return (
        Statement(
            "Balanced, as training set it",
            _saving_figure(line.saved, _amount_saved(line.saved, month), quality),
            _saving_verdict(line.saved, quality),
            f"{volume:,} prompts a month cost {_month(line, volume)} instead of "
            f"{_month(single, volume)}: {_money(line.saved, month)} saved. Quality against "
            f"{result.best_single}, in points: {words.points(quality)}.",
        ),
    )


_SHOWN = ("better", "worse")


def _saving_verdict(saved: Interval, quality: Interval | None) -> str:
    """A saving is better only where quality does not lie below; whether shown or not."""
    verdict = words.verdict(saved)
    below = quality is not None and words.signed_points(quality.value).startswith("-")
    return "mixed" if verdict == "better" and below else verdict


def _saving_figure(saved: Interval, figure: str, quality: Interval | None) -> str:
    """What is saved or spent, and the quality that came with it where it is to be said."""
    verdict = words.verdict(saved)
    if verdict not in _SHOWN:
        return _not_shown("saving", verdict)
    if quality is None:
        return figure
    shown = words.verdict(quality) in _SHOWN
    gain = f"{words.signed_points(quality.value)} points of quality"
    return f"{figure}, {gain if shown else 'no difference in quality shown'}"


def _setting(result: EvaluationResult) -> str:
    """How to get that saving."""
    if result.saving_cost_weight is None:
        return ""
    weight = words.cost_weight(result.saving_cost_weight)
    return (
        f" Its setting, picked on all of these prompts: cost weight {weight} (finerouter route "
        f"ROUTER PROMPT --cost-weight {weight}, or cost_weight = {weight} in a policy of the "
        "gateway)."
    )


def _single(result: EvaluationResult) -> Line:
    return result.line("best single")


def _costs(model: ModelFigures, single: Line) -> str:
    if model.cost_per_1k_usd is None or single.cost_per_1k_usd is None:
        return ""
    return (
        f" They cost {words.usd(model.cost_per_1k_usd)} and "
        f"{words.usd(single.cost_per_1k_usd.value)} per 1,000 prompts."
    )


def _not_shown(what: str, verdict: str) -> str:
    return (f"no {what} shown" if verdict == "none" else f"{what} unknown").capitalize()


def _plausible(gain: Interval) -> str:
    if words.verdict(gain) == "unknown":
        return "There are too few prompts for an interval."
    decimals = words.places(gain, words.signed_points, 1)
    low, high = (words.signed_points(bound, decimals) for bound in (gain.low, gain.high))
    if gain.holds_zero:
        return f"Any difference from {low} to {high} points fits these prompts."
    return f"With 95 % confidence the difference lies between {low} and {high} points."


def _share_saved(saved: Interval) -> str:
    share = words.share(abs(saved.value))
    return f"{share} of the cost saved" if saved.value > 0 else f"{share} more cost"


def _amount_saved(saved: Interval, month: float) -> str:
    amount = words.dollars(abs(saved.value * month))
    return f"{amount} a month saved" if saved.value > 0 else f"{amount} a month more"


def _money(saved: Interval, month: float) -> str:
    return words.bracketed(
        Interval(saved.value * month, saved.low * month, saved.high * month), words.dollars
    )


def _month(line: Line, volume: int) -> str:
    cost = line.cost_per_1k_usd
    return words.dollars(None if cost is None else cost.value * volume / 1000)

"""Numbers and intervals as a reader wants them; what is unknown says so.

Takes numbers; gives short texts, the same for the screen and for the page. Knows nothing of where
they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite, isnan

from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.result import Line, Metric

NOTHING_SHOWN = "no difference shown"
# Shows a number with so many decimals.
Show = Callable[[float, int], str]
_MOST_PLACES = 6
UNKNOWN = "unknown"
ITSELF = "-"


def score(value: float | None) -> str:
    """A mean score, 0 to 1, on the scale to 100."""
    return UNKNOWN if value is None or isnan(value) else f"{100 * value:.1f}"


def share(value: float | None, places: int = 0) -> str:
    """A share in percent."""
    return UNKNOWN if value is None or isnan(value) else f"{100 * value:.{places}f}%"


def usd(amount: float | None) -> str:
    """An amount of money: whole dollars from a hundred on, three significant digits below."""
    if amount is None or isnan(amount):
        return UNKNOWN
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= 100:
        return f"{sign}${size:,.0f}"
    cents, digits = f"{size:.2f}", f"{size:.3g}"
    return f"{sign}${cents if size >= 1 or float(cents) == float(digits) else digits}"


def dollars(amount: float | None) -> str:
    """An amount a month: whole dollars from ten on."""
    if amount is None or isnan(amount) or abs(amount) < 10:
        return usd(amount)
    return f"{'-' if amount < 0 else ''}${abs(amount):,.0f}"


def signed_points(value: float, places: int = 1) -> str:
    """A difference of scores in points, with its sign; nothing that rounds to nil has one."""
    text = f"{100 * value:+.{places}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def places(interval: Interval, show: Show, least: int) -> int:
    """Decimals to show a difference with: more where a bound would read as the zero it excludes."""
    if verdict(interval) not in ("better", "worse"):
        return least
    near = min(abs(interval.low), abs(interval.high))
    enough = (at for at in range(least, _MOST_PLACES) if set(show(near, at)) & set("123456789"))
    return next(enough, _MOST_PLACES)


def points(interval: Interval | None) -> str:
    """A difference in points with its interval."""
    return _difference(interval, signed_points, 1)


def against_best_single(line: Line) -> str:
    """A line's difference in points; a dash for the best single model against itself."""
    return ITSELF if line.kind == "best single" else points(line.against_best_single)


def cost_weight(weight: float) -> str:
    """A cost weight as commands and policies take it."""
    return f"{weight:.3g}"


def percent(interval: Interval | None) -> str:
    """A share saved or closed with its interval."""
    return _difference(interval, _percent, 0)


def money(interval: Interval | None) -> str:
    """A difference of money with its interval."""
    return _difference(interval, lambda value, _: f"{'+' if value > 0 else ''}{usd(value)}", 0)


def metric(value: Metric) -> str:
    """A metric in its unit, with its interval where it has one."""
    if value.value is None:
        return UNKNOWN
    show, least = _UNITS[value.unit]
    if value.difference:
        return _difference(value.value, show, least)
    return bracketed(value.value, lambda one: show(one, least))


def counted(number: int, one: str, several: str) -> str:
    """A number with what is counted, and the verb where it has one: "1 prompt was"."""
    return f"{number:,} {one if number == 1 else several}"


def bracketed(interval: Interval, show: Callable[[float], str]) -> str:
    """The value, and the interval in brackets where there is one."""
    if isnan(interval.value):
        return UNKNOWN
    if isnan(interval.low) or isnan(interval.high):
        return show(interval.value)
    return f"{show(interval.value)} [{show(interval.low)}, {show(interval.high)}]"


def verdict(interval: Interval | None) -> str:
    """What a difference amounts to: "better", "worse", "none" or "unknown"."""
    if interval is None or not isfinite(interval.low):
        return "unknown"
    if interval.holds_zero:
        return "none"
    return "better" if interval.value > 0 else "worse"


def _percent(value: float, decimals: int) -> str:
    return f"{value:.{decimals}%}"


def _difference(interval: Interval | None, show: Show, least: int) -> str:
    if interval is None:
        return UNKNOWN
    decimals = places(interval, show, least)
    text = bracketed(interval, lambda value: show(value, decimals))
    return f"{text} {NOTHING_SHOWN}" if verdict(interval) == "none" else text


# Of each unit, how to show it and with how many decimals at least.
_UNITS: Mapping[str, tuple[Show, int]] = {
    "points": (lambda value, decimals: f"{100 * value:.{decimals}f}", 1),
    "share": (_percent, 1),
    "bits": (lambda value, decimals: f"{value:.{decimals}f} bits", 2),
    "usd": (lambda value, _: usd(value), 0),
    "score": (lambda value, decimals: f"{value:.{decimals}f}", 3),
}

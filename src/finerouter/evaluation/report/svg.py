"""Scales, axes and marks of inline SVG.

Takes numbers; gives markup in which every text and attribute is escaped. Colours are left to
classes of the page's style. Knows nothing of evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10

from markupsafe import Markup, escape

Point = tuple[float, float]
SHAPES = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True)
class Scale:
    """Takes values from `low` to `high` to places from `start` to `end`.

    Attributes:
        low, high: values; low below high, and above zero where `log`.
        start, end: places, in units of the drawing; y grows downwards, so start lies below end.
        log: equal ratios, not equal differences, take equal room.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of a value."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = log10(low), log10(high), log10(value)
        return self.start + (self.end - self.start) * (at - low) / (high - low)

    @property
    def ticks(self) -> tuple[float, ...]:
        """A few round values inside."""
        return log_ticks(self.low, self.high) if self.log else round_ticks(self.low, self.high)


def scale_of(
    values: Sequence[float], start: float, end: float, *, log: bool = False, room: float = 0.06
) -> Scale:
    """A scale that holds all values with some room on either side; one value gets room too.

    Raises:
        ValueError: there is no finite value.
    """
    known = [value for value in values if isfinite(value)]
    low, high = min(known), max(known)
    if log:
        factor = (high / low) ** room if high > low else 2.0
        return Scale(low / factor, high * factor, start, end, log=True)
    wider = (high - low) * room if high > low else max(abs(high) * room, 0.01)
    return Scale(low - wider, high + wider, start, end)


def round_ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """At most `most` multiples of 1, 2 or 5 times a power of ten, from low to high."""
    raw = (high - low) / most
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return tuple(round(step * at, 12) for at in range(first, last + 1))


def log_ticks(low: float, high: float, most: int = 7) -> tuple[float, ...]:
    """Powers of ten from low to high, with their multiples by 2 and 5 where there is room."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        inside = tuple(tick for tick in ticks if low <= tick <= high)
        if len(inside) <= most:
            break
    return inside


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element; `class_` stands for class, an underscore for a hyphen, None for no attribute."""
    said = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _text(value))
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), said, inside)


def drawing(width: float, height: float, label: str, *children: str, class_: str = "") -> Markup:
    """The SVG element; screen readers say its label."""
    return tag(
        "svg",
        *children,
        class_=f"plot {class_}".strip(),
        viewBox=f"0 0 {_text(width)} {_text(height)}",
        role="img",
        aria_label=label,
    )


def mark(shape: str, x: float, y: float, size: float, class_: str = "", title: str = "") -> Markup:
    """A shape of `SHAPES` around a place, with a tooltip."""
    inside = (tag("title", title),) if title else ()
    name = class_ or None
    if shape == "circle":
        return tag("circle", *inside, cx=x, cy=y, r=size, class_=name)
    corners = " ".join(f"{_text(x + size * a)},{_text(y + size * b)}" for a, b in _CORNERS[shape])
    return tag("polygon", *inside, points=corners, class_=name)


def polyline(points: Sequence[Point], class_: str) -> Markup:
    """A line through points."""
    return tag("polyline", points=_points(points), class_=class_)


def area(upper: Sequence[Point], lower: Sequence[Point], class_: str) -> Markup:
    """The area between two lines that run the same way."""
    return tag("polygon", points=_points([*upper, *reversed(lower)]), class_=class_)


def line(start: Point, end: Point, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def text(
    x: float, y: float, words: str, anchor: str = "start", class_: str | None = None
) -> Markup:
    """Words at a place."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=class_)


def axes(
    x: Scale,
    y: Scale,
    labels: tuple[str, str],
    shows: tuple[Callable[[float], str], Callable[[float], str]],
) -> Markup:
    """Grid lines, ticks and the labels of both axes."""
    base, left = y.start, x.start
    parts = [line((left, base), (x.end, base), "axis")]
    for tick in x.ticks:
        parts += [line((x(tick), base), (x(tick), y.end), "grid")]
        parts += [text(x(tick), base + 22, shows[0](tick), "middle", "tick")]
    for tick in y.ticks:
        parts += [line((left, y(tick)), (x.end, y(tick)), "grid")]
        parts += [text(left - 8, y(tick) + 5, shows[1](tick), "end", "tick")]
    parts += [text((left + x.end) / 2, base + 50, labels[0], "middle", "label")]
    parts += [text(4, y.end - 14, labels[1], "start", "label")]
    return tag("g", *parts)


def beside(
    places: Sequence[Point], others: Sequence[Point] = (), away: float = 15.0
) -> list[Point]:
    """Where the label of each mark goes: the first place around it that no mark or label has.

    Args:
        places: of the marks with labels.
        others: places of marks without.
        away: distance of a label from its mark.
    """
    taken = [*places, *others]
    found = []
    for x, y in places:
        around = [(x + away * a, y + away * b) for a, b in _AROUND]
        free = (spot for spot in around if not any(_near(spot, other, away) for other in taken))
        spot = next(free, around[0])
        taken.append(spot)
        found.append((spot[0], spot[1] + 5))
    return found


def _near(one: Point, other: Point, away: float) -> bool:
    return abs(one[0] - other[0]) < away * 0.9 and abs(one[1] - other[1]) < away * 0.9


def straightened(points: Sequence[Point], pieces: int = 16) -> list[Point]:
    """More points on the same line, so that it stays true on a logarithmic scale."""
    found = list(points[:1])
    for (x0, y0), (x1, y1) in pairwise(points):
        steps = [at / pieces for at in range(1, pieces + 1)]
        found += [(x0 + (x1 - x0) * step, y0 + (y1 - y0) * step) for step in steps]
    return found


_AROUND = (
    (1, 0.6), (1, -0.6), (-1, 0.6), (-1, -0.6), (0, 1.1), (0, -1.1),
    (2, 0.6), (2, -0.6), (-2, 0.6), (-2, -0.6), (0, 2.1), (0, -2.1),
)  # fmt: skip
_CORNERS = {
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "triangle": ((0, -1.2), (1.1, 0.9), (-1.1, 0.9)),
    "diamond": ((0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)),
}


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{_text(x)},{_text(y)}" for x, y in points)


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")

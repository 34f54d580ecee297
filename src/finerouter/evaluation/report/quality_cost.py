"""The plot of quality against cost: the router's hull with its band, the models and their hull.

Takes an `EvaluationResult`; gives a drawing with its legend. Knows nothing of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from finerouter.evaluation import words
from finerouter.evaluation.report import svg
from finerouter.evaluation.result import EvaluationResult, Line, QualityCost

_WIDTH, _HEIGHT = 680.0, 440.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 60.0, 664.0, 40.0, 376.0
# From this ratio of costs on, a linear axis would crowd the cheap models at its left end.
_LOG_FROM = 10.0
_DRAWN = ("per benchmark", "random", "balanced")


@dataclass(frozen=True)
class Key:
    """A row of a legend: sign on the drawing, what it stands for, its cost and quality."""

    sign: Markup
    name: str
    cost: str = ""
    quality: str = ""


@dataclass(frozen=True)
class Plot:
    """A drawing and its legend."""

    drawing: Markup
    keys: tuple[Key, ...]
    log: bool


def quality_cost_plot(result: EvaluationResult) -> Plot | None:
    """Quality against cost; None when costs are unknown."""
    curve = result.curve
    lines = [line for line in result.lines if line.kind in _DRAWN and line.cost_per_1k_usd]
    if curve is None or not curve.points:
        return None
    x, y = _scales(curve, lines)
    parts = [
        svg.axes(x, y, ("USD per 1,000 prompts", "quality, 0 to 100"), (_dollars, _hundred)),
        *_hulls(curve, x, y),
        *_models(curve, lines, x, y),
        *_lines(lines, x, y),
    ]
    drawing = svg.drawing(_WIDTH, _HEIGHT, _said(result, curve), *parts, class_="curve")
    return Plot(drawing, _keys(curve, lines), x.log)


def _dollars(value: float) -> str:
    return f"${value:g}"


def _hundred(value: float) -> str:
    return f"{100 * value:.4g}"


def _scales(curve: QualityCost, lines: Sequence[Line]) -> tuple[svg.Scale, svg.Scale]:
    places = [(at.cost_per_1k_usd, at.quality) for at in curve.points]
    places += [(at.cost_per_1k_usd, at.quality) for at in curve.hull]
    places += [(at.cost_per_1k_usd, at.quality) for at in curve.single_models.values()]
    costs = [cost for cost, _ in places]
    costs += [line.cost_per_1k_usd.value for line in lines if line.cost_per_1k_usd]
    heights = [height for _, height in places] + [line.quality.value for line in lines]
    heights += [edge for at in curve.band for edge in (at.quality.low, at.quality.high)]
    known = [cost for cost in costs if isfinite(cost)]
    log = min(known) > 0 and max(known) / min(known) >= _LOG_FROM
    return (
        svg.scale_of(known, _LEFT, _RIGHT, log=log),
        svg.scale_of(heights, _BOTTOM, _TOP),
    )


def _hulls(curve: QualityCost, x: svg.Scale, y: svg.Scale) -> list[Markup]:
    upper = [(at.cost_per_1k_usd, at.quality.high) for at in curve.band]
    lower = [(at.cost_per_1k_usd, at.quality.low) for at in curve.band]
    hulls = [
        [(at.cost_per_1k_usd, at.quality) for at in hull]
        for hull in (curve.single_hull, curve.hull)
    ]
    parts = [svg.area(_placed(upper, x, y), _placed(lower, x, y), "band")] if upper else []
    parts += [
        svg.polyline(_placed(hull, x, y), name)
        for hull, name in zip(hulls, ("single-hull", "hull"), strict=True)
    ]
    for at in curve.points:
        title = (
            f"router at cost weight {at.cost_weight:.3g}: quality {words.score(at.quality)}, "
            f"{words.usd(at.cost_per_1k_usd)} per 1,000 prompts"
        )
        parts.append(svg.mark("circle", x(at.cost_per_1k_usd), y(at.quality), 3, "router", title))
    return parts


def _placed(points: Sequence[svg.Point], x: svg.Scale, y: svg.Scale) -> list[svg.Point]:
    kept = [(cost, height) for cost, height in points if isfinite(height)]
    return [(x(cost), y(height)) for cost, height in svg.straightened(kept)]


def _models(curve: QualityCost, lines: Sequence[Line], x: svg.Scale, y: svg.Scale) -> list[Markup]:
    parts = []
    places = [(x(at.cost_per_1k_usd), y(at.quality)) for at in curve.single_models.values()]
    signs = [
        (x(line.cost_per_1k_usd.value), y(line.quality.value))
        for line in lines
        if line.cost_per_1k_usd
    ]
    beside = svg.beside(places, signs)
    for number, (name, at) in enumerate(curve.single_models.items(), 1):
        left, top = places[number - 1]
        title = (
            f"always {name}: quality {words.score(at.quality)}, "
            f"{words.usd(at.cost_per_1k_usd)} per 1,000 prompts"
        )
        parts.append(svg.mark("square", left, top, 5, "model", title))
        parts.append(svg.text(*beside[number - 1], str(number), "middle", "number"))
    return parts


def _lines(lines: Sequence[Line], x: svg.Scale, y: svg.Scale) -> list[Markup]:
    parts = []
    for line in lines:
        if line.cost_per_1k_usd is None:
            continue
        shape, name = _SIGNS[line.kind]
        place = (x(line.cost_per_1k_usd.value), y(line.quality.value))
        title = f"{line.name}: quality {words.score(line.quality.value)}"
        parts.append(svg.mark(shape, *place, 7, name, title))
    return parts


_SIGNS = {
    "balanced": ("diamond", "router ringed"),
    "per benchmark": ("triangle", "other"),
    "random": ("circle", "other"),
}


def _keys(curve: QualityCost, lines: Sequence[Line]) -> tuple[Key, ...]:
    keys = [
        Key(_swatch(_line_sign("hull", band=True)), "router, at any cost, with its 95 % interval"),
        Key(_swatch(svg.mark("circle", 14, 10, 3, "router")), "router at one cost weight"),
        Key(_swatch(_line_sign("single-hull")), "mixing single models at random"),
    ]
    for line in lines:
        shape, name = _SIGNS[line.kind]
        cost = line.cost_per_1k_usd
        keys.append(
            Key(
                _swatch(svg.mark(shape, 14, 10, 7, name)),
                line.name,
                words.usd(None if cost is None else cost.value),
                words.score(line.quality.value),
            )
        )
    for number, (name, at) in enumerate(curve.single_models.items(), 1):
        sign = svg.mark("square", 7, 10, 5, "model") + svg.text(
            15, 15, str(number), class_="number"
        )
        keys.append(
            Key(_swatch(sign), name, words.usd(at.cost_per_1k_usd), words.score(at.quality))
        )
    return tuple(keys)


def _line_sign(name: str, *, band: bool = False) -> Markup:
    under = svg.area([(0, 3), (28, 3)], [(0, 17), (28, 17)], "band") if band else Markup("")
    return under + svg.polyline([(0, 10), (28, 10)], name)


def _swatch(sign: Markup) -> Markup:
    return svg.tag("svg", sign, class_="swatch", viewBox="0 0 32 20", aria_hidden="true")


def _said(result: EvaluationResult, curve: QualityCost) -> str:
    best = max(curve.points, key=lambda at: at.quality)
    single = curve.single_models[result.best_single]
    return (
        f"Quality against cost. The router's curve has {len(curve.points)} points and reaches "
        f"quality {words.score(best.quality)} at {words.usd(best.cost_per_1k_usd)} per 1,000 "
        f"prompts; {result.best_single} has {words.score(single.quality)} at "
        f"{words.usd(single.cost_per_1k_usd)}. The table below holds every model."
    )

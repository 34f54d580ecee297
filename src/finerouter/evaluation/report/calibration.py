"""Calibration plots: what the router expected of a model, and what came.

Takes a model's figures; gives a small square drawing. Knows nothing of the page.
"""

from __future__ import annotations

from markupsafe import Markup

from finerouter.evaluation import words
from finerouter.evaluation.report import svg
from finerouter.evaluation.result import ModelFigures

_SIDE, _LEFT, _RIGHT, _TOP, _BOTTOM = 240.0, 40.0, 222.0, 18.0, 200.0
_TICKS = (0.0, 0.5, 1.0)


def calibration_plot(model: ModelFigures) -> Markup | None:
    """Mean score against mean estimate of each bin, with intervals; None without bins."""
    if not model.bins:
        return None
    x, y = svg.Scale(0, 1, _LEFT, _RIGHT), svg.Scale(0, 1, _BOTTOM, _TOP)
    parts = [*_frame(x, y), svg.line((x(0), y(0)), (x(1), y(1)), "diagonal")]
    for one in model.bins:
        at = x(one.quality)
        title = (
            f"{one.prompts} prompts: expected {words.score(one.quality)}, came "
            f"{words.score(one.score)} [{words.score(one.low)}, {words.score(one.high)}]"
        )
        parts.append(svg.line((at, y(one.low)), (at, y(one.high)), "whisker"))
        parts.append(svg.mark("circle", at, y(one.score), 4, "router", title))
    label = (
        f"Calibration of {model.model}: {len(model.bins)} bins, error "
        f"{words.score(model.calibration_error)} points"
    )
    return svg.drawing(_SIDE, _SIDE, label, *parts, class_="calibration")


def _frame(x: svg.Scale, y: svg.Scale) -> list[Markup]:
    parts = []
    for tick in _TICKS:
        parts.append(svg.line((x(tick), y(0)), (x(tick), y(1)), "grid"))
        parts.append(svg.line((x(0), y(tick)), (x(1), y(tick)), "grid"))
        parts.append(svg.text(x(tick), _BOTTOM + 18, f"{100 * tick:.0f}", "middle", "tick"))
        parts.append(svg.text(_LEFT - 6, y(tick) + 5, f"{100 * tick:.0f}", "end", "tick"))
    parts.append(
        svg.text(
            (_LEFT + _RIGHT) / 2, _BOTTOM + 36, "across expected, up observed", "middle", "label"
        )
    )
    return parts

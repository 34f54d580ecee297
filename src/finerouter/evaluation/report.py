"""One HTML page about an evaluation: no network, no script, opens from disk.

Takes an `EvaluationResult`; gives a file. Knows nothing of routers.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from finerouter.atomic import atomic_file
from finerouter.evaluation.intervals import Interval
from finerouter.evaluation.result import EvaluationResult, Line

_WIDTH, _HEIGHT, _MARGIN = 640, 360, 56

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --router: #2a7de1; --other: #d9822b; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
svg .axis { stroke: currentColor; opacity: .5; }
svg .curve { fill: none; stroke: var(--router); stroke-width: 2; }
svg circle { fill: var(--other); }
"""


def write_report(result: EvaluationResult, path: str | Path) -> None:
    """Write an evaluation as a self-contained HTML page, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    body = "\n".join(
        [
            "<h1>How good is this router?</h1>",
            f"<p>{escape(_headline(result))}</p>",
            _plot(result) if result.curve is not None else "",
            '<div class="wide">' + _lines_table(result.lines) + "</div>",
            "<h2>Models</h2>",
            '<div class="wide">' + _models_table(result) + "</div>",
        ]
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>finerouter: evaluation</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )
    with atomic_file(Path(path)) as temporary:
        temporary.write_text(page, "utf-8")


def _headline(result: EvaluationResult) -> str:
    gain = result.headline.best_quality_gain
    said = [
        f"On {result.data.prompts} prompts it had not seen, compared with always asking "
        f"{result.best_single}: ",
        "no difference in quality is shown"
        if gain.holds_zero
        else f"up to {_points(gain)} points of quality",
    ]
    if result.headline.cost_saved is not None:
        said.append(
            f", or {_percent(result.headline.cost_saved)} of the cost saved at the same quality"
        )
    return "".join(said) + ". Brackets hold 95 % intervals."


def _points(interval: Interval) -> str:
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * interval.value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _percent(interval: Interval) -> str:
    return f"{interval.value:.0%} [{interval.low:.0%}, {interval.high:.0%}]"


def _lines_table(lines: Sequence[Line]) -> str:
    rows = []
    for line in lines:
        against = _points(line.against_best_single)
        if line is lines[0]:
            against = "-"
        elif line.against_best_single.holds_zero:
            against += " no difference shown"
        usd = line.cost_per_1k_usd
        cost = "unknown" if usd is None else f"{usd.value:.3g}"
        rows.append([line.name, f"{100 * line.quality.value:.1f}", cost, against])
    return _table(["choice", "quality", "USD per 1,000", "points against best single"], rows)


def _models_table(result: EvaluationResult) -> str:
    rows = [
        [
            model.model,
            f"{model.share:.0%}",
            "unknown"
            if model.calibration_error is None
            else f"{100 * model.calibration_error:.1f}",
            "unknown" if model.brier is None else f"{model.brier:.3f}",
        ]
        for model in result.models
    ]
    return _table(["model", "share at cost weight 0", "calibration error, points", "Brier"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "<table>" + row(head, "th") + "".join(row(cells, "td") for cells in rows) + "</table>"


def _plot(result: EvaluationResult) -> str:
    """Quality against cost: the router's curve, and the other ways of choosing as points."""
    assert result.curve is not None
    others = [
        (line.name, line.cost_per_1k_usd.value, line.quality.value)
        for line in result.lines
        if line.kind not in ("router", "balanced", "oracle") and line.cost_per_1k_usd is not None
    ]
    points = [(point.cost_per_1k_usd, point.quality) for point in result.curve.points]
    costs = [cost for cost, _ in points] + [cost for _, cost, _ in others]
    heights = [height for _, height in points] + [height for _, _, height in others]
    low, high, top = min(heights) - 0.01, max(heights) + 0.01, max(costs) or 1.0

    def at(cost: float, quality: float) -> tuple[float, float]:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * cost / top
        return x, _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (quality - low) / (high - low)

    path = " ".join("{:.1f},{:.1f}".format(*at(cost, height)) for cost, height in points)
    marks = []
    for name, cost, height in others:
        x, y = at(cost, height)
        anchor = "end" if x > _WIDTH / 2 else "start"
        shift = -8 if anchor == "end" else 8
        marks.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
            f'<text x="{x + shift:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}">'
            f"{escape(name)}</text>"
        )
    base = _HEIGHT - _MARGIN
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="quality against cost">'
        f'<line class="axis" x1="{_MARGIN}" y1="{base}" x2="{_WIDTH - _MARGIN}" y2="{base}"/>'
        f'<line class="axis" x1="{_MARGIN}" y1="{_MARGIN}" x2="{_MARGIN}" y2="{base}"/>'
        f'<text x="{_MARGIN}" y="{base + 20}">0</text>'
        f'<text x="{_WIDTH - _MARGIN}" y="{base + 20}" text-anchor="end">{top:.3g}</text>'
        f'<text x="{_WIDTH / 2}" y="{base + 38}" text-anchor="middle">USD per 1,000 prompts</text>'
        f'<text x="{_MARGIN - 6}" y="{base}" text-anchor="end">{100 * low:.0f}</text>'
        f'<text x="{_MARGIN - 6}" y="{_MARGIN + 4}" text-anchor="end">{100 * high:.0f}</text>'
        f'<text x="{_MARGIN}" y="{_MARGIN - 14}">quality, blue: the router</text>'
        f'<polyline class="curve" points="{path}"/>{"".join(marks)}</svg>'
    )

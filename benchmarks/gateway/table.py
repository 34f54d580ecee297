"""What the gateway promises, held against the figures of a run.

Takes the figures of `checks.py`; gives rows and a Markdown table. Knows nothing of how they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One promise; `at_least` for more is better."""

    what: str
    measured: float
    target: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is kept."""
        return self.measured >= self.target if self.at_least else self.measured <= self.target

    def to_json(self) -> Figures:
        """Plain values."""
        sign = "at least" if self.at_least else "at most"
        return {
            "what": self.what,
            "measured": self.measured,
            "target": f"{sign} {self.target:g} {self.unit}",
            "met": self.met,
        }


def rows(figures: Figures) -> list[Row]:
    """The promises that the figures say something of."""
    makers = {
        "latency": lambda found: _latency(found, "sent at once"),
        "latency_10ms": lambda found: _latency(found, "10 ms apart"),
        "streams_at_once": _streams_at_once,
        "throughput": _throughput,
        "litellm": lambda found: _litellm(found, figures.get("throughput")),
        "idle_streams": _idle_streams,
        "memory": _memory,
    }
    return [row for name, make in makers.items() if name in figures for row in make(figures[name])]


def markdown(found: list[Row]) -> str:
    """The table for README and documentation."""
    lines = ["| | Measured | Promised | |", "|---|---|---|---|"]
    for row in found:
        sign = "≥" if row.at_least else "≤"
        shown = f"{row.measured:,.4g}" if row.measured < 1_000 else f"{row.measured:,.0f}"
        target = f"{sign} {row.target:,g} {row.unit}"
        lines.append(
            f"| {row.what} | {shown} {row.unit} | {target} | {'yes' if row.met else 'NO'} |"
        )
    return "\n".join(lines)


def _latency(found: Figures, how: str) -> list[Row]:
    added = found["added_by_gateway_ms"]
    return [
        Row(f"added at 50 streams/s, pieces {how}: {words}, {share}", value, target, "ms")
        for when, words in (("first_byte_ms", "first byte"), ("total_ms", "whole stream"))
        for share, target in (("p50", 2.0), ("p99", 10.0))
        for value in (added[f"{when}_{share}"],)
    ]


def _streams_at_once(found: Figures) -> list[Row]:
    ratios = found["gateway_to_passthrough"]
    return [
        Row(f"50 streams at once against the bare relay: {share}", ratios[key], 3.0, "times")
        for share, key in (("p50", "total_ms_p50"), ("p99", "total_ms_p99"))
    ]


def _throughput(found: Figures) -> list[Row]:
    rate = found["gateway"]["requests_per_s"]
    return [Row("whole answers on one core", rate, 1_200.0, "requests/s", at_least=True)]


def _litellm(found: Figures, ours: Figures | None) -> list[Row]:
    if ours is None:
        return []
    theirs = max(found[name]["requests_per_s"] for name in ("litellm-uvicorn", "litellm-granian"))
    ratio = ours["gateway"]["requests_per_s"] / theirs
    what = f"the same against LiteLLM {found['version']} ({theirs:.0f} requests/s)"
    return [Row(what, round(ratio, 2), 5.0, "times", at_least=True)]


def _idle_streams(found: Figures) -> list[Row]:
    what = f"memory with {found['streams']:,} idle streams"
    return [Row(what, found["resident_mb_peak"], 500.0, "MB")]


def _memory(found: Figures) -> list[Row]:
    return [
        Row(
            f"growth over {of_kind['requests']:,} {kind} requests, second half",
            of_kind["mb_per_10000_requests_second_half"],
            0.5,
            "MB/10,000",
        )
        for kind, of_kind in found.items()
    ]

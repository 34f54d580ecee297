"""Where commands print to, and how numbers look."""

from __future__ import annotations

import json
import math
from typing import Any

import click
from rich.console import Console


def console() -> Console:
    """Standard output; plain and unwrapped where it is not a terminal."""
    out = Console(highlight=False, markup=False, emoji=False)
    if not out.is_terminal:
        out = Console(highlight=False, markup=False, emoji=False, width=160, no_color=True)
    return out


def print_json(value: Any) -> None:
    """Print a value as JSON; NaN and infinity become null."""
    click.echo(json.dumps(json_values(value), indent=2, ensure_ascii=False))


def json_values(value: Any) -> Any:
    """The value with NaN and infinity as None, and names as sorted lists."""
    if isinstance(value, dict):
        return {key: json_values(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [json_values(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def usd(amount: float) -> str:
    """An amount of money with three significant figures."""
    if math.isnan(amount):
        return "unknown"
    return f"${amount:.3g}" if amount < 1000 else f"${amount:,.0f}"

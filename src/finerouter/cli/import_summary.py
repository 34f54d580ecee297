"""An import as text: counts, models, coverage, histogram, warnings."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from finerouter.cli.output import console, usd
from finerouter.importers import ImportReport
from finerouter.importers.report import BINS

_MODELS, _BENCHMARKS, _BAR = 30, 10, 40


def print_import(report: ImportReport, out: Path | None) -> None:
    """Print what was read, and to standard error what to look at."""
    page = console()
    page.print(_headline(report, out))
    for line in _counts(report):
        page.print(f"  {line}")
    page.print()
    _print_models(page, report)
    _print_coverage(page, report)
    _print_histogram(page, report)
    for warning in report.warnings:
        click.echo(f"note: {warning}", err=True)
    for example in report.bad_examples:
        click.echo(f"bad row: {example}", err=True)
    if out is not None:
        page.print(f"next: finerouter train {out} --out my-router")


def _headline(report: ImportReport, out: Path | None) -> str:
    size = (
        f"{report.outcomes:,} outcomes of {len(report.models)} models on {report.prompts:,} prompts"
    )
    return f"{out}: {size}" if out else f"would read {size} from {report.source}"


def _counts(report: ImportReport) -> list[str]:
    share = report.bad_rows / max(report.rows, 1)
    lines = [f"{report.rows:,} rows read, {report.bad_rows:,} bad ({share:.1%})"]
    lines += [f"{count:,} {reason}" for reason, count in report.skipped.items()]
    if report.missing:
        lines.append(f"{report.missing:,} without a score: missing, not zero")
    if report.repeated:
        lines.append(
            f"{report.repeated:,} outcomes are means of repeats, up to {report.most_repeats}"
        )
    if report.price_date:
        lines.append(f"prices of {report.price_date}")
    return lines


def _print_models(page: Console, report: ImportReport) -> None:
    table = Table(box=None, title="models", title_justify="left")
    table.add_column("model")
    for name in ("outcomes", "coverage", "mean score", "USD a call"):
        table.add_column(name, justify="right")
    for model in report.models[:_MODELS]:
        cost = "" if model.mean_cost_usd is None else usd(model.mean_cost_usd)
        table.add_row(
            model.model,
            f"{model.outcomes:,}",
            f"{model.coverage:.0%}",
            f"{model.mean_score:.3f}",
            cost,
        )
    page.print(table)
    _print_rest(page, len(report.models) - _MODELS, "models")


def _print_coverage(page: Console, report: ImportReport) -> None:
    """Benchmarks by models: which share of the prompts has a score."""
    if set(report.coverage) == {""}:
        return
    page.print()
    table = Table(box=None, title="coverage by benchmark", title_justify="left")
    table.add_column("benchmark")
    shown = report.models[:_BENCHMARKS]
    for number, _ in enumerate(shown, 1):
        table.add_column(f"{number}.", justify="right")
    for benchmark, shares in list(report.coverage.items())[:_MODELS]:
        table.add_row(benchmark or "(none)", *(f"{shares[model.model]:.0%}" for model in shown))
    page.print(table)
    names = ", ".join(f"{number}. {model.model}" for number, model in enumerate(shown, 1))
    page.print(f"  models: {names}")
    _print_rest(page, len(report.coverage) - _MODELS, "benchmarks")
    _print_rest(page, len(report.models) - _BENCHMARKS, "models")


def _print_rest(page: Console, more: int, what: str) -> None:
    if more > 0:
        page.print(f"  and {more} more {what}: see --json")


def _print_histogram(page: Console, report: ImportReport) -> None:
    page.print()
    table = Table(box=None, title="scores", title_justify="left", show_header=False)
    most = max(report.histogram)
    for at, count in enumerate(report.histogram):
        low, high = at / BINS, (at + 1) / BINS
        table.add_row(f"{low:.1f} to {high:.1f}", f"{count:,}", "#" * round(_BAR * count / most))
    page.print(table)

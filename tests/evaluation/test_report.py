from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.errors import OutputError
from finerouter.evaluation import EvaluationResult, evaluate, write_report

VOID = {"meta", "line", "circle", "polyline"}


class Page(HTMLParser):
    """Text, tags and addresses of a page; refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.handle_starttag(tag, attrs)
        assert tag in VOID

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words += data


@pytest.fixture(scope="module")
def result(router: Router, held_out: OutcomeTable) -> EvaluationResult:
    return evaluate(router, held_out, resamples=100)


def page_of(result: EvaluationResult, folder: Path) -> Page:
    write_report(result, folder / "report.html")
    return Page((folder / "report.html").read_text("utf-8"))


def test_the_report_is_one_page_that_needs_nothing_else(result, tmp_path: Path) -> None:
    page = page_of(result, tmp_path)
    assert page.addresses == []
    assert "script" not in page.tags
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_report_shows_every_way_of_choosing_and_every_model(result, tmp_path: Path) -> None:
    page = page_of(result, tmp_path)
    for line in result.lines:
        assert line.name in page.words
        assert f"{100 * line.quality.value:.1f}" in page.words
    assert all(model.model in page.words for model in result.models)
    assert f"On {result.data.prompts} prompts" in page.words
    assert page.tags.count("polyline") == 1


def test_without_costs_there_is_no_plot(router, held_out, tmp_path: Path) -> None:
    unknown = np.full(held_out.score.shape, np.nan)
    blind = replace(held_out, cost_usd=unknown, output_tokens=unknown)
    page = page_of(evaluate(router, blind, resamples=100), tmp_path)
    assert "svg" not in page.tags
    assert "unknown" in page.words


def test_where_nothing_differs_the_report_says_so(router, held_out, tmp_path: Path) -> None:
    same = replace(held_out, score=np.ones_like(held_out.score))
    page = page_of(evaluate(router, same, resamples=100), tmp_path)
    assert "no difference in quality is shown" in page.words


def test_names_are_text_not_markup(result, tmp_path: Path) -> None:
    name = '<b onclick="x">&amp;'
    renamed = replace(result, lines=(replace(result.lines[0], name=name), *result.lines[1:]))
    page = page_of(renamed, tmp_path)
    assert name in page.words
    assert "b" not in page.tags


def test_a_report_that_cannot_be_written_leaves_nothing(result, tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(result, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]

"""The page in a real browser; skipped where there is none (`make browser` installs it)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from finerouter import OutcomeTable, Router
from finerouter.evaluation import EvaluationResult, evaluate, write_report

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here; as root on Debian, make browser installs it"
)
PHONE, DESKTOP = (360, 740), (1200, 900)
COLOURS = ("ink", "quiet", "router", "model", "good", "bad", *(f"task-{at}" for at in range(1, 9)))


@dataclass
class Seen:
    """A page as the browser showed it, what it said and what it asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def colour(self, name: str) -> tuple[float, ...]:
        """A custom property of the style, as red, green and blue from 0 to 1."""
        self.page.evaluate(f"document.body.style.outlineColor = 'var(--{name})'")
        text = self.page.evaluate("getComputedStyle(document.body).outlineColor")
        return tuple(int(value) / 255 for value in re.findall(r"\d+", text)[:3])


@pytest.fixture(scope="module")
def result(router: Router, held_out: OutcomeTable) -> EvaluationResult:
    return evaluate(router, held_out, resamples=100, decisions=0)


@pytest.fixture(scope="module")
def address(result: EvaluationResult, tmp_path_factory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(result, path, previous=result)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's root has no sandbox
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(
    scope="module",
    params=[(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")],
    ids=lambda param: f"{param[0][0]}-{param[1]}",
)
def seen(request, browser: Any, address: str) -> Iterator[Seen]:
    (width, height), scheme = request.param
    viewport = {"width": width, "height": height}
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    found = Seen(context.new_page())
    found.page.on("console", lambda message: found.said.append(message.text))
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    found.page.on("request", lambda asked: found.requests.append(asked.url))
    found.page.goto(address)
    yield found
    context.close()


def test_it_renders_without_a_word_and_asks_for_nothing(seen: Seen, address: str) -> None:
    assert seen.page.inner_text("h1") == "How good is this router?"
    assert seen.said == []
    assert seen.requests == [address]


def test_every_plot_is_visible(seen: Seen, result: EvaluationResult) -> None:
    plots = seen.page.locator("svg.plot")
    assert plots.count() == 2 + sum(bool(model.bins) for model in result.models)
    for at in range(plots.count()):
        box = plots.nth(at).bounding_box()
        assert box["width"] > 100
        assert box["height"] > 100
    assert seen.page.locator("svg.map [class^=task-]").count() == len(result.prompts)
    line = seen.page.locator("svg.curve .hull").bounding_box()
    assert line["width"] > 50


def test_no_word_of_a_plot_is_cut_off(seen: Seen) -> None:
    cut = seen.page.evaluate(
        """() => [...document.querySelectorAll("svg.plot text")].filter(text => {
            const outer = text.ownerSVGElement.getBoundingClientRect();
            const inner = text.getBoundingClientRect();
            return inner.left < outer.left - 1 || inner.right > outer.right + 1
                || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
        }).map(text => text.textContent)"""
    )
    assert cut == []


def test_words_of_the_main_plot_can_be_read(seen: Seen) -> None:
    heights = seen.page.evaluate(
        """() => [...document.querySelectorAll("svg.curve .tick")]
            .map(text => text.getBoundingClientRect().height)"""
    )
    assert min(heights) >= 10


def test_nothing_makes_the_page_wider_than_the_screen(seen: Seen) -> None:
    seen.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= seen.page.viewport_size["width"]


def test_wide_tables_fit_a_desktop_whole(seen: Seen) -> None:
    """A column cut off at the edge looks like the last one; on a phone a table scrolls."""
    cut = seen.page.evaluate(
        """() => [...document.querySelectorAll("#benchmarks .scroll, #tasks > .scroll")]
            .filter(box => box.scrollWidth > box.clientWidth + 1)
            .map(box => box.getAttribute("aria-label"))"""
    )
    assert cut == [] or seen.page.viewport_size["width"] < DESKTOP[0]


def test_colours_stand_out_from_the_ground(seen: Seen, request) -> None:
    ground, raised = seen.colour("ground"), seen.colour("raised")
    dark = request.node.callspec.id.endswith("dark")
    assert (_luminance(ground) < 0.1) == dark
    shown = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert tuple(int(value) / 255 for value in re.findall(r"\d+", shown)) == ground
    for name in COLOURS:
        colour = seen.colour(name)
        assert min(_contrast(colour, ground), _contrast(colour, raised)) >= 4.5, name


def _luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance of sRGB, as WCAG 2.2 defines it."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Contrast ratio, as WCAG 2.2 defines it; 4.5 is its bound for text."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)

"""The dashboard in a real browser; skipped where there is none (`make browser` installs it)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from finerouter.gateway.access import new_key
from tests.gateway.running import Gateway, pool_toml, running
from tests.gateway.test_chat import GERMAN, SUM
from tests.loopback import FAULTS, LoopbackUpstream, serving

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here; as root on Debian, make browser installs it"
)
PHONE, DESKTOP = (360, 740), (1200, 900)
SCRIPT = "<script>document.title = 'taken over'</script>"
# Texts of plots that are cut, and cards of which a part is out of sight.
OUTSIDE = """() => [...document.querySelectorAll('svg text')].filter((text) => {
    const [inner, outer] = [text, text.ownerSVGElement].map((n) => n.getBoundingClientRect());
    return inner.left < outer.left - 1 || inner.right > outer.right + 1
        || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
}).map((text) => text.textContent)"""
SCROLLS = """() => [...document.querySelectorAll('section, section .wide')]
    .filter((n) => n.scrollWidth > n.clientWidth).map((n) => n.closest('section').innerText)"""
READER = new_key("reader")
WRITER = new_key("app-one")
CONFIG = f"""
baseline = "linguist"
[journal]
prompts = true
[[keys]]
name = "reader"
sha256 = "{READER.sha256}"
scopes = ["read", "route"]
[[keys]]
name = "app-one"
sha256 = "{WRITER.sha256}"
"""


@dataclass
class Seen:
    """A page as the browser showed it, what it said and what it asked for."""

    page: Any
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def busy(router_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with some traffic behind it."""
    folder = tmp_path_factory.mktemp("dashboard")
    headers = {"authorization": f"Bearer {WRITER.key}"}
    with serving() as server:
        pool = pool_toml(server)
        with running(folder, router_folder, pool, CONFIG, headers) as gateway:
            traffic(gateway, server)
            yield gateway


def traffic(gateway: Gateway, server: LoopbackUpstream) -> None:
    for text in (SUM, GERMAN, f"{GERMAN} {SCRIPT}"):
        for _ in range(3):
            assert gateway.chat(text).status == 200
    server.faults = [FAULTS["hang_up_midway"]]
    gateway.chat(SUM, stream=True)
    gateway.records()


@pytest.fixture(scope="module")
def browser(busy: Gateway) -> Iterator[Any]:  # noqa: ARG001 (its loops start before the browser's)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's root has no sandbox
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


def opened(browser: Any, size: tuple[int, int], scheme: str, address: str) -> Seen:
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    found = Seen(context.new_page())
    found.page.on("console", lambda message: found.said.append(message.text))
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    found.page.on("request", lambda asked: found.requests.append(asked.url))
    found.page.goto(address)
    return found


@pytest.fixture(
    scope="module",
    params=[(DESKTOP, "light"), (PHONE, "dark")],
    ids=lambda param: f"{param[0][0]}-{param[1]}",
)
def seen(request: pytest.FixtureRequest, browser: Any, busy: Gateway) -> Iterator[Seen]:
    """The page with a reader's key entered."""
    size, scheme = request.param
    found = opened(browser, size, scheme, f"{busy.url}/dashboard")
    found.page.fill("#key", READER.key)
    found.page.click("#login button")
    found.page.wait_for_selector("#recent tbody tr")
    yield found
    found.page.context.close()


def test_it_shows_what_happened(seen: Seen) -> None:
    text = seen.page.inner_text("#main")
    for words in ("10", "app-one", "coder", "linguist", "saved against always scholar"):
        assert words in text
    assert "saved against always linguist" in text
    assert seen.page.locator("#spend svg rect").count() >= 2
    assert seen.page.locator("#models tbody tr").count() >= 2
    assert "broken" in seen.page.inner_text("#recent")


def test_it_asks_its_own_gateway_and_nothing_else(seen: Seen, busy: Gateway) -> None:
    assert all(url.startswith((busy.url, "data:")) for url in seen.requests)
    # Of the first look without a key; a browser tells of every answer that is no success.
    told = [line for line in seen.said if "401" not in line]
    assert not told


def test_nothing_is_wider_than_the_page(seen: Seen) -> None:
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not seen.page.evaluate(wide)


def test_long_names_and_the_smallest_prices_have_room(browser: Any, busy: Gateway) -> None:
    """As in the README: two local models whose calls cost some 0.00001 USD."""

    def smaller(route: Any) -> None:
        data = route.fetch().json()
        for row in (data["totals"], *data["by_hour"], *data["by_model"], *data["recent"]):
            for name in ("cost_usd", "best_usd", "baseline_usd"):
                if row.get(name):
                    row[name] *= 1.23456e-5 / data["totals"]["requests"]
        for row in data["by_model"]:
            row["model"] = f"smollm2-135m-{row['model']}-fewshot"
        for row in data["recent"]:
            row["prompt"] = "long" * 100
        route.fulfill(json=data)

    found = opened(browser, DESKTOP, "light", f"{busy.url}/dashboard")
    found.page.route("**/dashboard/data*", smaller)
    found.page.fill("#key", READER.key)
    found.page.click("#login button")
    found.page.wait_for_selector("#spend svg text")
    assert found.page.evaluate(OUTSIDE) == []
    found.page.locator("#recent tbody tr.more").first.click()
    found.page.wait_for_selector("#recent td > p")
    assert found.page.evaluate(SCROLLS) == []
    text = found.page.inner_text("#models")
    assert "µ$" in text
    assert "smollm2-135m-" in text
    found.page.context.close()


def test_the_plot_is_whole_and_as_wide_as_its_card(seen: Seen) -> None:
    assert seen.page.evaluate(OUTSIDE) == []
    assert not seen.page.evaluate("byId('spend').scrollWidth > byId('spend').clientWidth")


@pytest.mark.parametrize(
    ("hours", "top"),
    [([0], 0.0), ([0], 1e-7), ([0, 1, 2, 3], 100.0), (list(range(720)), 0.000999)],
    ids=["free", "one", "four", "month"],
)
def test_no_label_of_a_plot_is_cut_or_written_over(
    seen: Seen, hours: list[int], top: float
) -> None:
    rows = [{"hour_s": 3600 * n, "cost_usd": top, "best_usd": top, "requests": 1} for n in hours]
    seen.page.evaluate("(rows) => spend({ always_best: 'scholar', by_hour: rows })", rows)
    assert seen.page.evaluate(OUTSIDE) == []
    places = """() => [...document.querySelectorAll('#spend text')].map((text) => {
        const { left, right, top, bottom } = text.getBoundingClientRect();
        return [left, right, top, bottom];
    })"""
    boxes = seen.page.evaluate(places)
    over = [
        (one, other)
        for number, one in enumerate(boxes)
        for other in boxes[:number]
        if one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
    ]
    assert not over
    assert "e-" not in "".join(seen.page.locator("#spend text").all_text_contents())
    seen.page.evaluate("refresh()")


def test_an_amount_is_written_in_one_way(seen: Seen) -> None:
    amounts = {
        100: "$100.00", 0.99999: "$1.00", 0.25: "$0.25", 0.001: "$0.001", 0.00099999: "$0.001",
        0.000114: "114 µ$", 3.68e-6: "3.68 µ$", 7e-7: "0.7 µ$", 1e-7: "0.1 µ$",
        1e-10: "<0.001 µ$", 1e-17: "$0", 0: "$0", -105.96: "-$105.96", -0.000185: "-185 µ$",
    }  # fmt: skip
    found = seen.page.evaluate("(amounts) => amounts.map(usd)", list(amounts))
    assert [text.replace("\u00a0", " ") for text in found] == list(amounts.values())


def test_a_decision_opens_and_says_why(seen: Seen) -> None:
    seen.page.locator("#recent tbody tr.more").nth(1).click()
    text = seen.page.inner_text("#recent")
    assert "decision " in text
    assert "policy best" in text
    assert "chosen" in text


def test_a_prompt_is_text_and_never_markup(seen: Seen) -> None:
    seen.page.locator("#recent tbody tr.more").nth(2).click()
    assert SCRIPT in seen.page.inner_text("#recent")
    assert seen.page.title() == "finerouter"


def test_a_prompt_can_be_tried(seen: Seen) -> None:
    seen.page.fill("#prompt", SUM)
    seen.page.click("#try button")
    seen.page.wait_for_selector("#tried table")
    text = seen.page.inner_text("#tried")
    assert text.startswith("coder")
    assert "decided in" in text
    seen.page.fill("#prompt", "")
    seen.page.click("#try button")
    seen.page.wait_for_selector("#tried .bad")


def test_a_wrong_key_is_told(browser: Any, busy: Gateway) -> None:
    found = opened(browser, DESKTOP, "light", f"{busy.url}/dashboard")
    found.page.fill("#key", WRITER.key)
    found.page.click("#login button")
    found.page.wait_for_selector("#status:has-text('scope')")
    assert found.page.locator("#main").is_hidden()
    found.page.context.close()


def test_the_page_forbids_what_is_not_its_own(busy: Gateway) -> None:
    answer = busy.get("/dashboard", {"authorization": ""})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert busy.get("/dashboard/data?hours=x").status in (400, 403)

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from finerouter.evaluation import Interval, words
from finerouter.evaluation.report import svg

VALUES = st.floats(-1e6, 1e6, allow_nan=False)
POSITIVE = st.floats(1e-6, 1e6)


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_a_scale_holds_its_values_in_order(values: list[float]) -> None:
    scale = svg.scale_of(values, 10, 110)
    places = [scale(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(10 <= place <= 110 for place in places)
    assert (scale(scale.low), scale(scale.high)) == pytest.approx((10, 110))


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_a_logarithmic_scale_gives_equal_ratios_equal_room(values: list[float]) -> None:
    scale = svg.scale_of(values, 0, 100, log=True)
    low = scale.low
    assert scale(low * 4) - scale(low * 2) == pytest.approx(scale(low * 2) - scale(low), rel=1e-6)
    assert all(-1e-9 <= scale(value) <= 100 + 1e-9 for value in values)


def test_y_grows_downwards() -> None:
    scale = svg.Scale(0, 1, 200, 0)
    assert (scale(0), scale(0.25), scale(1)) == (200, 150, 0)


@given(VALUES, st.floats(1e-3, 1e6))
def test_ticks_are_few_and_inside(low: float, width: float) -> None:
    ticks = svg.round_ticks(low, low + width)
    assert 1 <= len(ticks) <= 7
    slack = 1e-6 * max(abs(low), width)
    assert all(low - slack <= tick <= low + width + slack for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (48, 91, (50, 60, 70, 80, 90)),
        (-3, 2, (-3, -2, -1, 0, 1, 2)),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert svg.round_ticks(low, high) == ticks


def test_logarithmic_ticks() -> None:
    assert svg.log_ticks(0.09, 20) == pytest.approx((0.1, 0.3, 1, 3, 10))
    assert svg.log_ticks(1, 10) == (1, 2, 5, 10)
    assert svg.log_ticks(1e-5, 1e5) == pytest.approx([10.0**at for at in range(-5, 6)])


def test_all_that_is_said_is_escaped() -> None:
    made = svg.tag("text", "<b>", title='"><script>', class_="a & b", gone=None, stroke_width=2.0)
    assert made == (
        '<text title="&#34;&gt;&lt;script&gt;" class="a &amp; b" stroke-width="2">&lt;b&gt;</text>'
    )


@pytest.mark.parametrize("shape", svg.SHAPES)
def test_every_shape_is_drawn_around_its_place(shape: str) -> None:
    made = ElementTree.fromstring(svg.mark(shape, 50, 60, 5, "model", "what it is"))
    assert made.find("title").text == "what it is"
    assert made.get("class") == "model"
    if shape == "circle":
        assert (made.get("cx"), made.get("cy"), made.get("r")) == ("50", "60", "5")
        return
    corners = [tuple(map(float, corner.split(","))) for corner in made.get("points").split()]
    assert min(x for x, _ in corners) < 50 < max(x for x, _ in corners)
    assert min(y for _, y in corners) < 60 < max(y for _, y in corners)


def test_axes_have_a_label_and_a_text_at_every_tick() -> None:
    x, y = svg.Scale(0, 10, 50, 450), svg.Scale(0, 1, 300, 20)
    made = ElementTree.fromstring(svg.axes(x, y, ("cost", "quality"), (str, str)))
    said = [text.text for text in made.iter("text")]
    assert said[-2:] == ["cost", "quality"]
    assert len(said) == len(x.ticks) + len(y.ticks) + 2
    tick = next(text for text in made.iter("text") if text.text == str(x.ticks[1]))
    assert float(tick.get("x")) == pytest.approx(x(x.ticks[1]), abs=0.06)


def test_a_drawing_is_an_image_with_words() -> None:
    made = ElementTree.fromstring(
        svg.drawing(100, 50, "what & where", svg.polyline([(0, 0), (1.26, 2)], "hull"))
    )
    assert (made.get("role"), made.get("aria-label")) == ("img", "what & where")
    assert made.get("viewBox") == "0 0 100 50"
    assert made.find("polyline").get("points") == "0,0 1.3,2"


def test_an_area_runs_there_and_back() -> None:
    made = ElementTree.fromstring(svg.area([(0, 1), (2, 1)], [(0, 3), (2, 3)], "band"))
    assert made.get("points") == "0,1 2,1 2,3 0,3"


def test_a_straightened_line_stays_on_the_line() -> None:
    found = svg.straightened([(0.0, 0.0), (4.0, 2.0), (8.0, 2.0)], pieces=4)
    assert found[0] == (0, 0)
    assert found[4] == (4, 2)
    assert found[-1] == (8, 2)
    assert len(found) == 9
    assert all(y == pytest.approx(min(x / 2, 2)) for x, y in found)
    assert svg.straightened([]) == []


def test_labels_of_marks_side_by_side_do_not_cover_each_other() -> None:
    marks = [(100.0, 100.0), (104.0, 100.0), (100.0, 104.0)]
    found = svg.beside(marks)
    for at, (x, y) in enumerate(found):
        for other_x, other_y in [*found[:at], *found[at + 1 :]]:
            assert abs(x - other_x) >= 13 or abs(y - other_y) >= 13


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (words.points(Interval(0.012, 0.004, 0.02)), "+1.2 [+0.4, +2.0]"),
        (words.points(Interval(0.012, -0.004, 0.02)), "+1.2 [-0.4, +2.0] no difference shown"),
        (words.points(Interval(-0.0001, -0.0001, 0.0)), "0.0 [0.0, 0.0] no difference shown"),
        (words.points(Interval(0.0138, 0.00048, 0.0267)), "+1.38 [+0.05, +2.67]"),
        (words.points(Interval(-0.0138, -0.0267, -0.00004)), "-1.380 [-2.670, -0.004]"),
        (words.points(Interval(0.01, 0.0, 0.02)), "+1.0 [0.0, +2.0] no difference shown"),
        (words.percent(Interval(0.2, 0.004, 0.4)), "20.0% [0.4%, 40.0%]"),
        (words.points(None), "unknown"),
        (words.points(Interval(0.01, float("nan"), float("nan"))), "+1.0"),
        (words.percent(Interval(0.42, 0.18, 0.65)), "42% [18%, 65%]"),
        (words.usd(0.000123), "$0.000123"),
        (words.usd(0.1), "$0.10"),
        (words.usd(0.394), "$0.394"),
        (words.usd(0), "$0.00"),
        (words.usd(1234.5), "$1,234"),
        (words.usd(-2.5), "-$2.50"),
        (words.usd(float("nan")), "unknown"),
        (words.dollars(50.46), "$50"),
        (words.dollars(5.046), "$5.05"),
        (words.score(None), "unknown"),
        (words.share(0.256, 1), "25.6%"),
    ],
)
def test_numbers_in_words(made: str, said: str) -> None:
    assert made == said


@given(low=st.floats(-0.5, 0.5), width=st.floats(0, 0.5), share=st.floats(0, 1))
def test_a_bound_reads_as_zero_only_where_no_difference_is_shown(
    low: float, width: float, share: float
) -> None:
    interval = Interval(low + share * width, low, low + width)
    # Bounds nearer to zero than a millionth of a point are beyond what a page can show.
    assume(interval.holds_zero or min(abs(interval.low), abs(interval.high)) > 1e-8)
    said = words.points(interval)
    bounds = [float(bound) for bound in said[said.index("[") + 1 : said.index("]")].split(", ")]
    assert interval.holds_zero == said.endswith(words.NOTHING_SHOWN)
    if not interval.holds_zero:
        assert 0 not in bounds

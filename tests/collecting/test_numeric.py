"""Which number an answer gives, and what counts as one."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.collecting import Prompt, build_grader
from finerouter.collecting.graders import Given
from finerouter.collecting.graders.numbers import numbers, one_number
from finerouter.collecting.graders.numeric import answer_number
from finerouter.pool import Model

SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def score(reference: str, text: str, spec: str = "numeric") -> float | None:
    async def nobody(model: Model, question: str):
        raise AssertionError(f"{model} was asked {question}")

    grader = build_grader(spec)
    asked = Prompt("p", "How many?", references=(reference,))
    assert grader.lacks(asked) is None
    (grade,) = asyncio.run(grader.grade(asked, [Given(Model("m"), text)], nobody))
    return grade.score


@pytest.mark.parametrize(
    ("reference", "text", "right"),
    [
        ("2", "1/2", 0.0),
        ("0.5", "The answer is 1/2.", 1.0),
        ("18", "18/1", 1.0),
        ("3/4", "0.75", 1.0),
        ("3/4", "It is 6 / 8 of them", 1.0),
        (r"\frac{3}{4}", "3/4", 1.0),
        ("0.75", r"\boxed{\frac{3}{4}}", 1.0),
        ("-0.75", r"so \boxed{-\dfrac{3}{4}}.", 1.0),
        ("0.75", r"so \boxed{\tfrac34}, not 5", 1.0),
        ("3", r"\boxed{\frac{3}{4}}", 0.0),
        ("4", r"\boxed{\frac{\pi}{4}}", 0.0),
        ("2", r"It is \frac{x}{2}", 0.0),
        ("18", r"\boxed{18\text{ apples}}", 1.0),
        ("1000", r"\boxed{1{,}000}", 1.0),
        ("2.5", "2 1/2 cups", 1.0),
        ("2.5", r"$2\frac{1}{2}$", 1.0),
        ("2.5", "2½", 1.0),
        ("3", "Question 2 18/6", 1.0),
        ("2500", "5,000/2", 1.0),
        ("1", "1/0", 0.0),
        ("0", "1/0", 0.0),
    ],
)
def test_a_fraction_is_one_number(reference: str, text: str, right: float) -> None:
    assert score(reference, text) == right


@given(st.integers(-999, 999), st.integers(1, 999))
def test_a_fraction_is_read_however_it_is_written(top: int, bottom: int) -> None:
    value = float(Fraction(top, bottom))
    sign = "-" if top < 0 else ""
    for text in (
        f"{top}/{bottom}",
        f"It is {top} / {bottom}.",
        rf"Answer: $\frac{{{top}}}{{{bottom}}}$",
        rf"\boxed{{{sign}\dfrac{{{abs(top)}}}{{{bottom}}}}}",
    ):
        assert answer_number(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("It was on 24/11/2026.", 2026),
        ("24 / 11 / 2026", 2026),
        ("2026-11-24", 24),
        ("see /v1/2/3", 3),
        ("$1,234.50", 1234.5),
        ("1,234/2,000", 0.617),
        ("50%", 50),
        ("10-12", 12),
        ("1e3", 1000),
        ("so 12 and/or 13", 13),
    ],
)
def test_dates_thousands_and_the_like_are_no_fractions(text: str, value: float) -> None:
    assert answer_number(text) == pytest.approx(value)


def in_words(value: int) -> str:
    if value >= 100:
        hundreds, rest = divmod(value, 100)
        return f"{SMALL[hundreds]} hundred" + (f" and {in_words(rest)}" if rest else "")
    if value < 20:
        return SMALL[value]
    tens, ones = divmod(value, 10)
    return TENS[tens - 2] + (f"-{SMALL[ones]}" if ones else "")


def test_every_number_below_a_thousand_is_read_in_words() -> None:
    for value in range(1000):
        words = in_words(value)
        british, american = words, words.replace(" and ", " ")
        for text in (british, american, words.replace("-", " "), f"There are {words}.".upper()):
            assert answer_number(text) == value
        assert one_number(words.capitalize()) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("There are twenty-five marbles.", 25),
        ("Two hundred", 200),
        ("Twenty", 20),
        ("a hundred and five", 105),
        ("It takes one second.", 1),
        ("five and six", 6),
        ("five, six", 6),
        ("two thousand", None),
        ("one million", None),
        ("twenty-one hundred", None),
        ("nineteen eighty-four", None),
        ("two and a half", None),
        ("two thirds", None),
        ("three-quarters", None),
        ("two dozen", None),
        ("two point five", None),
        ("two hundreds", None),
        ("twenty-first", None),
        ("the hundred and first", None),
        ("sixty-seventh", None),
        ("someone", None),
    ],
)
def test_words_are_read_whole_or_not_at_all(text: str, value: float | None) -> None:
    assert answer_number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("**Answer:** 18. (I checked 3 times.)", 18),
        ("**Answer**: 18 apples, of 20", 18),
        ("The final answer is: 18. It took 3 steps.", 18),
        ("ANSWER: 18 (20 - 2 = 18, checked 3 times)", 18),
        ("7 + 8\n#### 18 (in 3 steps)", 18),
        ("Answer: twenty-five, not seven", 25),
        ("Answer: 1/2, for 1 of 2", 0.5),
        # The last of an expression or a list.
        ("Answer: 9 * 2 = $18 a day", 18),
        ("Answer: 5 apples + 7 apples = 12 apples", 12),
        ("Answer: 12, 7, 64", 64),
        ("Answer: 13, 59 is the largest.", 59),
        ("Answer: between 10-12", 12),
    ],
)
def test_after_a_mark_the_first_number_counts(text: str, value: float) -> None:
    assert answer_number(text) == value


@pytest.mark.parametrize(
    "reference",
    ["50%", "twenty or so", "1/0", r"\frac{\pi}{4}", "3/4/5", "two thousand", "", "inf"],
)
def test_a_reference_that_is_no_one_number_is_refused(reference: str) -> None:
    asked = Prompt("p", "How many?", references=(reference,))
    assert "is no number" in str(build_grader("numeric").lacks(asked))


@pytest.mark.parametrize(
    "reference", ["18", " 18 ", "$18", "+18", "18.", "1.8e1", "eighteen", "36/2", "018"]
)
def test_a_reference_may_be_written_in_many_ways(reference: str) -> None:
    assert score(reference, "It is 18") == 1.0


@given(st.text(alphabet="0123456789/., -½\\frac{}boxedtwenty hundred", max_size=60))
def test_numbers_stand_in_their_order_whatever_the_text_is(text: str) -> None:
    found = numbers(text)
    assert all(one.start < one.end for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    answer_number(text, stated=True)

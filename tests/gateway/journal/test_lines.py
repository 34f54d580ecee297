"""Records and feedback as lines, and back, whatever they hold."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from finerouter.gateway.journal.lines import decoded, feedback_line, record_line
from finerouter.gateway.record import ModelEstimate
from tests.gateway.journal.made import feedback, record


@given(some.lists(some.text(some.characters(exclude_categories=["Cs"]))))
def test_any_text_comes_back(texts: list[str]) -> None:
    records = [record(number, prompt=text, error=text) for number, text in enumerate(texts)]
    lines = [record_line(item) for item in records]
    assert all(line.count(b"\n") == 1 for line in lines)
    assert decoded(lines).records == records


@given(some.integers(0, 2_000))
def test_half_a_line_is_left_out(length: int) -> None:
    line = record_line(record(1))
    found = decoded([record_line(record(0)), line[: min(length, len(line) - 1)]])
    assert found.records == [record(0)]
    assert found.unreadable == 0


@given(some.binary())
def test_rubbish_is_counted(rubbish: bytes) -> None:
    found = decoded([b"r" + rubbish.replace(b"\n", b"") + b"\n", feedback_line(feedback(1))])
    assert (found.unreadable, found.feedback) == (1, [feedback(1)])


def test_half_a_surrogate_pair_is_kept_as_a_question_mark() -> None:
    (found,) = decoded([record_line(record(prompt="a \ud83d b"))]).records
    assert found == record(prompt="a ? b")


def test_a_number_that_json_has_not_costs_its_estimate_alone() -> None:
    bad = ModelEstimate(model="odd", quality=math.nan, quality_std=0.1, cost_usd=math.inf)
    good = ModelEstimate(model="small", quality=0.5, quality_std=0.1, cost_usd=None)
    (found,) = decoded([record_line(record(estimates=(bad, good), cost_usd=math.nan))]).records
    assert found == record(estimates=(good,), cost_usd=None)


def test_numbers_of_numpy_are_numbers() -> None:
    (found,) = decoded([record_line(record(cost_usd=np.float32(0.5)))]).records
    assert found == record(cost_usd=0.5)

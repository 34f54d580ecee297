"""A printed bound reads as zero only where no difference is shown, as in the report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finerouter import OutcomeTable, Router
from finerouter.cli.figures import print_evaluation
from finerouter.evaluation import EvaluationResult, Interval, evaluate, words
from finerouter.evaluation.report.tables import ways_of_choosing


@pytest.fixture(scope="module")
def result(router: Router, table: OutcomeTable) -> EvaluationResult:
    return evaluate(router, table, resamples=100, decisions=0)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (Interval(0.02, 0.0002, 0.04), "+2.00 [+0.02, +4.00]"),
        (Interval(-0.02, -0.04, -0.0004), "-2.00 [-4.00, -0.04]"),
        (Interval(0.02, -0.0002, 0.04), "+2.0 [0.0, +4.0] no difference shown"),
        (Interval(0.02, 0.01, 0.04), "+2.0 [+1.0, +4.0]"),
        (Interval(0.0, 0.0, 0.0), "0.0 [0.0, 0.0] no difference shown"),
        (None, "unknown"),
    ],
)
def test_differences_in_points(interval: Interval | None, said: str) -> None:
    assert words.points(interval) == said


def test_equal_scores_read_alike_on_the_screen_and_on_the_page(result, capsys) -> None:
    single = result.lines[0]
    cheapest = replace(single, kind="cheapest", name="the same model")
    print_evaluation(replace(result, lines=(single, cheapest)))
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    page = ways_of_choosing(replace(result, lines=(single, cheapest))).rows
    assert [row[2] for row in page] == ["-", "0.0 [0.0, 0.0] no difference shown"]
    (equal,) = (line for line in printed if line[:3] == ["the", "same", "model"])
    assert " ".join(equal).endswith(page[1][2])
    assert next(line for line in printed if line[:2] == ["best", "single"])[-1] == "-"


def test_no_difference_that_is_shown_prints_a_bound_of_zero(result, capsys) -> None:
    narrow = Interval(0.013, 0.0004, 0.04)
    headline = replace(
        result.headline, best_quality_gain=narrow, cost_saved=narrow, gap_closed=narrow
    )
    metrics = tuple(
        replace(metric, value=narrow) if metric.difference else metric for metric in result.metrics
    )
    print_evaluation(replace(result, headline=headline, metrics=metrics), ["metrics"])
    printed = capsys.readouterr().out
    assert "[+0.04, +4.00]" in printed
    assert "[0.04%, 4.00%]" in printed
    for zero in ("[+0.0,", "[0.0,", "[0%,", "[0.0%,"):
        assert zero not in printed

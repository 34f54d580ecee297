"""A printed bound reads as zero only where no difference is shown, as in the report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finerouter import OutcomeTable, Router
from finerouter.cli.figures import points, print_evaluation
from finerouter.evaluation import EvaluationResult, Interval, evaluate


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
        (Interval(0.0, 0.0, 0.0), "-"),
        (None, "unknown"),
    ],
)
def test_differences_in_points(interval: Interval | None, said: str) -> None:
    assert points(interval) == said


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

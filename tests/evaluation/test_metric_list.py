"""Published figures by hand: on which means they are, and which say that nothing is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.evaluation import Interval, words
from finerouter.evaluation.judging import Judged, judge
from finerouter.evaluation.metric_list import metric_list
from finerouter.evaluation.resampled import resample
from finerouter.evaluation.result import Metric

# Of the first benchmark every prompt is kept, of the others one in so many.
FEW = 10


@pytest.fixture(scope="module")
def uneven(router: Router, held_out: OutcomeTable) -> Judged:
    names = np.array(held_out.benchmarks)
    first = names == names[0]
    kept = first | (np.arange(len(names)) % FEW == 0)
    return judge(router, held_out.rows(np.flatnonzero(kept)))


def figures(judged: Judged, resamples: int = 100) -> dict[str, Metric]:
    found = resample(judged, resamples=resamples, seed=0)
    return {metric.key: metric for metric in metric_list(found, task_accuracy=None, abstained=0)}


def over_benchmarks(judged: Judged, values: np.ndarray) -> np.ndarray:
    names = np.array(judged.outcomes.benchmarks)
    return np.mean([values[names == name].mean(axis=0) for name in np.unique(names)], axis=0)


def test_the_figures_of_llmrouterbench_are_on_means_over_benchmarks(uneven: Judged) -> None:
    score = {way.kind: over_benchmarks(uneven, way.score) for way in uneven.ways}
    single, router = score["best single"], score["router"]
    points = over_benchmarks(uneven, uneven.point_score)
    cost = uneven.point_cost_usd.mean(axis=0)
    least = cost[points >= single - 1e-12].min()
    by_hand = {
        "gain_random": router / score["random"] - 1,
        "gain_best_single": router / single - 1,
        "gap_to_oracle": 1 - router / score["oracle"],
        "perf_gain": points.max() / single - 1,
        "cost_save": 1 - least / uneven.ways[0].cost_usd.mean(),
    }
    found = figures(uneven)
    for key, value in by_hand.items():
        assert found[key].value.value == pytest.approx(value), key
        assert found[key].note.startswith("over benchmarks")
    gap = found["quality"].value.value - found["benchmark_quality"].value.value
    assert abs(gap) > 0.01  # or nothing were told apart


def test_without_benchmarks_they_are_on_means_over_prompts(uneven: Judged) -> None:
    nameless = replace(uneven, outcomes=replace(uneven.outcomes, benchmarks=None))
    score = {way.kind: way.score.mean() for way in nameless.ways}
    found = figures(nameless)
    gain = score["router"] / score["random"] - 1
    assert found["gain_random"].value.value == pytest.approx(gain)
    for key in ("gain_random", "gain_best_single", "gap_to_oracle", "perf_gain", "cost_save"):
        assert found[key].note.startswith("over prompts: the data names no benchmarks"), key


def test_a_single_model_that_lacks_a_benchmark_leaves_its_figures_unknown(uneven: Judged) -> None:
    way = uneven.ways[0]
    lacking = np.array(uneven.outcomes.benchmarks) == uneven.outcomes.benchmarks[-1]
    holed = replace(way, score=np.where(lacking, np.nan, way.score))
    found = figures(replace(uneven, ways=(holed, *uneven.ways[1:])))
    for key in ("gain_best_single", "perf_gain", "cost_save", "benchmark_gain"):
        assert found[key].value is None
        assert "no outcome in some benchmark" in found[key].note
    assert found["gain_random"].value is not None


DIFFERENCES = {
    "benchmark_gain", "gain_random", "gain_best_single", "gap_to_oracle", "gap_closed",
    "oracle_gap_closed", "perf_gain", "best_on_curve_gain", "cost_save", "aiq_gain",
    "half_cost_gain", "quarter_cost_gain",
}  # fmt: skip


def test_a_difference_whose_interval_holds_zero_says_that_none_is_shown(uneven: Judged) -> None:
    found = figures(uneven)
    assert {key for key, metric in found.items() if metric.difference} == DIFFERENCES
    for key in DIFFERENCES:
        unsure = replace(found[key], value=Interval(0.01, -0.02, 0.04))
        assert words.metric(unsure).endswith(words.NOTHING_SHOWN)


def test_figures_of_two_models_have_paired_intervals(uneven: Judged) -> None:
    found = figures(uneven, resamples=200)
    parts = [found[f"cpt_{part}"].value for part in (20, 50, 80)]
    assert parts[0].value <= parts[1].value <= parts[2].value
    for interval in (found["apgr"].value, *parts):
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert found["apgr"].value.low < found["apgr"].value.high


def test_without_a_gap_between_two_models_their_figures_have_no_interval(
    router: Router, held_out: OutcomeTable
) -> None:
    # Both score alike but for one prompt, which a third of the resamples lack.
    judged = judge(router, held_out)
    score = judged.outcomes.score.copy()
    weak = int(judged.costs.filled.mean(axis=0).argmin())
    score[:, weak] = score[:, judged.best_single] = 0.0
    score[0, judged.best_single] = 1.0
    found = figures(replace(judged, outcomes=replace(judged.outcomes, score=score)))
    for key in ("apgr", "cpt_20", "cpt_80"):
        assert np.isfinite(found[key].value.value)
        assert np.isnan(found[key].value.low)
        assert "no difference between these two is shown" in found[key].note

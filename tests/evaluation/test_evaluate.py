from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.errors import DataError
from finerouter.evaluation import EvaluationResult, evaluate


def line_of(result: EvaluationResult, start: str):
    (line,) = (line for line in result.lines if line.name.startswith(start))
    return line


def judged(router: Router, held_out: OutcomeTable, **changes) -> EvaluationResult:
    return evaluate(router, replace(held_out, **changes), resamples=200, decisions=0)


@pytest.fixture(scope="module")
def result(router: Router, held_out: OutcomeTable) -> EvaluationResult:
    return evaluate(router, held_out, resamples=300, decisions=0)


def test_a_router_that_is_clearly_better_shows_it(result) -> None:
    assert result.headline.best_quality_gain.low > 0
    assert not result.headline.best_quality_gain.holds_zero
    gain = line_of(result, "router, best quality").against_best_single
    assert gain.value > 0.15
    assert gain.low > 0
    assert result.headline.cost_saved.low > 0.3
    assert result.headline.mean_quality_gain.low > 0


def test_every_way_of_choosing_has_its_line(result, held_out) -> None:
    names = [line.name for line in result.lines]
    assert names[0] == "best single (scholar)" == f"best single ({result.best_single})"
    assert "cheapest (tiny)" in names
    assert [name.split()[0] for name in names] == [
        "best",
        "cheapest",
        "random",
        "best",
        "router,",
        "router,",
        "oracle",
    ]
    single = line_of(result, "best single")
    assert single.quality.value == pytest.approx(held_out.score[:, 2].mean())
    assert single.cost_per_1k_usd.value == pytest.approx(1_000 * held_out.cost_usd[:, 2].mean())
    assert single.against_best_single.value == 0
    oracle = line_of(result, "oracle")
    assert oracle.quality.value == pytest.approx(held_out.score.max(axis=1).mean())
    random = line_of(result, "random")
    assert random.quality.value == pytest.approx(held_out.score.mean())
    assert random.cost_per_1k_usd.value == pytest.approx(1_000 * held_out.cost_usd.mean())


def test_nobody_beats_the_oracle_and_intervals_hold_their_value(result) -> None:
    top = line_of(result, "oracle").quality.value
    for line in result.lines:
        assert line.quality.value <= top
        for interval in (line.quality, line.against_best_single):
            assert interval.low <= interval.value <= interval.high


def test_the_balanced_line_spends_less_than_the_best_quality_one(result) -> None:
    balanced = line_of(result, "router, balanced")
    spent = balanced.cost_per_1k_usd.value
    assert spent < line_of(result, "router, best quality").cost_per_1k_usd.value
    assert spent < line_of(result, "best single").cost_per_1k_usd.value


def test_the_cost_weight_for_the_saving_is_of_the_cheapest_point_that_reaches(result) -> None:
    single = line_of(result, "best single").quality.value
    reaching = [point for point in result.curve.points if point.quality >= single]
    found = next(
        point
        for point in result.curve.points
        if point.cost_weight == pytest.approx(result.saving_cost_weight)
    )
    assert found.quality >= single
    assert found.cost_per_1k_usd == min(point.cost_per_1k_usd for point in reaching)


def test_an_evaluation_written_before_there_was_that_weight_can_be_read(result) -> None:
    record = result.to_json()
    assert EvaluationResult.from_json(record).saving_cost_weight == result.saving_cost_weight
    del record["saving_cost_weight"]
    assert EvaluationResult.from_json(record).saving_cost_weight is None


def test_the_curve_begins_at_the_best_quality(result) -> None:
    first, qualities = result.curve.points[0], [point.quality for point in result.curve.points]
    line = line_of(result, "router, best quality")
    assert first.cost_weight == 0
    assert first.quality == pytest.approx(line.quality.value)
    assert first.cost_per_1k_usd == pytest.approx(line.cost_per_1k_usd.value)
    assert max(qualities) - line_of(result, "best single").quality.value == pytest.approx(
        result.metric("best_on_curve_gain").value.value
    )


def test_shares_and_calibration_are_per_model(result, held_out) -> None:
    assert tuple(model.model for model in result.models) == held_out.models
    assert sum(model.share for model in result.models) == pytest.approx(1.0)
    assert sum(model.balanced_share for model in result.models) == pytest.approx(1.0)
    assert all(0 < model.brier < 0.3 for model in result.models)
    assert all(0 < model.calibration_error < 0.2 for model in result.models)
    for model in result.models:
        assert sum(part.prompts for part in model.bins) == len(held_out)
    assert 0 <= result.abstained < 0.2
    assert result.data.prompts == len(held_out)


def test_the_result_is_json_without_nan(router, held_out, result) -> None:
    text = json.dumps(result.to_json(), allow_nan=False)
    assert json.loads(text)["best_single"] == "scholar"
    unknown = np.full(held_out.score.shape, np.nan)
    blind = judged(router, held_out, cost_usd=unknown, output_tokens=unknown)
    lines = json.loads(json.dumps(blind.to_json(), allow_nan=False))["lines"]
    assert all(line["cost_per_1k_usd"] is None for line in lines)


def test_the_same_seed_gives_the_same_intervals(router, held_out, result) -> None:
    assert evaluate(router, held_out, resamples=300, decisions=0).to_json() == result.to_json()
    other = evaluate(router, held_out, resamples=300, seed=1)
    assert other.headline.best_quality_gain.value == result.headline.best_quality_gain.value
    assert other.headline.best_quality_gain != result.headline.best_quality_gain


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_where_all_scores_are_equal_no_difference_is_shown(router, held_out, score: float) -> None:
    same = judged(router, held_out, score=np.full_like(held_out.score, score))
    for line in same.lines:
        assert line.quality.value == score
        assert line.against_best_single.holds_zero
    assert same.headline.best_quality_gain.value == 0
    assert same.headline.best_quality_gain.holds_zero
    assert same.headline.cost_saved.value > 0.9


def test_without_known_costs_quality_is_still_judged(router, held_out, result) -> None:
    unknown = np.full(held_out.score.shape, np.nan)
    blind = judged(router, held_out, cost_usd=unknown, input_tokens=unknown, output_tokens=unknown)
    assert blind.headline.cost_saved is None
    assert blind.headline.mean_quality_gain is None
    assert all(line.cost_per_1k_usd is None for line in blind.lines)
    found = line_of(blind, "router, best quality").quality.value
    assert found == pytest.approx(line_of(result, "router, best quality").quality.value)


def test_a_router_without_costs_is_judged_by_quality(router, held_out) -> None:
    blank = {
        name: np.full_like(array, np.nan)
        for name, array in router.cost.to_tensors().items()
        if not name.endswith("exponent")
    }
    blind = replace(
        router, cost=type(router.cost).from_tensors({**router.cost.to_tensors(), **blank})
    )
    found = evaluate(blind, held_out, resamples=100)
    assert found.headline.best_quality_gain.low > 0


def test_one_model_without_known_cost_is_judged(router, held_out) -> None:
    cost, tokens = held_out.cost_usd.copy(), held_out.output_tokens.copy()
    cost[:, 0] = tokens[:, 0] = np.nan
    found = judged(router, held_out, cost_usd=cost, output_tokens=tokens)
    assert not found.data.costs_known
    assert all(line.cost_per_1k_usd is None for line in found.lines)
    assert line_of(found, "router, best quality").quality.value > 0.7


def test_calls_that_cost_nothing_save_nothing(router, held_out) -> None:
    free = judged(router, held_out, cost_usd=np.zeros_like(held_out.cost_usd))
    assert free.headline.cost_saved is None
    assert line_of(free, "best single").cost_per_1k_usd.value == 0


def test_gaps_favour_nobody(router, held_out) -> None:
    missing = np.random.default_rng(0).uniform(size=held_out.score.shape) < 0.4
    sparse = judged(router, held_out, score=np.where(missing, np.nan, held_out.score))
    single = line_of(sparse, "best single")
    observed = np.where(missing, np.nan, held_out.score)[:, 2]
    kept = ~missing.all(axis=1)
    assert sparse.data.prompts == kept.sum()
    assert single.quality.value == pytest.approx(np.nanmean(observed[kept]))
    assert np.isfinite([line.quality.value for line in sparse.lines]).all()


def test_columns_are_matched_by_name(router, held_out, result) -> None:
    shuffled = held_out.select_models(["tiny", "scholar", "coder", "linguist"])
    assert evaluate(router, shuffled, resamples=300, decisions=0).to_json() == result.to_json()


def test_a_model_without_a_column_is_refused(router, held_out) -> None:
    with pytest.raises(DataError, match="no model 'tiny'"):
        evaluate(router, held_out.select_models(["coder", "linguist", "scholar"]))


def test_a_model_without_an_outcome_is_refused(router, held_out) -> None:
    score = held_out.score.copy()
    score[:, 1] = np.nan
    with pytest.raises(DataError, match="linguist"):
        judged(router, held_out, score=score)


def test_too_few_prompts_are_refused(router, held_out) -> None:
    with pytest.raises(DataError, match="19 held-out prompts are too few"):
        evaluate(router, held_out.rows(range(19)))
    assert evaluate(router, held_out.rows(range(20)), resamples=100).data.prompts == 20

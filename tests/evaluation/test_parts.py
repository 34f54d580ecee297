"""The parts of an evaluation: flips, latency, map, tables, files, what changed."""

from __future__ import annotations

import csv
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter import OutcomeTable, Router
from finerouter.errors import DataError, OutputError
from finerouter.evaluation import (
    EvaluationResult,
    Interval,
    compare,
    evaluate,
    write_csv,
    write_predictions,
)
from finerouter.evaluation.records import to_record
from finerouter.evaluation.robustness import PERTURBATIONS
from finerouter.evaluation.tables import excerpt, wilson
from finerouter.evaluation.task_map import task_map
from finerouter.prompt import folded
from finerouter.quality.calibration import calibration_bins, expected_calibration_error
from finerouter.training import train
from tests import synthetic


@pytest.fixture(scope="module")
def result(router: Router, table: OutcomeTable) -> EvaluationResult:
    return evaluate(router, table, resamples=200, decisions=20)


# Robustness and latency


@given(st.text(max_size=80), st.integers(0, 99))
def test_perturbations_keep_the_letters_in_their_words(text: str, seed: int) -> None:
    for name in ("lower case", "white space", "typing mistakes"):
        changed = PERTURBATIONS[name](text, np.random.default_rng(seed))
        assert sorted(folded(changed.replace(" ", ""))) == sorted(folded(text.replace(" ", "")))
    assert PERTURBATIONS["system prompt before"](text, np.random.default_rng(0)).endswith(text)
    assert PERTURBATIONS["boilerplate behind"](text, np.random.default_rng(0)).startswith(text)


def test_a_typing_mistake_is_made_where_there_is_a_word_for_it() -> None:
    text = "Translate this sentence into German, please."
    assert PERTURBATIONS["typing mistakes"](text, np.random.default_rng(1)) != text
    assert PERTURBATIONS["typing mistakes"]("2 + 3 = ?", np.random.default_rng(1)) == "2 + 3 = ?"


def test_every_perturbation_has_its_rate_at_both_dials(result) -> None:
    assert {rate.perturbation for rate in result.flip_rates} == set(PERTURBATIONS)
    assert {rate.cost_weight for rate in result.flip_rates} == {
        0.0,
        result.router.balanced_cost_weight,
    }
    for rate in result.flip_rates:
        assert 0 <= rate.flips.low <= rate.flips.value <= rate.flips.high <= 1
        assert abs(rate.quality_change.value) <= rate.flips.value
    case = [rate.flips.value for rate in result.flip_rates if rate.perturbation == "lower case"]
    assert max(case) < 0.5


class Capricious:
    """A router whose decision follows from the first character alone."""

    def __init__(self, router: Router) -> None:
        self.router = router

    def __getattr__(self, name: str):
        return getattr(self.router, name)

    def estimate(self, prompts):
        estimate = self.router.estimate(prompts)
        upper = np.array([text[:1].isupper() for text in prompts])
        quality = np.where(upper[:, None], np.eye(4)[0], np.eye(4)[3])
        return replace(estimate, quality=quality)


def test_a_router_that_hangs_on_case_is_found_out(router, held_out) -> None:
    found = evaluate(Capricious(router), held_out, resamples=100, decisions=0)
    rates = {
        rate.perturbation: rate.flips.value for rate in found.flip_rates if rate.cost_weight == 0
    }
    started_upper = np.mean([text[0].isupper() for text in held_out.prompts])
    assert rates["lower case"] == pytest.approx(started_upper)
    assert rates["upper case"] == pytest.approx(1 - started_upper)
    assert rates["boilerplate behind"] == 0
    assert rates["white space"] == pytest.approx(started_upper)


def test_latency_is_measured_on_as_many_decisions_as_asked(result) -> None:
    assert result.latency.decisions == 20
    assert 0 < result.latency.p50_ms <= result.latency.p99_ms < 1_000
    assert result.latency.batch_prompts_per_s > 10


# Map and tables


def test_tasks_lie_apart_on_the_map(result) -> None:
    place = np.array([[row.x, row.y] for row in result.prompts])
    kinds = np.array([row.benchmark for row in result.prompts])
    within = np.mean([place[kinds == kind].var(axis=0).sum() for kind in synthetic.KINDS])
    assert within < 0.5 * place.var(axis=0).sum()
    assert np.square(place).mean() == pytest.approx(1.0)


@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_the_map_takes_any_number_of_tasks(tasks: int) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(40, 6)).astype(np.float32)
    probs = np.eye(tasks)[random.integers(0, tasks, 40)]
    found = task_map(rows, probs)
    assert found.shape == (40, 2)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, task_map(rows, probs))
    assert np.isfinite(task_map(np.ones((5, 3), np.float32), np.ones((5, 1)))).all()


def test_tables_add_up(result, held_out) -> None:
    assert sum(task.prompts for task in result.tasks) == len(held_out)
    assert sum(row.prompts for row in result.benchmarks) == len(held_out)
    for task in result.tasks:
        assert sum(model.share for model in task.models) == pytest.approx(1.0)
        assert task.oracle >= max(task.router, task.balanced, task.best_single) - 1e-12
    for name in ("router", "balanced", "best_single"):
        whole = sum(getattr(task, name) * task.share for task in result.tasks)
        kind = {"best_single": "best single"}.get(name, name)
        assert whole == pytest.approx(result.line(kind).quality.value)
    shares = {model.model: model.share for model in result.models}
    for name, share in shares.items():
        assert share == pytest.approx(np.mean([row.model == name for row in result.prompts]))


def test_regrets_are_real_and_worst_first(result, held_out) -> None:
    number = {name: at for at, name in enumerate(held_out.prompt_ids)}
    lost = [regret.regret for regret in result.regrets]
    assert lost == sorted(lost, reverse=True)
    for regret in result.regrets:
        score = held_out.score[number[regret.prompt_id]]
        assert regret.chosen_score == score[held_out.models.index(regret.chosen)]
        assert regret.best_score == score.max() > regret.chosen_score
        assert regret.better_models == (score > regret.chosen_score).sum()
        assert regret.reason


@given(st.floats(0, 1), st.integers(1, 2_000))
def test_wilsons_interval_holds_the_share_and_stays_in_range(share: float, count: int) -> None:
    low, high = wilson(share, count)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
    assert high > low


def test_wilsons_interval_by_the_book() -> None:
    low, high = wilson(0.0, 10)
    assert (low, high) == (0.0, pytest.approx(0.2775, abs=1e-3))


def test_bins_are_what_the_calibration_error_is_made_of() -> None:
    random = np.random.default_rng(0)
    quality = random.uniform(size=101)
    score = np.where(random.uniform(size=101) < 0.1, np.nan, random.uniform(size=101))
    bins = calibration_bins(quality, score)
    count = sum(len(part) for _, part in bins)
    assert count == (~np.isnan(score)).sum()
    by_hand = sum(abs(part.mean() - estimate) * len(part) for estimate, part in bins) / count
    assert by_hand == pytest.approx(expected_calibration_error(quality[:, None], score[:, None])[0])


def test_an_excerpt_is_one_short_line() -> None:
    assert excerpt("a\n  b") == "a b"
    assert len(excerpt("word " * 200)) == 200


# Files


def test_a_result_is_read_back_as_it_was(result) -> None:
    text = json.dumps(result.to_json(), allow_nan=False)
    again = EvaluationResult.from_json(json.loads(text))
    assert again.to_json() == result.to_json()
    assert again.headline == result.headline
    assert again.tasks == result.tasks
    assert again.prompts == result.prompts


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda record: record.pop("format"), "not an evaluation of format 1"),
        (lambda record: record.update(format=2), "found 2"),
        (lambda record: record.pop("lines"), "not a whole evaluation"),
        (lambda record: record.update(seed="zero"), "not a whole evaluation"),
        (lambda record: record["headline"].update(quality_gain=3), "not a whole evaluation"),
    ],
)
def test_what_is_no_evaluation_is_refused(result, change, told: str) -> None:
    record = json.loads(json.dumps(result.to_json()))
    change(record)
    with pytest.raises(DataError, match=told):
        EvaluationResult.from_json(record)


def test_unknown_numbers_are_null_in_json() -> None:
    assert to_record({"a": (float("nan"), float("inf"), 1.0, None, "x")}) == {
        "a": [None, None, 1.0, None, "x"]
    }


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_table_is_a_csv_file(result, tmp_path: Path) -> None:
    write_csv(result, tmp_path / "out")
    write_csv(result, tmp_path / "out")  # over an earlier one
    lines = rows_of(tmp_path / "out" / "lines.csv")
    assert [row["kind"] for row in lines] == [line.kind for line in result.lines]
    first = lines[4]
    assert float(first["quality_low"]) == pytest.approx(result.lines[4].quality.low)
    assert lines[0]["cost_weight"] == ""
    assert len(rows_of(tmp_path / "out" / "prompts.csv")) == result.data.prompts
    figures = {row["figure"] for row in rows_of(tmp_path / "out" / "headline.csv")}
    assert figures == {item.name for item in fields(result.headline)}
    for name in ("metrics", "benchmarks", "tasks", "task_models", "models", "calibration", "curve",
                 "hull", "band", "single_models", "flip_rates", "regrets", "latency"):  # fmt: skip
        assert rows_of(tmp_path / "out" / f"{name}.csv")


def headers(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8").splitlines()[0] for path in folder.iterdir()}


def test_an_empty_table_has_the_header_of_a_full_one(result, tmp_path: Path) -> None:
    nothing = replace(
        result,
        notes=(),
        benchmarks=(),
        tasks=(),
        metrics=(),
        curve=None,
        regrets=(),
        flip_rates=(),
        latency=None,
        prompts=(),
        models=(),
    )
    write_csv(result, tmp_path / "full")
    write_csv(nothing, tmp_path / "empty")
    assert headers(tmp_path / "empty") == headers(tmp_path / "full")
    assert headers(tmp_path / "empty")["notes.csv"] == "note"
    assert headers(tmp_path / "empty")["calibration.csv"].startswith("model,prompts,quality")


def test_a_column_of_intervals_has_its_bounds_where_none_is_known(result, tmp_path: Path) -> None:
    unknown = replace(
        result, benchmarks=tuple(replace(one, gain=None) for one in result.benchmarks)
    )
    write_csv(unknown, tmp_path / "out")
    row = rows_of(tmp_path / "out" / "benchmarks.csv")[0]
    assert (row["gain"], row["gain_low"], row["gain_high"]) == ("", "", "")


def test_csv_replaces_nothing_else(result, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("years of work")
    with pytest.raises(OutputError):
        write_csv(result, tmp_path / "out")


@pytest.mark.parametrize("balanced", [False, True])
def test_predictions_are_in_the_arenas_format(
    result, table: OutcomeTable, tmp_path: Path, balanced: bool
) -> None:
    write_predictions(result, table, tmp_path / "p.json", balanced=balanced)
    records = json.loads((tmp_path / "p.json").read_text("utf-8"))
    assert len(records) == result.data.prompts
    assert set(records[0]) == {
        "global index",
        "prompt",
        "prediction",
        "generated_result",
        "cost",
        "accuracy",
        "for_optimality",
    }
    text = dict(zip(table.prompt_ids, table.prompts, strict=True))
    for record, row in zip(records, result.prompts, strict=True):
        assert record["prompt"] == text[record["global index"]]
        assert record["prediction"] == (row.balanced_model if balanced else row.model)
    kind = "balanced" if balanced else "router"
    assert np.mean([record["accuracy"] for record in records]) == pytest.approx(
        result.line(kind).quality.value
    )


# Changes


def test_nothing_changed_against_itself(result) -> None:
    found = compare(result, result, resamples=100)
    assert found.shared_prompts == result.data.prompts
    assert found.quality == Interval(0.0, 0.0, 0.0)
    assert found.cost_per_1k_usd == Interval(0.0, 0.0, 0.0)
    assert found.moved == found.balanced_moved == 0
    assert found.same_data
    assert found.same_training
    assert found.models_added == found.models_removed == found.tasks_added == ()
    assert all(figure.before == figure.after for figure in found.figures)


def test_a_router_without_its_best_model_shows_what_was_lost(result, fit, held_out) -> None:
    names = ["linguist", "scholar", "tiny"]
    poorer = train(fit.select_models(names), synthetic.QUICK)
    later = evaluate(poorer, held_out, resamples=200, decisions=0)
    found = compare(later, result)
    assert found.models_removed == ("coder",)
    assert found.shared_prompts == result.data.prompts
    assert found.quality.high < 0
    assert found.moved > 0.3
    assert not found.same_training
    by_hand = np.mean([row.score for row in later.prompts]) - np.mean(
        [row.score for row in result.prompts]
    )
    assert found.quality.value == pytest.approx(by_hand)


def test_evaluations_of_other_prompts_are_compared_by_their_figures_alone(result) -> None:
    other = replace(
        result, prompts=tuple(replace(row, prompt_id=f"x{row.prompt_id}") for row in result.prompts)
    )
    found = compare(result, other)
    assert found.shared_prompts == 0
    assert found.quality is None
    assert found.moved is None
    assert len(found.figures) == len(fields(result.headline))

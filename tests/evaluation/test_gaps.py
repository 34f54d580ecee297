"""Missing outcomes and unknown costs: nothing is known of them, and intervals say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.cli.figures import SECTIONS, print_evaluation
from finerouter.evaluation import EvaluationResult, compare, evaluate, write_csv, write_report
from finerouter.evaluation.judging import judge
from finerouter.evaluation.metric_list import metric_list
from finerouter.evaluation.resampled import interval, resample
from tests import synthetic

TINY = synthetic.POOL.names.index("tiny")
SCHOLAR = synthetic.POOL.names.index("scholar")  # the best single model of the tests' router


def judged(router: Router, table: OutcomeTable) -> EvaluationResult:
    return evaluate(router, table, resamples=200, decisions=0)


def seen_on(table: OutcomeTable, model: int, prompts: int, seed: int = 0) -> OutcomeTable:
    """The table with outcomes of one model on so many prompts only."""
    gaps = np.random.default_rng(seed).permutation(len(table))[prompts:]
    blank = {name: getattr(table, name).copy() for name in ("score", "cost_usd", "output_tokens")}
    for values in blank.values():
        values[gaps, model] = np.nan
    return replace(table, **blank)


def one_model_a_prompt(table: OutcomeTable) -> OutcomeTable:
    """As a log would have it."""
    asked = np.arange(len(table)) % len(table.models)
    gaps = np.arange(len(table.models)) != asked[:, None]
    return replace(table, score=np.where(gaps, np.nan, table.score))


@pytest.mark.parametrize("prompts", [50, 100, 400])
def test_an_interval_is_as_wide_as_the_outcomes_are_few(router: Router, prompts: int) -> None:
    table = seen_on(synthetic.outcomes(1_000, seed=5), TINY, prompts)
    result = evaluate(router, table, resamples=400, decisions=0, force=True)
    found = result.models[TINY].quality
    share = np.nanmean(table.score[:, TINY])
    assert found.value == pytest.approx(share)
    right = 1.96 * np.sqrt(share * (1 - share) / prompts)
    assert (found.high - found.low) / 2 == pytest.approx(right, rel=0.15)


def test_equal_models_seldom_differ_however_few_prompts_one_was_asked(router: Router) -> None:
    table = synthetic.outcomes(400, seed=5)
    base = judge(router, table)
    differ = 0
    for trial in range(40):
        score = (np.random.default_rng(trial).uniform(size=table.score.shape) < 0.5) * 1.0
        outcomes = seen_on(replace(table, score=score), TINY, 40, seed=trial)
        found = resample(replace(base, outcomes=outcomes), resamples=100, seed=trial)
        gap = found.model_score[:, TINY] - found.model_score[:, SCHOLAR]
        differ += not interval(gap).holds_zero
    assert differ / 40 <= 0.15  # 5 % is right


def test_a_benchmark_without_an_outcome_of_the_best_single_model_has_no_figure_of_it(
    router, held_out, capsys, tmp_path
) -> None:
    code = np.array(held_out.benchmarks) == "code"
    score, usd = held_out.score.copy(), held_out.cost_usd.copy()
    tokens = held_out.output_tokens.copy()
    for values in (score, usd, tokens):
        values[code, SCHOLAR] = np.nan
    result = judged(router, replace(held_out, score=score, cost_usd=usd, output_tokens=tokens))
    assert result.best_single == "scholar"
    row = next(row for row in result.benchmarks if row.benchmark == "code")
    assert (row.best_single, row.gain, row.best_single_cost_per_1k_usd) == (None, None, None)
    assert row.router > 0.5
    assert result.line("best single").benchmark_quality is None
    assert result.line("router").benchmark_quality is not None
    assert result.metric("benchmark_gain").note.startswith("the best single model has no outcome")
    task = next(task for task in result.tasks if task.best_single is None)
    assert task.gain is None
    blank = [row for row in result.prompts if row.benchmark == "code"]
    assert {row.best_single_score for row in blank} == {None}
    print_evaluation(result, list(SECTIONS))
    assert "nan" not in capsys.readouterr().out
    write_report(result, tmp_path / "page.html")
    write_csv(result, tmp_path / "tables")
    assert EvaluationResult.from_json(result.to_json()).to_json() == result.to_json()


def test_few_outcomes_of_a_task_make_no_interval(router, held_out) -> None:
    result = judged(router, seen_on(held_out, SCHOLAR, 60))
    whole = judged(router, held_out)
    assert any(task.gain is not None for task in whole.tasks)
    for task in result.tasks:
        (model,) = (model for model in task.models if model.model == "scholar")
        assert (task.gain is None) == (model.outcomes < 20)


def test_the_best_of_each_benchmark_is_not_watered_down_by_gaps(router, held_out) -> None:
    whole = judged(router, held_out).line("per benchmark").quality.value
    gaps = np.random.default_rng(0).uniform(size=held_out.score.shape) < 0.4
    gappy = replace(held_out, score=np.where(gaps, np.nan, held_out.score))
    assert judged(router, gappy).line("per benchmark").quality.value == pytest.approx(
        whole, abs=0.06
    )


def test_one_model_a_prompt_is_judged(router, held_out) -> None:
    result = judged(router, one_model_a_prompt(held_out))
    assert result.line("router").quality.value == pytest.approx(
        np.nanmean(one_model_a_prompt(held_out).score)
    )
    assert any("missing" in note for note in result.notes)
    for line in result.lines:
        assert np.isfinite([line.quality.value, line.quality.low, line.quality.high]).all()


def test_how_often_another_model_stands_in_for_the_routers_choice_is_said(router, held_out) -> None:
    said = "the model that the router thinks best has no outcome"
    free = [row.model for row in judged(router, held_out).prompts]
    log = one_model_a_prompt(held_out)
    result = judged(router, log)
    replaced = np.mean([name != row.model for name, row in zip(free, result.prompts, strict=True)])
    assert replaced > 0.5
    assert any(note.startswith(f"on {replaced:.1%} of") and said in note for note in result.notes)
    assert not any(said in note for note in judged(router, held_out).notes)


def test_hardly_any_outcome_of_a_model_is_noted(router, held_out) -> None:
    result = judged(router, seen_on(held_out, TINY, 1))
    assert any("fewer than 20 outcomes of tiny" in note for note in result.notes)
    assert result.models[TINY].quality.value in (0.0, 1.0)
    assert not any("fewer than 20 outcomes" in note for note in judged(router, held_out).notes)


# Decisions


def test_flips_are_counted_among_all_models(router, held_out) -> None:
    whole, log = judged(router, held_out), judged(router, one_model_a_prompt(held_out))
    for each, again in zip(whole.flip_rates, log.flip_rates, strict=True):
        assert again.flips == each.flips
        assert again.task_flips == each.task_flips
    assert max(rate.flips.value for rate in log.flip_rates) > 0
    assert all(rate.quality_change is None for rate in log.flip_rates if rate.flips.value > 0)


def test_the_change_that_flips_bring_is_that_of_the_flips_that_are_known(router, held_out) -> None:
    gaps = np.random.default_rng(3).uniform(size=held_out.score.shape) < 0.3
    gaps[:, 0] = False
    gappy = judged(router, replace(held_out, score=np.where(gaps, np.nan, held_out.score)))
    for rate, whole in zip(gappy.flip_rates, judged(router, held_out).flip_rates, strict=True):
        if rate.quality_change is not None:
            assert abs(rate.quality_change.value) <= rate.flips.value + 1e-12
            assert rate.quality_change.value == pytest.approx(
                whole.quality_change.value, abs=0.5 * rate.flips.value + 1e-12
            )


# Costs


def test_a_saving_is_no_surer_than_the_costs_it_is_made_of(router, held_out) -> None:
    usd, tokens = held_out.cost_usd.copy(), held_out.output_tokens.copy()
    few = np.random.default_rng(0).permutation(len(held_out))[15:]
    usd[few, SCHOLAR] = tokens[few, SCHOLAR] = np.nan
    some = judged(router, replace(held_out, cost_usd=usd, output_tokens=tokens))
    sure, unsure = (
        result.line("best single").cost_per_1k_usd for result in (judged(router, held_out), some)
    )
    assert unsure.high - unsure.low > 2 * (sure.high - sure.low)
    assert unsure.value == pytest.approx(1000 * np.nanmean(usd[:, SCHOLAR]))


def test_the_cost_of_a_call_that_nobody_recorded_is_unknown(router, held_out) -> None:
    usd, tokens = held_out.cost_usd.copy(), held_out.output_tokens.copy()
    usd[::2] = tokens[::2] = np.nan
    half = judged(router, replace(held_out, cost_usd=usd, output_tokens=tokens))
    assert half.data.costs_known
    assert [row.cost_usd is None for row in half.prompts] == [
        at % 2 == 0 for at in range(len(held_out))
    ]
    changes = compare(half, judged(router, held_out), resamples=100)
    assert changes.cost_per_1k_usd.value == 0  # of the prompts whose cost both know


# The best model of each benchmark


def test_a_stray_training_prompt_does_not_choose_the_best_model(router, held_out, fit) -> None:
    def beside(extra: OutcomeTable) -> OutcomeTable:
        def both(name: str):
            mine, theirs = getattr(held_out, name), getattr(extra, name)
            if isinstance(mine, tuple):
                return (*mine, *theirs)
            return np.concatenate([mine, theirs])

        names = ("prompt_ids", "prompts", "benchmarks", "score", "input_tokens", "output_tokens",
                 "cost_usd")  # fmt: skip
        return replace(held_out, **{name: both(name) for name in names})

    alone = judged(router, held_out).line("per benchmark").quality
    stray = fit.rows([0])
    worst = replace(stray, score=np.array([[0.0, 0.0, 0.0, 1.0]]))
    none = replace(stray, score=np.full((1, 4), np.nan))
    for extra in (worst, none):
        result = judged(router, beside(extra))
        assert result.data.left_out == 1
        assert result.line("per benchmark").quality == alone
        assert any(
            "fewer than 20 scored training prompts" in note and "other held-out prompts" in note
            for note in result.notes
        )


def test_prompts_that_all_repeat_each_other_are_judged(router, held_out) -> None:
    words = " ".join(f"word{at}" for at in range(80))
    prompts = tuple(f"{words} {at}" for at in range(len(held_out)))
    result = judged(router, replace(held_out, prompts=prompts))
    assert result.line("per benchmark").quality == result.line("best single").quality


def test_labels_that_mislead_are_said_to(router, held_out) -> None:
    base = judge(router, held_out)
    right, wrong = np.ones(len(held_out)), np.zeros(len(held_out))
    ways = tuple(
        replace(way, score=wrong if way.kind == "per benchmark" else right) for way in base.ways
    )
    found = resample(replace(base, ways=ways), resamples=100, seed=0)
    metrics = {one.key: one for one in metric_list(found, task_accuracy=None, abstained=0.0)}
    assert metrics["gap_closed"].value is None
    assert "worse than the best single" in metrics["gap_closed"].note

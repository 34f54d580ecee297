from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.errors import DataError, OutputError
from finerouter.evaluation import EvaluationResult, Interval, evaluate, write_report
from finerouter.evaluation.report import read_evaluation, without_prompts
from finerouter.evaluation.report.headline import hindsight, judged_on, statements
from finerouter.evaluation.report.task_map import MOST_MARKS, drawn_prompts
from tests.evaluation.pages import Page


@pytest.fixture(scope="module")
def result(router: Router, held_out: OutcomeTable) -> EvaluationResult:
    return evaluate(router, held_out, resamples=100, decisions=0)


@pytest.fixture(scope="module")
def page(result: EvaluationResult, tmp_path_factory) -> Page:
    return page_of(result, tmp_path_factory.mktemp("page"))


def page_of(result: EvaluationResult, folder: Path, **options) -> Page:
    write_report(result, folder / "report.html", **options)
    return Page((folder / "report.html").read_text("utf-8"))


def blind(router: Router, held_out: OutcomeTable) -> EvaluationResult:
    unknown = np.full(held_out.score.shape, np.nan)
    return evaluate(
        router,
        replace(held_out, cost_usd=unknown, output_tokens=unknown),
        resamples=100,
        decisions=0,
    )


def test_the_report_is_one_page_that_needs_nothing_else(page: Page) -> None:
    assert page.addresses
    assert all(address.startswith("#") for address in page.addresses)
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert page.of("script") == [{"type": "application/json", "id": "evaluation"}]


def test_every_address_leads_somewhere(page: Page) -> None:
    ids = {found["id"] for _, found in page.attributes if "id" in found}
    assert {address[1:] for address in page.addresses} <= ids


def test_it_shows_every_way_of_choosing_model_benchmark_and_task(
    page: Page, result: EvaluationResult
) -> None:
    for line in result.lines:
        assert line.name in page.words
        assert f"{100 * line.quality.value:.1f}" in page.words
    assert all(model.model in page.words for model in result.models)
    assert all(row.benchmark in page.words for row in result.benchmarks)
    assert all(task.task in page.words for task in result.tasks if task.task)
    assert all(metric.name in page.words for metric in result.metrics)
    assert all(note in page.words for note in result.notes)


def test_every_plot_is_there_and_can_be_heard(page: Page, result: EvaluationResult) -> None:
    plots = page.of("svg", role="img")
    assert all(plot["aria-label"] for plot in plots)
    kinds = [plot["class"] for plot in plots]
    assert kinds.count("plot curve") == 1
    assert kinds.count("plot map") == 1
    assert kinds.count("plot calibration") == sum(bool(model.bins) for model in result.models)
    assert len(page.of("polyline", **{"class": "hull"})) == 2  # the plot and its key
    assert len(page.of("polygon", **{"class": "band"})) == 2
    marks = page.words.count("scored") - 2 * len(result.regrets)
    assert marks == len(result.prompts)


def test_tables_have_captions_and_scopes(page: Page) -> None:
    assert page.tags.count("caption") == page.tags.count("table")
    assert all(found.get("scope") in ("col", "row") for found in page.of("th"))
    regions = page.of("div", role="region")
    assert len(regions) == page.tags.count("table")
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)


def test_the_page_holds_the_evaluation(result: EvaluationResult, tmp_path: Path) -> None:
    page_of(result, tmp_path)
    again = read_evaluation(tmp_path / "report.html")
    assert [row.prompt_id for row in again.prompts] == [row.prompt_id for row in result.prompts]
    assert again.lines[0].quality.value == pytest.approx(result.lines[0].quality.value, rel=1e-5)
    assert again.notes == result.notes


def test_json_of_evaluate_is_read_too(result: EvaluationResult, tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps(result.to_json(), indent=2))
    assert read_evaluation(tmp_path / "e.json").headline == result.headline


@pytest.mark.parametrize("text", ["<html></html>", "", '{"format": 99}', '{"format": 1}'])
def test_what_is_no_evaluation_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text(text)
    with pytest.raises(DataError, match=r"other\.html: "):
        read_evaluation(tmp_path / "other.html")


def test_a_previous_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: cannot be read"):
        read_evaluation(tmp_path / "none.json")


def test_without_prompts_no_word_of_a_prompt_is_on_the_page(
    result: EvaluationResult, held_out: OutcomeTable, tmp_path: Path
) -> None:
    shown = page_of(result, tmp_path)
    assert result.regrets[0].excerpt in shown.words
    page_of(result, tmp_path, prompts=False)
    text = (tmp_path / "report.html").read_text("utf-8")
    for prompt in held_out.prompts:
        assert prompt[:25] not in text
    for task in result.tasks:
        assert not any(exemplar[:25] in text for exemplar in task.exemplars)
    assert result.regrets[0].prompt_id in text
    assert without_prompts(result).tasks[0].terms == ()


def test_what_changed_is_said(result: EvaluationResult, tmp_path: Path) -> None:
    earlier = replace(
        result,
        prompts=tuple(replace(row, score=0.0, model="old") for row in result.prompts),
        models=(*result.models[:-1], replace(result.models[-1], model="old")),
    )
    page = page_of(result, tmp_path, previous=earlier)
    assert "What changed since the previous report" in page.words
    assert f"{len(result.prompts)} prompts were judged both times" in page.words
    assert f"Models added: {result.models[-1].model}; models removed: old." in page.words
    assert "100% of them" in page.words
    assert "changes" not in {found.get("id") for _, found in page_of(result, tmp_path).attributes}


def test_of_many_tasks_that_came_and_went_a_few_are_named(
    result: EvaluationResult, tmp_path: Path
) -> None:
    tasks = tuple(replace(result.tasks[0], task=f"Task {at}") for at in range(9))
    page = page_of(replace(result, tasks=tasks), tmp_path, previous=result)
    assert "Tasks added: Task 0, Task 1, Task 2, Task 3, Task 4 and 4 more; tasks removed: " in (
        page.words
    )


def test_free_models_make_a_page(router, held_out, tmp_path: Path) -> None:
    free = replace(held_out, cost_usd=np.zeros_like(held_out.score))
    page = page_of(evaluate(router, free, resamples=100, decisions=0), tmp_path)
    assert page.of("svg", **{"class": "plot curve"})
    assert "nothing can be saved against it" in page.words
    assert "saved a month" not in page.words


def test_a_handful_of_prompts_without_benchmarks_makes_a_page(
    router, held_out, tmp_path: Path
) -> None:
    few = replace(held_out.rows(np.arange(24)), benchmarks=None)
    page = page_of(evaluate(router, few, resamples=100, decisions=0), tmp_path)
    assert "only 24 prompts" in page.words
    assert "Benchmarks" not in page.words
    assert "nan" not in page.words.lower().split()


def test_without_costs_there_is_no_plot_and_no_money(router, held_out, tmp_path: Path) -> None:
    page = page_of(blind(router, held_out), tmp_path)
    assert not page.of("svg", **{"class": "plot curve"})
    assert "Costs are unknown" in page.words
    assert "prompts a month cost" not in page.words
    assert page.tags.count("article") == 1


def test_where_nothing_differs_the_report_says_so(router, held_out, tmp_path: Path) -> None:
    same = replace(held_out, score=np.ones_like(held_out.score))
    found = evaluate(router, same, resamples=100, decisions=0)
    page = page_of(found, tmp_path)
    assert "No difference in quality shown" in page.words
    assert "None: no other model did better on any prompt." in page.words


def test_forced_training_prompts_are_marked(router, table, tmp_path: Path) -> None:
    page = page_of(evaluate(router, table, force=True, resamples=100, decisions=0), tmp_path)
    assert "Warning: judged on training prompts" in page.words
    assert "benchmarks, including prompts it was trained on, against" in page.words


def test_names_are_text_not_markup(result: EvaluationResult, tmp_path: Path) -> None:
    name = '</script><b onclick="x">&amp;'
    line = replace(result.line("random"), name=name)
    lines = tuple(line if one.kind == "random" else one for one in result.lines)
    tasks = (replace(result.tasks[0], task=name, exemplars=(name,)), *result.tasks[1:])
    renamed = replace(
        result,
        lines=lines,
        tasks=tasks,
        prompts=tuple(replace(row, task=name) for row in result.prompts),
        models=(replace(result.models[0], model=name), *result.models[1:]),
        regrets=tuple(replace(one, excerpt=name) for one in result.regrets),
        notes=(name,),
    )
    page = page_of(renamed, tmp_path)
    assert name in page.words
    assert "b" not in page.tags
    assert read_evaluation(tmp_path / "report.html").notes == (name,)


def test_a_lone_surrogate_does_not_stop_the_page(result: EvaluationResult, tmp_path: Path) -> None:
    odd = replace(result, regrets=(replace(result.regrets[0], excerpt="half \ud83d of it"),))
    page = page_of(odd, tmp_path)
    assert "half ? of it" in page.words


def test_a_report_that_cannot_be_written_leaves_nothing(
    result: EvaluationResult, tmp_path: Path
) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(result, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_page_of_1200_prompts_is_small(result: EvaluationResult, tmp_path: Path) -> None:
    many = (result.prompts * 20)[:1200]
    page_of(replace(result, prompts=many), tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 2_000_000


def test_a_map_of_very_many_prompts_is_thinned_and_says_so(
    result: EvaluationResult, tmp_path: Path
) -> None:
    many = replace(result, prompts=(result.prompts * 40)[: 2 * MOST_MARKS])
    assert len(drawn_prompts(many)) == MOST_MARKS
    assert f"({MOST_MARKS:,} of {2 * MOST_MARKS:,} are drawn)" in page_of(many, tmp_path).words


def test_money_follows_the_volume(result: EvaluationResult) -> None:
    single = result.line("best single").cost_per_1k_usd
    assert single is not None
    thousand = replace(
        result,
        lines=tuple(
            replace(line, cost_per_1k_usd=Interval(2.0, 1.5, 2.5))
            if line.kind == "best single"
            else line
            for line in result.lines
        ),
    )
    assert "instead of $2,000" in statements(thousand, 1_000_000)[2].detail
    assert "instead of $20:" in statements(thousand, 10_000)[2].detail


@pytest.mark.parametrize(
    ("interval", "figure", "verdict"),
    [
        (Interval(0.4, 0.2, 0.5), "40% of the cost saved", "better"),
        (Interval(-0.4, -0.5, -0.2), "40% more cost", "worse"),
        (Interval(0.1, -0.2, 0.5), "No saving shown", "none"),
        (Interval(0.1, float("nan"), float("nan")), "Saving unknown", "unknown"),
    ],
)
def test_a_saving_is_claimed_only_where_shown(
    result: EvaluationResult, interval: Interval, figure: str, verdict: str
) -> None:
    said = statements(replace(result, headline=replace(result.headline, cost_saved=interval)), 1000)
    assert (said[1].figure, said[1].verdict) == (figure, verdict)


def balanced_with(result: EvaluationResult, quality: Interval) -> EvaluationResult:
    """The evaluation as if the balanced setting saved much and had this quality."""
    lines = tuple(
        replace(line, saved=Interval(0.8, 0.7, 0.9), against_best_single=quality)
        if line.kind == "balanced"
        else line
        for line in result.lines
    )
    return replace(result, lines=lines)


@pytest.mark.parametrize(
    ("quality", "said", "verdict"),
    [
        (Interval(-0.03, -0.05, -0.01), "saved, -3.0 points of quality", "mixed"),
        (Interval(-0.03, -0.1, 0.04), "saved, no difference in quality shown", "mixed"),
        (Interval(0.01, -0.1, 0.04), "saved, no difference in quality shown", "better"),
        (Interval(0.03, 0.01, 0.05), "saved, +3.0 points of quality", "better"),
    ],
)
def test_a_balanced_saving_is_said_with_its_quality_and_green_only_if_that_holds(
    result: EvaluationResult, quality: Interval, said: str, verdict: str
) -> None:
    found = statements(balanced_with(result, quality), 1000)[2]
    assert found.figure.endswith(said)
    assert found.verdict == verdict


def test_a_saving_at_equal_quality_that_lost_quality_is_not_green(result: EvaluationResult) -> None:
    lost = replace(
        result.headline,
        cost_saved=Interval(0.4, 0.2, 0.5),
        cost_saved_quality=Interval(-0.02, -0.03, -0.01),
    )
    found = statements(replace(result, headline=lost), 1000)[1]
    assert (found.figure, found.verdict) == (
        "40% of the cost saved, -2.0 points of quality", "mixed",
    )  # fmt: skip


def test_the_setting_for_the_saving_stands_beside_it(result: EvaluationResult) -> None:
    weight = f"{result.saving_cost_weight:.3g}"
    detail = statements(result, 1000)[1].detail
    assert f"--cost-weight {weight}" in detail
    assert f"cost_weight = {weight}" in detail
    assert "Its setting" not in statements(replace(result, saving_cost_weight=None), 1000)[1].detail


def test_the_first_sentence_names_what_was_judged(result: EvaluationResult) -> None:
    said = judged_on(result)
    assert str(result.data.prompts) in said
    assert result.best_single in said


def with_best_single_at(result: EvaluationResult, quality: float) -> EvaluationResult:
    """The evaluation as if the best single model and its line had this quality."""
    lines = tuple(
        replace(line, quality=Interval(quality, quality, quality))
        if line.kind == "best single"
        else line
        for line in result.lines
    )
    models = tuple(
        replace(model, quality=Interval(quality, quality, quality))
        if model.model == result.best_single
        else model
        for model in result.models
    )
    return replace(result, lines=lines, models=models)


def test_a_single_model_that_did_better_in_hindsight_is_named_near_the_top(
    result: EvaluationResult, tmp_path: Path
) -> None:
    worse = with_best_single_at(result, 0.01)
    best = max(worse.models, key=lambda model: model.quality.value)
    (said,) = hindsight(worse)
    assert f"{best.model} scored {100 * best.quality.value:.1f}" in said
    assert f"{result.best_single} 1.0, the router " in said
    page = page_of(worse, tmp_path)
    assert page.words.index(said) < page.words.index("When only quality matters")


def test_without_costs_the_better_single_model_is_named_all_the_same(
    result: EvaluationResult,
) -> None:
    worse = with_best_single_at(result, 0.01)
    free = tuple(replace(model, cost_per_1k_usd=None) for model in worse.models)
    (said,) = hindsight(replace(worse, models=free))
    assert "They cost" not in said
    assert "They cost" in hindsight(worse)[0]


def test_no_hindsight_where_the_best_single_model_is_the_best(result: EvaluationResult) -> None:
    assert hindsight(with_best_single_at(result, 0.999)) == ()
    top = max(model.quality.value for model in result.models)
    assert hindsight(with_best_single_at(result, top - 1e-9)) == ()
    unknown = replace(result.models[0], quality=Interval(float("nan"), float("nan"), float("nan")))
    assert hindsight(with_best_single_at(replace(result, models=(unknown,)), 0.999)) == ()


def test_a_changed_best_single_model_is_said_beside_before_and_now(
    result: EvaluationResult, tmp_path: Path
) -> None:
    assert "The best single model was" not in page_of(result, tmp_path, previous=result).words
    earlier = replace(result, best_single="other")
    page = page_of(result, tmp_path, previous=earlier)
    assert f"The best single model was other and is {result.best_single} now" in page.words

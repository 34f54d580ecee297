"""What an evaluation does with data that cannot, or can hardly, be judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.artifact import load_artifact
from finerouter.errors import DataError
from finerouter.evaluation import EvaluationResult, evaluate
from tests import synthetic

UNKNOWN = {"cost_usd", "input_tokens", "output_tokens"}


def judged(router: Router, table: OutcomeTable, **options) -> EvaluationResult:
    return evaluate(router, table, resamples=100, decisions=0, **options)


def without_costs(table: OutcomeTable) -> OutcomeTable:
    blank = np.full(table.score.shape, np.nan)
    return replace(table, **dict.fromkeys(UNKNOWN, blank))


def said(result: EvaluationResult, *words: str) -> bool:
    return any(all(word in note for word in words) for note in result.notes)


def test_training_prompts_are_left_out_and_counted(router, table, held_out, fit) -> None:
    result = judged(router, table)
    assert result.data.prompts == len(held_out)
    assert result.data.left_out == len(fit)
    assert result.data.seen == 0
    assert not said(result, "flatter")


def test_prompts_that_nearly_repeat_a_training_prompt_are_left_out_too(
    router, held_out, fit
) -> None:
    again = [f" {text.upper()} " for text in fit.prompts[:30]]
    both = replace(
        held_out,
        prompts=(*again, *held_out.prompts[30:]),
        prompt_ids=tuple(map(str, range(len(held_out)))),
    )
    result = judged(router, both)
    assert (result.data.left_out, result.data.left_out_near) == (0, 30)
    assert result.data.prompts == len(held_out) - 30


def test_nothing_but_training_prompts_is_refused_unless_forced_and_then_marked(router, fit) -> None:
    with pytest.raises(DataError, match=f"{len(fit)} of {len(fit)} prompts were left out because"):
        judged(router, fit)
    forced = judged(router, fit, force=True)
    assert forced.data.seen == forced.data.prompts == len(fit)
    assert said(forced, f"{len(fit)} of these prompts were trained on", "flatter")
    assert EvaluationResult.from_json(forced.to_json()).data.seen == len(fit)


def test_hardly_anything_but_training_prompts_is_refused_with_the_reason(
    router, table, held_out, fit
) -> None:
    few = table.rows([table.prompts.index(text) for text in (*fit.prompts, *held_out.prompts[:9])])
    with pytest.raises(DataError, match=r"288 of 297 prompts were left out .* 9 left") as refused:
        judged(router, few)
    for word in ("trained on them", "--holdout", "--force"):
        assert word in str(refused.value)
    assert judged(router, few, force=True).data.prompts == 297
    with pytest.raises(DataError, match=r"^9 held-out prompts are too few to judge by"):
        judged(router, held_out.rows(range(9)))
    with pytest.raises(DataError, match=r"^1 held-out prompt is too few to judge by"):
        judged(router, held_out.rows([0]))


def test_outcomes_without_a_model_of_the_router_say_what_to_do(router, held_out) -> None:
    absent, *others = router.models
    with pytest.raises(DataError, match=f"have no model '{absent}' of the router") as refused:
        judged(router, held_out.select_models(others))
    assert f"collect outcomes of '{absent}' on these prompts, or judge a router without it" in str(
        refused.value
    )
    with pytest.raises(DataError, match="name one of these, or collect outcomes of 'nobody'"):
        held_out.select_models(["nobody"])


def test_a_router_without_sketches_says_what_it_could_not_tell(router, held_out) -> None:
    old = replace(router, training=replace(router.training, sketches=np.empty((0, 64), np.uint8)))
    assert said(judged(old, held_out), "near-duplicates were not")
    assert not said(judged(router, held_out), "near-duplicates were not")


def test_sketches_travel_with_the_router(router, router_folder, fit) -> None:
    loaded = Router.load(router_folder)
    np.testing.assert_array_equal(loaded.training.sketches, router.training.sketches)
    assert loaded.nearly_trained_on(
        [fit.prompts[0].upper(), "Quite another question?"]
    ).tolist() == [
        True,
        False,
    ]
    _, tensors = load_artifact(router_folder)
    assert tensors["training.sketches"].dtype == np.uint8


def test_models_that_the_router_does_not_know_are_named(router, held_out) -> None:
    wider = replace(
        held_out,
        models=(*held_out.models, "newcomer"),
        pool=replace(
            held_out.pool, models=(*held_out.pool, replace(held_out.pool["tiny"], model="newcomer"))
        ),
        **{
            name: np.column_stack([getattr(held_out, name), getattr(held_out, name)[:, 0]])
            for name in ("score", *UNKNOWN)
        },
    )
    result = judged(router, wider)
    assert said(result, "does not know newcomer")
    assert result.headline == judged(router, held_out).headline


def test_few_prompts_are_judged_with_a_warning(router, held_out) -> None:
    some = judged(router, held_out.rows(range(30)))
    assert said(some, "only 30 prompts")
    for row in some.benchmarks:
        assert row.gain is None
    assert said(some, "fewer than 20 prompts of")
    assert not said(judged(router, held_out), "only 30")


def test_equal_scores_are_said_to_tell_nothing(router, held_out) -> None:
    result = judged(router, replace(held_out, score=np.full_like(held_out.score, 0.5)))
    assert said(result, "every score is 0.5")
    assert result.headline.gap_closed is None
    assert result.metric("gap_closed").note == "no such gap is shown here"
    assert result.metric("oracle_gap_closed").value is None


def test_scores_of_zero_leave_ratios_unknown(router, held_out) -> None:
    result = judged(router, replace(held_out, score=np.zeros_like(held_out.score)))
    for key in ("gain_random", "gain_best_single", "gap_to_oracle", "perf_gain"):
        assert result.metric(key).value is None
        assert "zero" in result.metric(key).note


def test_prices_of_zero_save_nothing_and_say_so(router, held_out) -> None:
    free = judged(router, replace(held_out, cost_usd=np.zeros_like(held_out.cost_usd)))
    assert said(free, "cost nothing, by the data")
    assert said(free, "best single model costs nothing")
    assert free.headline.cost_saved is None
    for key in ("cost_save", "aiq", "aiq_gain", "half_cost_gain", "quarter_cost_gain"):
        assert free.metric(key).value is None
        assert free.metric(key).note.startswith("the best single model costs nothing")
    assert free.line("router").saved is None


def test_unknown_costs_are_not_costs_of_zero(router, held_out) -> None:
    blind = judged(router, without_costs(held_out))
    assert not blind.data.costs_known
    assert said(blind, "no cost is known of coder, linguist, scholar, tiny")
    assert blind.curve is None
    assert all(line.cost_per_1k_usd is None for line in blind.lines)
    assert all(row.cost_usd is None for row in blind.prompts)
    for key in ("cost_per_1k_usd", "arena_score", "cost_save", "aiq", "pareto_dist", "apgr"):
        assert blind.metric(key).value is None
        assert "give prices" in blind.metric(key).note


def test_one_model_without_costs_makes_all_costs_unknown(router, held_out) -> None:
    cost, tokens = held_out.cost_usd.copy(), held_out.output_tokens.copy()
    cost[:, 3] = tokens[:, 3] = np.nan
    result = judged(router, replace(held_out, cost_usd=cost, output_tokens=tokens))
    assert said(result, "no cost is known of tiny")
    assert result.headline.cost_saved is None


def test_single_unknown_costs_get_the_models_mean(router, held_out) -> None:
    cost, tokens = held_out.cost_usd.copy(), held_out.output_tokens.copy()
    cost[::2, 2] = tokens[::2, 2] = np.nan
    result = judged(router, replace(held_out, cost_usd=cost, output_tokens=tokens))
    assert said(result, "cost of 12.5% of the outcomes is unknown")
    single = result.line("best single").cost_per_1k_usd.value
    assert single == pytest.approx(1000 * held_out.cost_usd[1::2, 2].mean())


def test_missing_outcomes_are_counted(router, held_out) -> None:
    missing = np.random.default_rng(0).uniform(size=held_out.score.shape) < 0.3
    result = judged(router, replace(held_out, score=np.where(missing, np.nan, held_out.score)))
    assert said(result, "of the outcomes are missing")
    assert result.data.outcomes == (~missing[~missing.all(axis=1)]).sum()


@pytest.mark.parametrize(
    ("name", "value"),
    [("score", 1.5), ("score", -0.1), ("score", np.inf), ("cost_usd", -1.0), ("cost_usd", np.inf)],
)
def test_numbers_out_of_range_are_refused(router, held_out, name: str, value: float) -> None:
    wrong = getattr(held_out, name).copy()
    wrong[3, 1] = value
    with pytest.raises(DataError, match=f"{name} of prompt 4 is {value}"):
        judged(router, replace(held_out, **{name: wrong}))


def test_data_without_benchmarks_has_no_best_model_of_each(router, held_out) -> None:
    result = judged(router, replace(held_out, benchmarks=None))
    assert said(result, "names no benchmarks")
    assert result.benchmarks == ()
    assert result.metric("gap_closed").value is None
    with pytest.raises(KeyError):
        result.line("per benchmark")
    assert result.line("router").benchmark_quality is None


def test_the_best_of_each_benchmark_is_chosen_on_training_prompts_where_they_are(
    router, table, held_out, fit
) -> None:
    with_training, without = judged(router, table), judged(router, held_out)
    assert not said(with_training, "holds none of the router's training prompts")
    assert said(without, "holds none of the router's training prompts")
    kinds = np.array(fit.benchmarks)
    for row in with_training.benchmarks:
        best = int(fit.score[kinds == row.benchmark].mean(axis=0).argmax())
        assert row.best_model == synthetic.POOL.names[best]


def test_a_prompt_with_a_lone_surrogate_is_judged(router, held_out) -> None:
    odd = replace(held_out, prompts=("a \ud800 question", *held_out.prompts[1:]))
    assert judged(router, odd).data.prompts == len(held_out)

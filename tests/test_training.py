from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.errors import ConfigError, DataError
from finerouter.prompt import folded
from finerouter.training import train
from finerouter.training.stages import fold_numbers
from finerouter.training.tuning import cost_range, routing_utility
from tests import synthetic


def same_division(one, other) -> float:
    """Share of prompts whose group in `one` is mostly their group in `other`."""
    agree = sum(np.bincount(other[one == group]).max() for group in np.unique(one))
    return agree / len(one)


def with_gaps(table: OutcomeTable, missing) -> OutcomeTable:
    """The table without the outcomes (tokens and cost too) marked [prompt, model]."""
    names = ("score", "input_tokens", "output_tokens", "cost_usd")
    return replace(
        table, **{name: np.where(missing, np.nan, getattr(table, name)) for name in names}
    )


def chosen_quality(router: Router, held_out: OutcomeTable) -> float:
    """Mean planted strength of the models chosen by quality alone."""
    chosen = router.estimate(held_out.prompts).quality.argmax(axis=1)
    return float(synthetic.STRENGTH[synthetic.kind_numbers(held_out), chosen].mean())


BEST_SINGLE = synthetic.STRENGTH.mean(axis=0).max()
BEST_OF_KIND = synthetic.STRENGTH.max(axis=1).mean()


def test_planted_kinds_are_discovered_as_tasks(router: Router, fit: OutcomeTable) -> None:
    kinds = synthetic.kind_numbers(fit)
    assert same_division(router.training.labels, kinds) > 0.95
    assert same_division(kinds, router.training.labels) > 0.7


def test_choices_beat_the_best_single_model(router: Router, held_out: OutcomeTable) -> None:
    quality = chosen_quality(router, held_out)
    assert quality > BEST_SINGLE + 0.1
    assert quality > BEST_OF_KIND - 0.05


def test_tasks_describe_what_was_found(router: Router, fit: OutcomeTable) -> None:
    sizes = [task.size for task in router.tasks]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes == np.bincount(router.training.labels).tolist()
    assert len({task.name for task in router.tasks}) == len(router.tasks)
    for task in router.tasks:
        assert set(task.candidates) <= set(fit.models)
        assert task.coverage >= synthetic.QUICK.coverage
        assert len(task.exemplars) == synthetic.QUICK.exemplars
        assert task.terms


def test_the_record_says_what_was_trained_on(router: Router, fit: OutcomeTable) -> None:
    info = router.training.info
    assert info["data"] == {
        "prompts": len(fit),
        "models": 4,
        "outcomes": fit.score.size,
        "fingerprint": fit.fingerprint,
    }
    assert info["config"]["folds"] == synthetic.QUICK.folds
    found = info["cross_validation"]
    assert found["best_single"] == fit.models[int(fit.score.mean(axis=0).argmax())]
    assert found["quality"] > found["best_single_quality"] + 0.1
    assert 0 < found["cost_saved_at_best_single_quality"] < 1
    assert set(found["brier"]) == set(fit.models)
    assert max(found["expected_calibration_error"].values()) < 0.2
    assert info["balanced_cost_weight"] > 0


def test_chosen_dials_come_from_the_grid(router: Router) -> None:
    dials = router.training.info["dials"]
    for dial, values in (
        ("alpha", synthetic.QUICK.alphas),
        ("penalty", synthetic.QUICK.penalties),
        ("sharpness", synthetic.QUICK.sharpnesses),
        ("shrinkage", synthetic.QUICK.shrinkages),
    ):
        assert dials[dial] in values


FINE = replace(synthetic.QUICK, resolutions=(8.0, 16.0, 32.0), alphas=(0.0,))


def test_coarse_tasks_stand_alone_where_finer_ones_bring_nothing() -> None:
    # Within a planted kind no model is better on some prompts than on others.
    info = train(synthetic.outcomes(500), replace(FINE, coarse=0.5)).training.info
    assert info["granularities"] == [{"resolution": 0.5, "beta": 0.0}]
    assert [score["tasks"] for score in info["granularity_scores"]] == [len(synthetic.KINDS), 10]


def test_coarse_tasks_that_mix_kinds_are_left_alone(fit: OutcomeTable) -> None:
    # So many neighbours connect the kinds, and at such a resolution all are one task.
    info = train(fit, replace(FINE, coarse=0.01, neighbours=60)).training.info
    assert [level["resolution"] for level in info["granularities"]] == [16, 8, 32]
    assert info["granularity_scores"][0]["tasks"] == 1


def test_no_coarse_tasks_are_tried_when_switched_off(fit: OutcomeTable) -> None:
    scores = train(fit, replace(FINE, coarse=0.0)).training.info["granularity_scores"]
    assert [score["resolution"] for score in scores] == [16.0]


def test_same_seed_same_router_another_seed_another(router, fit, held_out) -> None:
    again = train(fit, synthetic.QUICK)
    assert again.tasks == router.tasks
    np.testing.assert_array_equal(again.training.labels, router.training.labels)
    np.testing.assert_allclose(
        again.estimate(held_out.prompts).quality,
        router.estimate(held_out.prompts).quality,
        atol=1e-6,
    )
    other = train(fit, replace(synthetic.QUICK, seed=1))
    assert not np.allclose(
        other.estimate(held_out.prompts).quality, router.estimate(held_out.prompts).quality
    )


def test_progress_ends_every_stage_it_began(fit: OutcomeTable) -> None:
    seen: dict[str, tuple[int, int]] = {}

    def progress(stage: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        assert (seen.get(stage) or (0, total)) <= (done, total)
        seen[stage] = (done, total)

    train(fit.rows(range(120)), synthetic.QUICK, progress=progress)
    assert {"encoding", "neighbours", "granularity", "experts", "fitting"} <= set(seen)
    assert all(done == total for done, total in seen.values())


@pytest.fixture(scope="module")
def sparse(table: OutcomeTable) -> OutcomeTable:
    missing = np.random.default_rng(1).uniform(size=table.score.shape) < 0.6
    return with_gaps(table, missing)


def test_a_sparse_table_trains_into_a_router_without_holes(
    sparse: OutcomeTable, held_out: OutcomeTable, tmp_path: Path
) -> None:
    router = train(sparse, synthetic.QUICK)
    router.save(tmp_path / "r")
    estimate = Router.load(tmp_path / "r").estimate(held_out.prompts)
    for name in ("quality", "quality_std", "cost_usd", "task_probs"):
        assert np.isfinite(getattr(estimate, name)).all()
    assert all(np.isfinite(array).all() for array in router.quality.to_tensors().values())
    assert router.training.info["data"]["outcomes"] == int((~np.isnan(sparse.score)).sum())
    assert chosen_quality(router, held_out) > BEST_SINGLE + 0.05


def test_one_outcome_per_prompt_is_enough_to_route_by(table, held_out) -> None:
    asked = np.random.default_rng(2).integers(0, 4, size=len(table))
    single = with_gaps(table, np.arange(4) != asked[:, None])
    router = train(single, synthetic.QUICK)
    assert chosen_quality(router, held_out) > BEST_SINGLE + 0.05


def test_prompts_without_any_outcome_do_no_harm(fit: OutcomeTable, held_out) -> None:
    missing = np.zeros(fit.score.shape, dtype=bool)
    missing[::5] = True
    router = train(with_gaps(fit, missing), synthetic.QUICK)
    assert chosen_quality(router, held_out) > BEST_SINGLE + 0.05


def test_a_model_with_two_outcomes_in_one_fold_trains(fit: OutcomeTable, held_out) -> None:
    twins = (f"{fit.prompts[0]} ", f"  {fit.prompts[0]}")
    missing = np.zeros(fit.score.shape, dtype=bool)
    missing[:, 3] = True
    missing[1:3, 3] = False
    table = replace(fit, prompts=(fit.prompts[0], *twins, *fit.prompts[3:]))
    router = train(with_gaps(table, missing), synthetic.QUICK)
    assert np.isfinite(router.estimate(held_out.prompts).quality).all()


def test_without_tokens_and_costs_quality_is_still_learned(fit, held_out) -> None:
    unknown = np.full(fit.score.shape, np.nan)
    blind = replace(fit, input_tokens=unknown, output_tokens=unknown, cost_usd=unknown)
    router = train(blind, synthetic.QUICK)
    assert np.isnan(router.estimate(held_out.prompts).cost_usd).all()
    assert chosen_quality(router, held_out) > BEST_SINGLE + 0.1
    assert router.training.info["cross_validation"]["cost_saved_at_best_single_quality"] is None


def test_one_model_without_known_cost_does_not_stop_training(fit, held_out, tmp_path) -> None:
    cost, tokens = fit.cost_usd.copy(), fit.output_tokens.copy()
    cost[:, 1] = tokens[:, 1] = np.nan
    router = train(replace(fit, cost_usd=cost, output_tokens=tokens), synthetic.QUICK)
    estimate = router.estimate(held_out.prompts)
    assert np.isnan(estimate.cost_usd[:, 1]).all()
    assert np.isfinite(estimate.cost_usd[:, [0, 2, 3]]).all()
    router.save(tmp_path / "r")
    assert Router.load(tmp_path / "r").route(held_out.prompts[0]).model in fit.models


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_that_are_all_the_same_train(fit: OutcomeTable, score: float) -> None:
    router = train(replace(fit, score=np.full_like(fit.score, score)), synthetic.QUICK)
    estimate = router.estimate(fit.prompts[:5])
    np.testing.assert_allclose(estimate.quality, score, atol=0.02)
    assert np.isfinite(estimate.quality_std).all()
    assert router.route(fit.prompts[0]).model == "tiny"


def test_graded_scores_train(fit: OutcomeTable, held_out) -> None:
    graded = synthetic.STRENGTH[synthetic.kind_numbers(fit)]
    router = train(replace(fit, score=graded), synthetic.QUICK)
    assert chosen_quality(router, held_out) > BEST_OF_KIND - 0.02


def test_one_model_only_is_refused(fit: OutcomeTable) -> None:
    with pytest.raises(DataError, match=r"one model only \(tiny\); routing needs at least two"):
        train(fit.select_models(["tiny"]), synthetic.QUICK)


def test_too_few_prompts_are_refused(fit: OutcomeTable) -> None:
    with pytest.raises(DataError, match="39 different prompts are too few to learn from"):
        train(fit.rows(range(39)), synthetic.QUICK)
    assert train(fit.rows(range(40)), synthetic.QUICK).tasks


def test_a_model_with_hardly_an_outcome_is_refused_by_name(fit: OutcomeTable) -> None:
    missing = np.zeros(fit.score.shape, dtype=bool)
    missing[1:, 1] = True
    with pytest.raises(DataError, match="model 'linguist' has 1 outcomes"):
        train(with_gaps(fit, missing), synthetic.QUICK)


def test_prompts_that_are_nearly_all_the_same_are_refused(fit: OutcomeTable) -> None:
    same = tuple(" " * at + ["Add one", "Add two"][at % 2] for at in range(len(fit)))
    with pytest.raises(DataError, match=r"2 .*too few"):
        train(replace(fit, prompts=same), synthetic.QUICK)


def test_lone_surrogates_in_training_prompts_can_be_saved(fit, tmp_path: Path) -> None:
    broken = tuple(f"{text} \ud800" for text in fit.prompts)
    router = train(replace(fit, prompts=broken), synthetic.QUICK)
    router.save(tmp_path / "r")
    loaded = Router.load(tmp_path / "r")
    assert loaded.was_trained_on(broken).all()
    assert loaded.tasks[0].exemplars


def test_no_exemplars_keep_no_prompt_text(fit: OutcomeTable, tmp_path: Path) -> None:
    router = train(fit, replace(synthetic.QUICK, exemplars=0))
    router.save(tmp_path / "r")
    written = b"".join(path.read_bytes() for path in (tmp_path / "r").iterdir())
    assert not any(text.encode() in written for text in fit.prompts)
    assert all(task.exemplars == () for task in router.tasks)


def test_tuning_on_a_part_of_the_prompts_trains_on_all(fit, held_out) -> None:
    router = train(fit, replace(synthetic.QUICK, tuning_prompts=120))
    assert len(router.training.labels) == len(fit)
    assert chosen_quality(router, held_out) > BEST_SINGLE + 0.1


@pytest.mark.parametrize("prompts", [1, 5])
def test_tuning_on_too_few_prompts_is_refused(fit: OutcomeTable, prompts: int) -> None:
    with pytest.raises(ConfigError, match="tuning_prompts"):
        train(fit, replace(synthetic.QUICK, tuning_prompts=prompts))


def test_tasks_larger_than_the_table_become_one(fit: OutcomeTable) -> None:
    router = train(fit, replace(synthetic.QUICK, min_task_size=10_000))
    assert [task.size for task in router.tasks] == [len(fit)]
    assert np.isfinite(router.estimate(fit.prompts[:3]).quality).all()


def test_folds_keep_near_duplicates_together() -> None:
    prompts = [form for at in range(40) for form in (f"Add {at}", f"add  {at} ", f"ADD {at}")]
    folds = fold_numbers(prompts, 4, [0, 1])
    by_text = {}
    for text, fold in zip(prompts, folds, strict=True):
        assert by_text.setdefault(folded(text), fold) == fold
    assert np.bincount(folds).tolist() == [30] * 4
    np.testing.assert_array_equal(folds, fold_numbers(prompts, 4, [0, 1]))
    assert not np.array_equal(folds, fold_numbers(prompts, 4, [0, 2]))


def test_utility_prefers_better_routing() -> None:
    table = synthetic.outcomes(240)
    truth = synthetic.STRENGTH[synthetic.kind_numbers(table)]
    cost = table.realised_cost_usd
    knowing = routing_utility(truth, cost, table.score, cost)
    blind = routing_utility(np.full_like(truth, 0.5), cost, table.score, cost)
    averages = np.tile(truth.mean(axis=0), (len(truth), 1))
    single = routing_utility(averages, cost, table.score, cost)
    assert knowing > single > blind


def test_utility_without_costs_is_the_quality_of_the_choices() -> None:
    table = synthetic.outcomes(240)
    truth = synthetic.STRENGTH[synthetic.kind_numbers(table)]
    unknown = np.full_like(truth, np.nan)
    expected = table.score[np.arange(240), truth.argmax(axis=1)].mean()
    assert routing_utility(truth, unknown, table.score, unknown) == pytest.approx(expected)


def test_the_range_of_costs_is_from_the_cheapest_to_the_best() -> None:
    table = synthetic.outcomes(240)
    low, high = cost_range(table.score, table.cost_usd)
    assert low == pytest.approx(table.cost_usd[:, 3].mean())
    assert high == pytest.approx(table.cost_usd[:, 2].mean())
    partly = np.where(np.arange(4) == 0, np.nan, table.cost_usd)
    assert np.isnan(cost_range(table.score, partly)).all()

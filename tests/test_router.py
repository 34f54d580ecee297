from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from finerouter import Decision, Estimate, Model, ModelPool, OutcomeTable, Policy, Router
from finerouter.encoders import EncoderSpec, StaticEncoder
from finerouter.errors import DataError, EncoderMismatch, NoEligibleModel, PolicyError, PoolError
from tests import synthetic

PROMPT = "What is 512 plus 77 times 31? Calculate the number step by step."
ARRAYS = ("task_probs", "none", "quality", "quality_std", "cost_usd", "tokens")
ODD_PROMPTS = (
    "ᚠᚢᚦᚨᚱᚲ ᚷᚹᚺᚾᛁᛃ",
    "𓀀𓁐𓂀 𓃰𓅓",
    "ꦲꦏ꧀ꦱꦫꦗꦮ",
    "lone \ud800 surrogate \udfff",
    "\ud800",
    "\x00\x01\x7f",
    "🦜🪿🧊" * 50,
    "a",
    "?" * 5_000,
)


def assert_same(one: Estimate, other: Estimate) -> None:
    assert (one.models, one.tasks) == (other.models, other.tasks)
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-5, atol=1e-9)


def test_an_estimate_has_a_column_for_every_model_and_task(router, held_out) -> None:
    estimate = router.estimate(list(held_out.prompts[:7]))
    assert isinstance(estimate, Estimate)
    assert len(estimate) == 7
    assert list(estimate.models) == list(router.models) == list(held_out.models)
    for name in ("quality", "quality_std", "cost_usd", "tokens"):
        array = getattr(estimate, name)
        assert array.shape == (7, len(estimate.models))
        assert np.issubdtype(array.dtype, np.floating)
        assert np.isfinite(array).all()
    assert estimate.task_probs.shape == (7, len(router.tasks)) == (7, len(estimate.tasks))
    assert ((estimate.quality >= 0) & (estimate.quality <= 1)).all()
    assert (estimate.quality_std > 0).all()
    assert (estimate.cost_usd > 0).all()
    np.testing.assert_allclose(estimate.task_probs.sum(axis=1) + estimate.none, 1.0)


def test_a_batch_gives_what_single_prompts_give(router, held_out) -> None:
    batch = router.estimate(held_out.prompts)
    for at in range(0, len(held_out), 19):
        single = router.estimate([held_out.prompts[at]])
        for name in ARRAYS:
            found = getattr(batch, name)[at]
            np.testing.assert_allclose(found, getattr(single, name)[0], atol=1e-5, rtol=1e-4)


def test_of_a_prompt_nobody_read_the_averages_are_known(fit: OutcomeTable, router: Router) -> None:
    short, long = "Hello", "Tell me more about it. " * 200
    unread = router.estimate_unread([short, long])
    assert (unread.none > 0.5).all()
    np.testing.assert_array_equal(unread.quality[0], unread.quality[1])
    np.testing.assert_allclose(unread.quality[0], np.nanmean(fit.score, axis=0), atol=0.05)
    assert (unread.cost_usd[1] > unread.cost_usd[0]).all()
    with pytest.raises(DataError, match="empty"):
        router.estimate_unread([" "])


def test_a_batch_beyond_the_step_is_put_together_in_order(router, held_out) -> None:
    some = list(held_out.prompts[:60])
    many = router.estimate(some * 70)
    assert len(many) == 4_200
    once = router.estimate(some)
    np.testing.assert_allclose(many.quality[-60:], once.quality, atol=1e-5)
    np.testing.assert_allclose(many.cost_usd[4_080:4_140], once.cost_usd, rtol=1e-4)


def test_planted_strengths_are_estimated(router, held_out) -> None:
    estimate = router.estimate(held_out.prompts)
    truth = synthetic.STRENGTH[synthetic.kind_numbers(held_out)]
    assert (estimate.quality.argmax(axis=1) == truth.argmax(axis=1)).mean() > 0.8
    assert np.abs(estimate.quality - truth).mean() < 0.12


def test_planted_costs_are_estimated(router, held_out) -> None:
    found = router.estimate(held_out.prompts).cost_usd
    np.testing.assert_allclose(found.mean(axis=0), held_out.cost_usd.mean(axis=0), rtol=0.1)
    for model in range(len(router.models)):
        together = np.corrcoef(found[:, model], held_out.cost_usd[:, model])[0, 1]
        assert together > 0.8


def test_route_gives_the_public_fields(router) -> None:
    decision = router.route(PROMPT, cost_weight=5.0)
    assert isinstance(decision, Decision)
    assert decision.model == "coder"
    assert decision.task in {task.name for task in router.tasks}
    assert 0 <= decision.quality <= 1
    assert decision.cost_usd > 0
    assert decision.policy == Policy(cost_weight=5.0)


def test_dials_refine_a_policy(router) -> None:
    decision = router.route(PROMPT, Policy(deny={"coder"}), cost_weight=2.0)
    assert decision.policy == Policy(deny={"coder"}, cost_weight=2.0)
    assert decision.model != "coder"


def test_route_many_agrees_with_route(router, held_out) -> None:
    some = held_out.prompts[:40]
    chosen = router.route_many(some, cost_weight=300.0)
    assert chosen == [router.route(text, cost_weight=300.0).model for text in some]
    assert len(set(chosen)) > 1


def test_a_router_loaded_is_the_router_saved(router, router_folder, held_out) -> None:
    loaded = Router.load(router_folder)
    assert_same(loaded.estimate(held_out.prompts), router.estimate(held_out.prompts))
    assert loaded.tasks == router.tasks
    assert loaded.pool == router.pool
    assert loaded.training.prompt_ids == router.training.prompt_ids
    np.testing.assert_array_equal(loaded.training.labels, router.training.labels)


def test_saving_a_loaded_router_writes_the_same_bytes(router_folder, tmp_path: Path) -> None:
    Router.load(router_folder).save(tmp_path / "again")
    for path in router_folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_an_explanation_says_everything_behind_the_choice(router) -> None:
    explanation = router.explain(PROMPT, deny={"tiny"}, cost_weight=10.0)
    assert explanation.decision == router.route(PROMPT, deny={"tiny"}, cost_weight=10.0)
    names = [candidate.model for candidate in explanation.candidates]
    assert sorted(names) == sorted(router.models)
    qualities = [candidate.quality for candidate in explanation.candidates]
    assert qualities == sorted(qualities, reverse=True)
    for candidate in explanation.candidates:
        assert 0 <= candidate.quality_low <= candidate.quality <= candidate.quality_high <= 1
        assert candidate.filtered == ("denied" if candidate.model == "tiny" else None)


def test_the_tasks_of_an_explanation_come_with_their_evidence(router) -> None:
    explanation = router.explain(PROMPT)
    first = explanation.tasks[0]
    assert first.task.name == explanation.decision.task
    assert first.probability == explanation.decision.task_probability
    assert first.terms_in_prompt
    assert all(term in PROMPT.lower() for term in first.terms_in_prompt)
    probabilities = [evidence.probability for evidence in explanation.tasks]
    assert probabilities == sorted(probabilities, reverse=True)
    matter = {
        candidate.model for candidate in explanation.candidates if candidate.is_task_candidate
    }
    assert matter == set(first.task.candidates)


def test_new_prices_change_decisions_without_training(router) -> None:
    assert router.route(PROMPT, cost_weight=20.0).model == "coder"
    dear = Model("coder", "", 900.0, 900.0)
    repriced = router.with_pool(ModelPool((dear,)))
    assert repriced.route(PROMPT, cost_weight=20.0).model != "coder"
    before, after = router.estimate([PROMPT]), repriced.estimate([PROMPT])
    np.testing.assert_array_equal(before.quality, after.quality)
    np.testing.assert_array_equal(before.cost_usd[:, 1:], after.cost_usd[:, 1:])
    assert after.cost_usd[0, 0] > 50 * before.cost_usd[0, 0]
    assert router.route(PROMPT, cost_weight=20.0).model == "coder"


def test_new_prices_are_saved_with_the_router(router, tmp_path: Path) -> None:
    router.with_pool(ModelPool((Model("tiny", "", 7.0, 8.0),))).save(tmp_path / "r")
    assert Router.load(tmp_path / "r").pool["tiny"].output_usd_per_mtok == 8.0


def test_a_pool_with_an_unknown_model_is_refused(router) -> None:
    with pytest.raises(PoolError, match="'typo' is not in the router"):
        router.with_pool(ModelPool((Model("typo"),)))


def test_a_pool_without_prices_leaves_deciding_by_quality(router) -> None:
    unpriced = router.with_pool(ModelPool.of(router.models))
    no_record = replace(
        unpriced.cost,
        call_usd=replace(
            unpriced.cost.call_usd,
            factor=np.full_like(unpriced.cost.call_usd.factor, np.nan),
            overall=np.full_like(unpriced.cost.call_usd.overall, np.nan),
        ),
    )
    blind = replace(unpriced, cost=no_record)
    assert np.isnan(blind.estimate([PROMPT]).cost_usd).all()
    assert blind.route(PROMPT).model == "coder"
    with pytest.raises(PolicyError, match="is unknown; add input_usd_per_mtok"):
        blind.route(PROMPT, cost_weight=1.0)


@pytest.mark.parametrize("empty", ["", "   ", "\n\t", "\u2003"])
def test_an_empty_prompt_is_refused(router, empty: str) -> None:
    with pytest.raises(DataError, match="the prompt is empty"):
        router.route(empty)
    with pytest.raises(DataError, match="prompt 2 of 2 is empty"):
        router.estimate([PROMPT, empty])


def test_no_prompts_and_a_bare_text_are_refused(router) -> None:
    with pytest.raises(DataError, match="no prompts were given"):
        router.estimate([])
    with pytest.raises(DataError, match="takes a list"):
        router.estimate(PROMPT)


@pytest.mark.parametrize("text", ODD_PROMPTS, ids=range(len(ODD_PROMPTS)))
def test_odd_prompts_get_finite_estimates_and_a_decision(router, text: str) -> None:
    wide = router.with_pool(ModelPool.of(router.models))
    estimate = wide.estimate([text])
    for name in ARRAYS:
        assert np.isfinite(getattr(estimate, name)).all()
    assert wide.explain(text).decision.model in router.models


def test_an_unknown_script_is_less_certain(router) -> None:
    known = router.estimate([PROMPT])
    strange = router.estimate([ODD_PROMPTS[0]])
    assert strange.none[0] > known.none[0]
    assert strange.quality_std.mean() > known.quality_std.mean()


MEGABYTE = "Calculate 17 plus 4. " * 50_000


def test_a_megabyte_is_routed_where_windows_allow(router) -> None:
    wide = router.with_pool(ModelPool.of(router.models))
    assert wide.route(MEGABYTE).model in router.models
    assert wide.estimate([MEGABYTE]).tokens[0, 0] > 100_000


def test_a_megabyte_beyond_every_window_says_how_long_it_is(router) -> None:
    with pytest.raises(NoEligibleModel, match=r"tiny: about [\d,]{7,} tokens exceed .* 4,000"):
        router.route(MEGABYTE)


def test_a_long_prompt_goes_to_a_model_with_room(router) -> None:
    long = "Calculate 17 plus 4. " * 2_000
    decision = router.route(long)
    assert decision.model in {"linguist", "scholar"}
    assert {"coder", "tiny"} <= set(decision.filtered)


def test_training_prompts_are_known_again(router, fit, held_out) -> None:
    assert router.was_trained_on(fit.prompts).all()
    assert not router.was_trained_on(held_out.prompts).any()


@dataclass(frozen=True)
class OtherEncoder:
    """An encoder that is not the one of the training."""

    spec: EncoderSpec

    def encode(self, texts: Sequence[str]):
        return np.zeros((len(texts), self.spec.dim), np.float32)


def test_another_encoder_is_refused(router_folder) -> None:
    other = OtherEncoder(replace(StaticEncoder.load().spec, name="other", sha256="0" * 64))
    with pytest.raises(EncoderMismatch, match=r"'other'.*train again"):
        Router.load(router_folder, encoder=other)


def test_the_same_encoder_may_be_handed_in(router, router_folder) -> None:
    loaded = Router.load(router_folder, encoder=StaticEncoder.load())
    assert_same(loaded.estimate([PROMPT]), router.estimate([PROMPT]))


def test_a_manifest_of_another_encoder_is_refused(router, tmp_path: Path) -> None:
    other = OtherEncoder(replace(router.encoder.spec, sha256="0" * 64))
    replace(router, encoder=other).save(tmp_path / "r")
    with pytest.raises(EncoderMismatch, match="sha256"):
        Router.load(tmp_path / "r")


def test_unknown_costs_stay_unknown_through_the_estimate(router, held_out: OutcomeTable) -> None:
    half = router.with_pool(ModelPool((Model("tiny"),)))
    cost = half.estimate(held_out.prompts[:3]).cost_usd
    assert np.isfinite(cost[:, :3]).all()
    # The recorded cost of the training still says what a call of it costs.
    recorded = router.estimate(held_out.prompts[:3]).cost_usd[:, 3]
    np.testing.assert_allclose(cost[:, 3], recorded, rtol=0.3)
    assert math.isfinite(half.route(PROMPT, cost_weight=1.0).cost_usd)

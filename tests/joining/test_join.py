"""A model of the synthetic pool left out of training, then joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable, Router
from finerouter.errors import DataError, PolicyError, PoolError
from finerouter.evaluation import evaluate
from finerouter.joining import join, joined_models, with_known
from finerouter.pool import Model, ModelPool
from finerouter.selection import choose_probes
from finerouter.training import train
from tests import synthetic

NEW = "coder"
OTHERS = ("linguist", "scholar", "tiny")


@pytest.fixture(scope="module")
def without(fit: OutcomeTable) -> Router:
    return train(fit.select_models(OTHERS), synthetic.QUICK)


@pytest.fixture(scope="module")
def probes(without: Router, fit: OutcomeTable) -> OutcomeTable:
    chosen = choose_probes(without, fit.select_models(OTHERS), count=50)
    return fit.rows([fit.prompt_ids.index(probe.prompt_id) for probe in chosen])


@pytest.fixture(scope="module")
def joined(without: Router, probes: OutcomeTable) -> Router:
    return join(without, probes.pool[NEW], probes=probes)


def routed(router: Router, table: OutcomeTable) -> float:
    chosen = router.route_many(table.prompts)
    columns = [table.models.index(name) for name in chosen]
    return float(table.score[np.arange(len(table)), columns].mean())


def test_fifty_probes_bring_most_of_what_full_outcomes_bring(
    without: Router, joined: Router, router: Router, held_out: OutcomeTable
) -> None:
    least, most = routed(without, held_out), routed(router, held_out)
    assert most > least + 0.05
    assert routed(joined, held_out) > least + 0.6 * (most - least)


def test_nothing_of_the_others_changes(without: Router, joined: Router, held_out) -> None:
    before, after = (each.estimate(held_out.prompts) for each in (without, joined))
    assert joined.models == (*OTHERS, NEW)
    for name in ("quality", "quality_std", "cost_usd", "tokens"):
        np.testing.assert_array_equal(getattr(after, name)[:, :3], getattr(before, name))
    np.testing.assert_array_equal(after.task_probs, before.task_probs)


def test_quality_and_cost_of_the_newcomer_are_near_the_truth(joined: Router, held_out) -> None:
    estimate = joined.estimate(held_out.prompts)
    kind, at = synthetic.kind_numbers(held_out), list(synthetic.POOL.names).index(NEW)
    for number in range(len(synthetic.KINDS)):
        quality = estimate.quality[kind == number, -1].mean()
        assert quality == pytest.approx(synthetic.STRENGTH[number, at], abs=0.3)
    expected = held_out.cost_usd[:, at].mean()
    assert estimate.cost_usd[:, -1].mean() == pytest.approx(expected, rel=0.2)


def test_uncertainty_is_wider_than_the_others_and_narrows(without, fit, held_out) -> None:
    few, many = (
        join(without, fit.pool[NEW], probes=fit.rows(range(count))) for count in (10, len(fit))
    )
    wide, narrow = (each.estimate(held_out.prompts).quality_std for each in (few, many))
    assert wide[:, -1].mean() > wide[:, :-1].mean()
    assert narrow[:, -1].mean() < wide[:, -1].mean()


def test_a_joined_router_survives_disk_and_says_who_joined(joined: Router, tmp_path: Path) -> None:
    joined.save(tmp_path / "r")
    loaded = Router.load(tmp_path / "r")
    prompts = ["What is 512 plus 77 times 31?", "Translate this into German: the river."]
    np.testing.assert_allclose(
        loaded.estimate(prompts).quality, joined.estimate(prompts).quality, atol=1e-6
    )
    (record,) = joined_models(loaded)
    assert (record["model"], record["probes"], record["like"]) == (NEW, 50, None)
    assert 0 < record["quality_std"] < 0.2
    assert set(record["likeness"]) == set(OTHERS)
    assert sum(record["likeness"].values()) == pytest.approx(1)
    assert loaded.explain(prompts[0]).candidates


def test_probe_prompts_count_as_seen(joined: Router, without: Router, table: OutcomeTable) -> None:
    strange = replace(table.rows([0]), prompts=("A prompt of nobody's.",))
    again = join(without, table.pool[NEW], probes=strange)
    assert again.was_trained_on(["A prompt of nobody's."]).all()
    assert not joined.was_trained_on(["A prompt of nobody's."]).any()


def test_near_copies_of_probes_count_as_seen(without, fit: OutcomeTable) -> None:
    long = [
        f"{text} {' '.join(f'w{at}x{n}' for n in range(60))}"
        for at, text in enumerate(fit.prompts[:30])
    ]
    asked = replace(fit.rows(list(range(30))), prompts=tuple(long))
    wider = join(without, fit.pool[NEW], probes=asked)
    copies = [f"{text} please" for text in long]
    assert not without.nearly_trained_on(copies).any()
    assert wider.nearly_trained_on(copies).all()


def test_joining_again_replaces_what_was_known(without, joined, fit) -> None:
    more = join(joined, fit.pool[NEW], probes=fit)
    direct = join(without, fit.pool[NEW], probes=fit)
    assert more.models == direct.models
    assert len(joined_models(more)) == 1
    np.testing.assert_allclose(
        more.estimate(fit.prompts).quality, direct.estimate(fit.prompts).quality, atol=1e-9
    )


def test_a_second_newcomer_joins_beside_the_first(joined: Router, fit: OutcomeTable) -> None:
    twin = Model("twin", "", 1.0, 4.0)
    both = join(joined, twin, like=NEW)
    estimate = both.estimate(fit.prompts)
    assert both.models[-2:] == (NEW, "twin")
    np.testing.assert_allclose(estimate.cost_usd[:, -1], estimate.cost_usd[:, -2], rtol=1e-6)
    off = np.abs(estimate.quality[:, -1] - estimate.quality[:, -2]).mean()
    assert off < 0.08


def test_declared_scores_or_likeness_are_enough_to_join(without: Router, fit) -> None:
    model = Model("new", "", 5.0, 15.0)
    alike = join(without, model, like="scholar", caution=0).estimate(fit.prompts)
    np.testing.assert_allclose(alike.quality[:, -1], alike.quality[:, 1], atol=1e-6)
    assert alike.quality_std[:, -1].mean() > 1.5 * alike.quality_std[:, 1].mean()
    table = {"exam": {"linguist": 60.0, "scholar": 80.0, "tiny": 30.0, "new": 81.0}}
    strong = join(without, model, benchmarks=table).estimate(fit.prompts)
    table["exam"]["new"] = 29.0
    weak = join(without, model, benchmarks=table).estimate(fit.prompts)
    assert strong.quality[:, -1].mean() > weak.quality[:, -1].mean() + 0.05
    assert np.isfinite(strong.cost_usd).all()


def test_without_others_outcomes_on_the_probes_it_joins_too(without, probes, held_out) -> None:
    alone = probes.select_models([NEW])
    router = join(without, alone.pool[NEW], probes=alone)
    assert routed(router, held_out) > routed(without, held_out)


def test_known_outcomes_are_found_by_text(probes: OutcomeTable, fit: OutcomeTable) -> None:
    alone = probes.select_models([NEW])
    widened = with_known(alone, fit.select_models(OTHERS))
    assert widened.models == (NEW, *OTHERS)
    np.testing.assert_array_equal(widened.select_models(probes.models).score, probes.score)
    gaps = np.random.default_rng(0).uniform(size=probes.score.shape) < 0.5
    tokens = np.where(gaps, 7.0, probes.output_tokens)
    blank = np.where(gaps, np.nan, probes.score)
    again = with_known(replace(probes, score=blank, output_tokens=tokens), fit)
    np.testing.assert_array_equal(again.score, probes.score)
    np.testing.assert_array_equal(again.output_tokens, probes.output_tokens)
    other = replace(fit, score=1 - fit.score, output_tokens=7 + fit.output_tokens)
    own = with_known(probes, other)
    np.testing.assert_array_equal(own.score, probes.score)
    np.testing.assert_array_equal(own.output_tokens, probes.output_tokens)
    foreign = replace(fit, prompts=tuple(f"{text}?" for text in fit.prompts))
    with pytest.raises(DataError, match="other prompts than the probes"):
        with_known(alone, foreign)


def test_without_tokens_the_newcomers_are_like_the_others(without, probes) -> None:
    unknown = np.full(probes.score.shape, np.nan)
    blind = replace(probes, input_tokens=unknown, output_tokens=unknown, cost_usd=unknown)
    estimate = join(without, probes.pool[NEW], probes=blind).estimate(probes.prompts)
    assert np.isfinite(estimate.cost_usd).all()
    assert (estimate.cost_usd[:, -1] > 0).all()


def test_without_prices_its_cost_is_unknown_unless_recorded(without, probes) -> None:
    unknown = replace(probes, cost_usd=np.full(probes.score.shape, np.nan))
    for known in ({"like": "tiny"}, {"probes": unknown}):
        router = join(without, Model(NEW), **known)
        estimate = router.estimate(probes.prompts)
        assert np.isnan(estimate.cost_usd[:, -1]).all()
        assert np.isfinite(estimate.cost_usd[:, :-1]).all()
        assert np.isfinite(estimate.tokens).all()
        with pytest.raises(PolicyError, match=f"expected cost of '{NEW}' is unknown"):
            router.route(probes.prompts[0], cost_weight=100.0)
        assert router.route(probes.prompts[0]).model in router.models
    recorded = join(without, Model(NEW), probes=probes).estimate(probes.prompts)
    expected = probes.cost_usd[:, probes.models.index(NEW)].mean()
    assert recorded.cost_usd[:, -1].mean() == pytest.approx(expected, rel=0.2)


def test_prices_that_come_later_make_its_cost_known(without, probes) -> None:
    router = join(without, Model(NEW), like="tiny")
    priced = ModelPool((*(probes.pool[name] for name in OTHERS), probes.pool[NEW]))
    estimate = replace(router, pool=priced).estimate(probes.prompts)
    assert (estimate.cost_usd[:, -1] > 0).all()


def test_a_newcomer_of_unknown_cost_is_not_judged_as_if_it_were_free(
    without, probes, held_out
) -> None:
    router = join(without, Model(NEW), probes=replace(probes, cost_usd=probes.cost_usd * np.nan))
    result = evaluate(router, held_out, resamples=100, decisions=0)
    assert result.data.costs_known  # by the prices of the data
    assert any("does not know what to expect coder to cost" in note for note in result.notes)
    assert {row.balanced_model for row in result.prompts} <= set(OTHERS)
    assert NEW in {row.model for row in result.prompts}


def test_mistakes_are_refused(without: Router, router: Router, probes: OutcomeTable) -> None:
    model = probes.pool[NEW]
    with pytest.raises(DataError, match="nothing is known of 'coder'"):
        join(without, model)
    with pytest.raises(PoolError, match="was trained with outcomes of 'coder'"):
        join(router, model, probes=probes)
    with pytest.raises(PoolError, match="'nobody' is not in the router"):
        join(without, model, like="nobody")
    with pytest.raises(DataError, match="have no outcomes of 'coder', only linguist"):
        join(without, model, probes=probes.select_models(OTHERS))
    hidden = replace(probes, score=np.full(probes.score.shape, np.nan))
    with pytest.raises(DataError, match="no outcomes of 'coder'; collect some"):
        join(without, model, probes=hidden)
    with pytest.raises(DataError, match="benchmark 'exam' needs a score of 'coder'"):
        join(without, model, benchmarks={"exam": {"tiny": 1.0, "coder": 2.0}})

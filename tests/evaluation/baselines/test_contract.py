"""What every baseline promises, on outcomes whose truth is planted."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from finerouter.evaluation.baselines.embed_llm import EmbedLLM
from finerouter.evaluation.baselines.graph_router import GraphRouter
from finerouter.evaluation.baselines.ipr import IPR
from finerouter.evaluation.baselines.preference import outcomes_of
from finerouter.evaluation.baselines.protocol import BUDGET, Trained
from finerouter.evaluation.baselines.registry import BASELINES
from finerouter.evaluation.baselines.router_dc import RouterDC
from finerouter.evaluation.baselines.single import ZeroRouter
from finerouter.evaluation.baselines.svm import SVM
from finerouter.frontier import cheapest_argmax
from tests import synthetic

every = pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.__name__)
learning = pytest.mark.parametrize(
    "baseline",
    [each for each in BASELINES if each is not ZeroRouter],
    ids=lambda baseline: baseline.__name__,
)
FIT = 420
# Where the defaults do not suffice on so few prompts: more steps, or the loss that sees means.
SETTINGS = {
    SVM: SVM(squared=True),
    EmbedLLM: EmbedLLM(learning_rate=1e-2),
    RouterDC: RouterDC(temperature=0.2, epochs=60),
    GraphRouter: GraphRouter(hidden=32, learning_rate=1e-2, epochs=200),
    IPR: IPR(learning_rate=5e-3, epochs=100),
}


def _fitted(baseline, separable, **changes):
    rows, table, _ = separable
    setting = SETTINGS.get(baseline, baseline())
    return setting.fit(rows[:FIT], replace(table.rows(range(FIT)), **changes), seed=1)


def _strength_reached(fitted, rows, kinds) -> float:
    """Planted strength of the models chosen for quality, over that of the best ones."""
    preference = fitted.prefer(rows)
    utility = next(preference.utilities())
    chosen = cheapest_argmax(utility, preference.cost_usd)
    strength = synthetic.STRENGTH[kinds]
    return strength[np.arange(len(rows)), chosen].mean() / strength.max(axis=1).mean()


@learning
def test_it_finds_the_planted_structure(baseline, separable) -> None:
    rows, _, kinds = separable
    assert _strength_reached(_fitted(baseline, separable), rows[FIT:], kinds[FIT:]) > 0.97


@learning
def test_a_missing_outcome_is_not_a_failure(baseline, separable) -> None:
    rows, table, kinds = separable
    score = table.score[:FIT].copy()
    # Half of the two specialists' outcomes are gone: read as zeros, they would lose to the scholar.
    gone = np.random.default_rng(0).random((FIT, 2)) < 0.5
    score[:, :2][gone] = np.nan
    fitted = _fitted(baseline, separable, score=score)
    assert _strength_reached(fitted, rows[FIT:], kinds[FIT:]) > 0.9
    np.testing.assert_array_equal(np.isnan(score[:, :2]), gone)  # and none was filled in


@every
def test_shapes_and_finite_numbers(baseline, separable) -> None:
    rows, table, _ = separable
    preference = _fitted(baseline, separable).prefer(rows[FIT:])
    shape = (len(rows) - FIT, len(table.models))
    assert preference.cost_usd.shape == shape
    assert (preference.cost_usd > 0).all()
    utilities = list(preference.utilities())
    assert len(utilities) >= 90
    assert all(utility.shape == shape and np.isfinite(utility).all() for utility in utilities)


@every
def test_the_last_step_is_the_cheapest_model(baseline, separable) -> None:
    rows, table, _ = separable
    chosen = outcomes_of(
        _fitted(baseline, separable).prefer(rows[FIT:]), table.rows(range(FIT, len(rows)))
    )
    assert chosen.cost_usd[:, -1].mean() < 1.3 * table.cost_usd[FIT:].min(axis=1).mean()
    assert chosen.cost_usd[:, 0].mean() > 3 * chosen.cost_usd[:, -1].mean()


@every
def test_the_same_seed_gives_the_same_preferences(baseline, separable) -> None:
    rows, *_ = separable
    first, second = (_fitted(baseline, separable).prefer(rows[FIT:]) for _ in range(2))
    for ours, theirs in zip(first.utilities(), second.utilities(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every
def test_it_sees_rows_and_outcomes_alone(baseline, separable) -> None:
    """Neither texts nor benchmarks: with others the preferences are the same."""
    rows, *_ = separable
    other = tuple(f"another text {at}" for at in range(FIT))
    first = _fitted(baseline, separable).prefer(rows[FIT:])
    second = _fitted(baseline, separable, prompts=other, benchmarks=None).prefer(rows[FIT:])
    for ours, theirs in zip(first.utilities(), second.utilities(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@every
def test_unknown_costs_leave_quality_to_decide(baseline, separable) -> None:
    rows, table, kinds = separable
    nothing = np.full((FIT, len(table.models)), np.nan)
    fitted = _fitted(baseline, separable, cost_usd=nothing, input_tokens=nothing)
    for utility in fitted.prefer(rows[FIT:]).utilities():
        assert np.isfinite(utility).all()
    if baseline is not ZeroRouter:
        assert _strength_reached(fitted, rows[FIT:], kinds[FIT:]) > 0.97


@every
def test_joined_preferences_are_those_of_all_prompts(baseline, separable) -> None:
    rows, *_ = separable
    fitted = _fitted(baseline, separable)
    whole = fitted.prefer(rows[FIT:])
    parts = [fitted.prefer(rows[FIT:500]), fitted.prefer(rows[500:])]
    joined = type(whole).joined(parts)
    for ours, theirs in zip(joined.utilities(), whole.utilities(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@every
def test_settings_keep_to_the_budget_and_start_with_the_defaults(baseline) -> None:
    settings = baseline.configurations()
    assert settings[0] == baseline()
    assert len(set(settings)) == len(settings) <= BUDGET
    assert len(settings) == (BUDGET if fields(baseline) else 1)
    assert baseline.name
    assert baseline.source


@pytest.mark.parametrize(
    "baseline",
    [each for each in BASELINES if isinstance(each(), Trained)],
    ids=lambda baseline: baseline.__name__,
)
def test_one_run_serves_several_numbers_of_epochs(baseline, separable) -> None:
    rows, table, _ = separable
    fit = table.rows(range(200))
    shared = baseline().fit_at(rows[:200], fit, seed=0, epochs=[4, 2])
    for epochs, fitted in zip([4, 2], shared, strict=True):
        alone = baseline(epochs=epochs).fit(rows[:200], fit, seed=0)
        ours, theirs = (next(each.prefer(rows[200:]).utilities()) for each in (fitted, alone))
        np.testing.assert_array_equal(ours, theirs)
    first, second = (next(each.prefer(rows[200:]).utilities()) for each in shared)
    assert np.abs(first - second).max() > 0

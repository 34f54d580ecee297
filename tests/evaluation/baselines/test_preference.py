from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.evaluation.baselines.preference import Estimates, Scores, Tolerance, outcomes_of
from finerouter.evaluation.baselines.tuning import FOLDS, fit_all, preference_utility, tune
from finerouter.frontier import cheapest_argmax
from finerouter.training import routing_utility
from tests import synthetic

TABLE = synthetic.outcomes(40)
qualities = arrays(np.float64, (40, 4), elements=st.floats(0, 1))
scores = arrays(np.float64, (40, 4), elements=st.sampled_from([0.0, 0.5, 1.0, np.nan])).map(
    lambda score: np.where(np.arange(40)[:, None] == 0, 1.0, score)
)


@given(qualities, scores)
def test_the_utility_of_estimates_is_that_of_training(quality, score) -> None:
    table = replace(TABLE, score=score)
    cost = TABLE.realised_cost_usd * 1.1
    ours = preference_utility(Estimates(quality, cost), table)
    assert ours == pytest.approx(routing_utility(quality, cost, score, table.realised_cost_usd))


@given(qualities, st.floats(0.001, 0.999))
def test_weighing_by_mu_is_weighing_by_a_cost_weight(quality, mu) -> None:
    """CARROT's argmax (1 - mu) q - mu c is that of q - weight c at weight mu / (1 - mu)."""
    cost = 1e3 * TABLE.realised_cost_usd
    theirs = (1 - mu) * quality - mu * cost
    ours = quality - mu / (1 - mu) * cost
    np.testing.assert_allclose(ours * (1 - mu), theirs, atol=1e-12)


def test_tolerance_takes_the_cheapest_within_it() -> None:
    quality, cost = np.array([[0.9, 0.6, 0.5]]), np.array([[3.0, 2.0, 1.0]])
    chosen = [
        int(cheapest_argmax(utility, cost)[0])
        for utility in Tolerance(quality, cost, np.array([0.0, 0.74, 0.76, 1.0])).utilities()
    ]
    # Best less tolerance * 0.4: 0.6 is within from 0.75 on.
    assert chosen == [0, 0, 0, 1, 2]


def test_only_models_that_were_asked_are_chosen() -> None:
    score = np.array([[np.nan, 0.3], [np.nan, np.nan], [1.0, np.nan]])
    table = replace(
        synthetic.outcomes(3).select_models(("coder", "tiny")),
        score=score,
        cost_usd=np.array([[9.0, 1.0], [9.0, 1.0], [9.0, np.nan]]),
    )
    wanted = Scores(np.array([[[1.0, 0.0]] * 3, [[0.0, 1.0]] * 3]), np.ones((3, 2)))
    chosen = outcomes_of(wanted, table)
    np.testing.assert_array_equal(chosen.score, [[0.3, 0.3], [1.0, 1.0]])
    np.testing.assert_array_equal(chosen.cost_usd, [[1.0, 1.0], [9.0, 9.0]])


@dataclass(frozen=True)
class Peeking:
    """Knows the planted strengths, turned round by a wrong setting; remembers what it was given."""

    name: ClassVar[str] = "peeking"
    source: ClassVar[str] = "none"
    given: ClassVar[list[tuple[int, frozenset[str]]]] = []
    sign: float = 1.0

    @classmethod
    def configurations(cls):
        return (cls(-1.0), cls(), cls(2.0))

    def fit(self, rows, train, *, seed):
        assert len(rows) == len(train)
        self.given.append((seed, frozenset(train.prompts)))
        return self

    def prefer(self, rows):
        quality = self.sign * synthetic.STRENGTH[rows.argmax(axis=1)]
        return Estimates(quality, np.full(quality.shape, np.nan))


def test_tuning_chooses_by_utility_out_of_fold_and_the_first_of_equals() -> None:
    table = synthetic.outcomes(120)
    rows = np.eye(6, dtype=np.float32)[synthetic.kind_numbers(table)]
    Peeking.given.clear()
    tuned = tune(Peeking.configurations(), rows, table, seed=7)
    assert tuned.chosen == Peeking()
    assert tuned.utilities[0] < tuned.utilities[1] == tuned.utilities[2]
    assert {seed for seed, _ in Peeking.given} == {7}
    parts = {prompts for _, prompts in Peeking.given}
    assert len(parts) == FOLDS
    assert all(79 <= len(part) <= 81 for part in parts)
    assert not frozenset.intersection(*parts)  # each prompt is out of fold once


def test_settings_that_differ_in_epochs_share_a_run(separable) -> None:
    from finerouter.evaluation.baselines.mlp import MLP

    rows, table, _ = separable
    settings = (MLP(epochs=3), MLP(hidden=8, epochs=3), MLP(epochs=1))
    fitted = fit_all(settings, rows[:100], table.rows(range(100)), seed=0)
    for setting, ours in zip(settings, fitted, strict=True):
        alone = setting.fit(rows[:100], table.rows(range(100)), seed=0)
        np.testing.assert_array_equal(ours.prefer(rows).quality, alone.prefer(rows).quality)


@pytest.mark.parametrize(
    "prefer",
    [Estimates, lambda quality, cost: Tolerance(quality, cost, np.linspace(0.0, 1.0, 9))],
)
def test_a_model_of_unknown_cost_is_not_the_cheapest(prefer) -> None:
    cost = TABLE.realised_cost_usd.copy()
    cost[:, 2] = np.nan
    utilities = list(prefer(np.tile([0.5, 0.4, 0.6, 0.3], (40, 1)), cost).utilities())
    assert (utilities[0].argmax(axis=1) == 2).all()
    assert (utilities[-1].argmax(axis=1) == 3).all()
    assert all(np.isfinite(utility).all() for utility in utilities)


def test_choices_of_unknown_cost_bring_their_models_mean() -> None:
    cost, tokens = TABLE.cost_usd.copy(), TABLE.output_tokens.copy()
    cost[1::2, 2] = tokens[1::2, 2] = np.nan
    gaps = replace(TABLE, cost_usd=cost, output_tokens=tokens)
    always = Estimates(np.tile([0.0, 0.0, 1.0, 0.0], (40, 1)), TABLE.realised_cost_usd)
    found = outcomes_of(always, gaps).cost_usd[:, 0]
    assert found.mean() == pytest.approx(np.nanmean(gaps.realised_cost_usd[:, 2]))

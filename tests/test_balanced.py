"""The balanced cost weight reaches the best single model's quality by a margin, or is zero."""

from __future__ import annotations

import numpy as np
import pytest

from finerouter.frontier import best_at, cost_weights
from finerouter.training.balanced import balanced_cost_weight

PROMPTS = 400


def outcomes(dear: float, cheap: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """A dear and a cheap model; the estimates know which prompts the cheap one is right on."""
    random = np.random.default_rng(seed)
    right = random.uniform(size=(PROMPTS, 2)) < [dear, cheap]
    quality = 0.5 + 0.2 * (right - 0.5) + 0.05 * random.normal(size=right.shape)
    return quality, np.tile([1.0, 0.1], (PROMPTS, 1)), right * 1.0


def gains(quality, cost, score, weight: float) -> np.ndarray:
    chosen = best_at(quality, cost, np.ones_like(score, dtype=bool), weight)
    return score[np.arange(len(score)), chosen] - score[:, score.mean(axis=0).argmax()]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_largest_weight_that_gains_a_standard_error(seed: int) -> None:
    made = outcomes(0.7, 0.5, seed)
    weight = balanced_cost_weight(*made)
    assert weight > 0
    for larger in cost_weights(made[1]):
        gain = gains(*made, larger)
        reached = gain.mean() >= gain.std(ddof=1) / np.sqrt(PROMPTS)
        assert reached if larger == weight else larger < weight or not reached


def test_a_weight_that_just_reaches_the_quality_is_not_enough() -> None:
    quality, cost, score = outcomes(0.7, 0.5)
    plain = max(
        weight for weight in cost_weights(cost) if gains(quality, cost, score, weight).mean() >= 0
    )
    assert balanced_cost_weight(quality, cost, score) < plain


def test_where_nothing_is_gained_no_quality_is_given_up() -> None:
    random = np.random.default_rng(0)
    quality = random.uniform(size=(PROMPTS, 2))  # knows nothing
    _, cost, score = outcomes(0.9, 0.2)
    assert balanced_cost_weight(quality, cost, score) == 0


def test_a_prompt_without_an_outcome_of_the_best_single_model_counts_against_its_mean() -> None:
    quality, cost, score = outcomes(0.7, 0.5)
    score[:40, 0] = np.nan
    assert 0 < balanced_cost_weight(quality, cost, score) < cost_weights(cost)[-1]

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.quality.unbalanced import TwoWay, fit_with_gaps, true_spread


def test_levels_of_models_and_tasks_are_told_apart_in_unbalanced_tables() -> None:
    overall, level = np.array([0.7, 0.5, 0.4]), np.array([0.2, -0.2])
    count = np.array([[90.0, 5.0, 10.0], [2.0, 80.0, 10.0]])
    table = TwoWay.fit(overall + level[:, None], count, size=np.array([100.0, 100.0]))
    np.testing.assert_allclose(table.overall, overall, atol=1e-3)
    np.testing.assert_allclose(table.level, level, atol=1e-3)
    np.testing.assert_allclose(table.tilt, 0, atol=1e-3)


@given(st.floats(0.02, 0.3), st.integers(0, 50))
def test_the_true_spread_is_found_behind_unequal_noise(spread: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    noise = random.uniform(1e-4, 0.05, size=4_000)
    values = random.normal(scale=np.sqrt(spread**2 + noise))
    assert true_spread(values, noise, 4_000) == pytest.approx(spread**2, rel=0.15, abs=1e-3)


def test_noise_alone_has_no_spread() -> None:
    noise = np.full(500, 0.04)
    values = np.random.default_rng(0).normal(scale=0.15, size=500)
    assert true_spread(values, noise, 500) < 1e-9


def test_models_asked_the_same_prompts_are_compared_without_their_difficulty() -> None:
    """The second model is better by 0.1 on each prompt, but asked only the harder half."""
    random = np.random.default_rng(0)
    ease = np.sort(random.uniform(size=2_000))[::-1]
    chance = np.clip(np.stack([ease, ease + 0.1, ease], axis=1), 0, 1)
    score = (random.uniform(size=(2_000, 1)) < chance).astype(float)
    score[:1_000, 1] = np.nan
    mean, _, _ = fit_with_gaps(score, np.ones((2_000, 1)))
    plain = np.nanmean(score, axis=0)
    assert plain[1] < plain[0] - 0.1
    assert mean[0, 1] > mean[0, 0] - 0.05

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finerouter.encoders.protocol import unit_rows
from finerouter.quality import kernel as kernels
from finerouter.quality.experts import Trunk
from finerouter.quality.kernel import Kernel, KernelRidge

MODELS = 3


def prompts(count: int, seed: int, gaps: float):
    """Unit rows and scores, each outcome missing with a chance."""
    random = np.random.default_rng(seed)
    rows = unit_rows(random.normal(size=(count, 5)).astype(np.float32))
    score = random.uniform(size=(count, MODELS))
    score[random.uniform(size=score.shape) < gaps] = np.nan
    score[:2] = 0.5  # every model has an outcome
    return rows, score


def by_definition(kernel: Kernel, rows, score, penalty: float):
    """Minimise squared error plus penalty times the function's norm, one model at a time."""
    smoothness = kernel(np.ascontiguousarray(kernel.landmarks.T)).astype(np.float64)
    found = []
    for column in score.T:
        seen = ~np.isnan(column)
        similarity = kernel(rows[seen]).astype(np.float64)
        gram = similarity.T @ similarity + penalty * smoothness + 1e-6 * np.eye(len(smoothness))
        found.append(np.linalg.solve(gram, similarity.T @ (column[seen] - column[seen].mean())))
    return np.stack(found, axis=1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.4]), st.sampled_from([0.5, 3.0, 30.0]))
def test_fitted_scores_are_those_of_the_definition(seed: int, gaps: float, penalty: float) -> None:
    rows, score = prompts(60, seed, gaps)
    kernel = Kernel.draw(rows, landmarks=12, sharpness=2.0, seed=seed)
    found = KernelRidge.of(kernel, rows, score).coefficients(penalty)
    expected = by_definition(kernel, rows, score, penalty)
    np.testing.assert_allclose(kernel(rows) @ found, kernel(rows) @ expected, atol=1e-4)


def test_slices_of_prompts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, score = prompts(100, 0, gaps=0.3)
    kernel = Kernel.draw(rows, landmarks=12, sharpness=2.0, seed=0)
    whole = Trunk.fit(kernel, rows, score, penalty=3.0, rank=2)
    monkeypatch.setattr(kernels, "_ROWS_AT_A_TIME", 7)
    sliced = Trunk.fit(kernel, rows, score, penalty=3.0, rank=2)
    estimates = [trunk.general(trunk.units(rows)) for trunk in (whole, sliced)]
    np.testing.assert_allclose(*estimates, atol=1e-4)


def test_a_grid_of_penalties_gives_what_each_alone_gives() -> None:
    rows, score = prompts(80, 1, gaps=0.2)
    kernel = Kernel.draw(rows, landmarks=12, sharpness=2.0, seed=0)
    grid = Trunk.fit_each(kernel, rows, score, penalties=(1.0, 10.0, 100.0), rank=MODELS)
    spread = []
    for penalty, trunk in zip((1.0, 10.0, 100.0), grid, strict=True):
        alone = Trunk.fit(kernel, rows, score, penalty=penalty, rank=MODELS)
        estimate = trunk.general(trunk.units(rows))
        np.testing.assert_array_equal(estimate, alone.general(alone.units(rows)))
        spread.append(estimate.std(axis=0).mean())
    assert spread[0] > spread[1] > spread[2]

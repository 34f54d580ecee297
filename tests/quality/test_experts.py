from __future__ import annotations

import numpy as np
import pytest

from finerouter.encoders.protocol import unit_rows
from finerouter.quality.experts import Experts, Trunk
from finerouter.quality.kernel import Kernel

MODELS = 4
CANDIDATES = ((0, 2), (1,), (0, 1, 2, 3))


@pytest.fixture(scope="module")
def data():
    """Rows, scores and soft task probabilities of 120 prompts."""
    random = np.random.default_rng(0)
    rows = unit_rows(random.normal(size=(120, 6)).astype(np.float32))
    slope = random.normal(size=(6, MODELS))
    score = np.clip(0.5 + 0.4 * rows @ slope + 0.1 * random.normal(size=(120, MODELS)), 0, 1)
    probs = random.dirichlet([0.3] * len(CANDIDATES), size=120)
    return rows, score, probs


def fit_trunk(rows, score, *, penalty: float = 3.0, rank: int = MODELS, landmarks: int = 40):
    kernel = Kernel.draw(rows, landmarks=landmarks, sharpness=2.0, seed=0)
    return Trunk.fit(kernel, rows, score, penalty=penalty, rank=rank)


def fit_experts(data, *, shrinkage: float = 10.0, score=None) -> Experts:
    rows, observed, probs = data
    score = observed if score is None else score
    trunk = fit_trunk(rows, score)
    return Experts.fit(trunk, rows, score, probs, CANDIDATES, shrinkage=shrinkage)


def test_the_kernel_is_gaussian(data) -> None:
    rows, _, _ = data
    kernel = Kernel.draw(rows, landmarks=20, sharpness=1.5, seed=0)
    squared = np.square(rows[:, None, :] - kernel.landmarks.T[None]).sum(axis=2)
    np.testing.assert_allclose(kernel(rows), np.exp(-1.5 * squared), atol=1e-5)


def test_landmarks_are_prompts_drawn_by_the_seed(data) -> None:
    rows, _, _ = data
    first, again, other = (
        Kernel.draw(rows, landmarks=20, sharpness=1.5, seed=seed).landmarks for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert all((rows == mark).all(axis=1).any() for mark in first.T)
    many = Kernel.draw(rows, landmarks=10_000, sharpness=1.5, seed=1)
    assert many.landmarks.shape[1] == len(rows)


def test_general_heads_equal_kernel_ridge_with_all_prompts_as_landmarks(data) -> None:
    rows, score, _ = data
    trunk = fit_trunk(rows, score, landmarks=len(rows))
    gram = trunk.kernel(rows).astype(np.float64)
    bias = score.mean(axis=0)
    direct = gram @ np.linalg.solve(gram + 3.0 * np.eye(len(rows)), score - bias) + bias
    np.testing.assert_allclose(trunk.general(trunk.units(rows)), direct, atol=2e-3)


def test_units_are_standardised_over_the_training_prompts(data) -> None:
    rows, score, _ = data
    units = fit_trunk(rows, score).units(rows)
    np.testing.assert_allclose(units.mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(units.std(axis=0), 1.0, atol=1e-2)


def test_a_trunk_of_less_rank_has_fewer_units_and_fits_less(data) -> None:
    rows, score, _ = data
    errors = []
    for rank in (1, 2, 4):
        trunk = fit_trunk(rows, score, rank=rank, penalty=0.1)
        units = trunk.units(rows)
        assert units.shape == (len(rows), rank)
        errors.append(np.square(trunk.general(units) - score).mean())
    assert errors[0] > errors[1] > errors[2]


def test_a_huge_penalty_leaves_the_mean_of_each_model(data) -> None:
    rows, score, _ = data
    trunk = fit_trunk(rows, score, penalty=1e9)
    general = trunk.general(trunk.units(rows))
    np.testing.assert_allclose(general, np.tile(score.mean(axis=0), (len(rows), 1)), atol=1e-3)


def test_gaps_of_one_model_do_not_touch_the_full_rank_fit_of_others(data) -> None:
    rows, score, _ = data
    gaps = score.copy()
    gaps[::2, 3] = np.nan
    whole, holed = fit_trunk(rows, score), fit_trunk(rows, gaps)
    found, expected = (trunk.general(trunk.units(rows)) for trunk in (holed, whole))
    np.testing.assert_allclose(found[:, :3], expected[:, :3], atol=2e-3)
    assert np.isfinite(found).all()
    assert not np.allclose(found[:, 3], expected[:, 3], atol=2e-3)


def test_a_model_with_gaps_is_fitted_on_what_was_seen_alone(data) -> None:
    rows, score, _ = data
    gaps = score.copy()
    gaps[60:] = np.nan
    kernel = Kernel.draw(rows[:60], landmarks=40, sharpness=2.0, seed=0)
    holed = Trunk.fit(kernel, rows, gaps, penalty=3.0, rank=MODELS)
    alone = Trunk.fit(kernel, rows[:60], score[:60], penalty=3.0, rank=MODELS)
    np.testing.assert_allclose(
        holed.general(holed.units(rows)), alone.general(alone.units(rows)), atol=2e-3
    )


def test_task_heads_are_zero_for_models_that_are_no_candidates(data) -> None:
    heads = fit_experts(data).task_heads
    for task, chosen in enumerate(CANDIDATES):
        others = [model for model in range(MODELS) if model not in chosen]
        assert (heads[task][:, others] == 0).all()
        assert (np.abs(heads[task][:, list(chosen)]).max(axis=0) > 0).all()


def test_endless_shrinkage_leaves_the_general_heads(data) -> None:
    rows, _, probs = data
    general, prompt_level = fit_experts(data, shrinkage=1e12).estimate(rows, probs)
    np.testing.assert_allclose(prompt_level, general, atol=1e-6)


def test_more_shrinkage_means_smaller_heads(data) -> None:
    sizes = [np.linalg.norm(fit_experts(data, shrinkage=by).task_heads) for by in (1, 10, 100)]
    assert sizes[0] > sizes[1] > sizes[2] > 0


def test_task_heads_are_the_weighted_ridge_of_what_is_left_over(data) -> None:
    rows, score, probs = data
    experts = fit_experts(data, shrinkage=5.0)
    units = experts.trunk.units(rows).astype(np.float64)
    inputs = np.column_stack([np.ones(len(rows)), units])
    left_over = score - experts.trunk.general(experts.trunk.units(rows))
    weight = probs[:, 1] * (probs[:, 1] > 1e-3)
    gram = inputs.T @ (weight[:, None] * inputs) + 5.0 * np.eye(inputs.shape[1])
    expected = np.linalg.solve(gram, inputs.T @ (weight * left_over[:, 1]))
    np.testing.assert_allclose(experts.task_heads[1][:, 1], expected, atol=1e-5)


def test_task_heads_learn_what_the_general_head_cannot() -> None:
    rows = unit_rows(np.tile(np.eye(3, dtype=np.float32), (40, 1)))
    task = np.arange(120) < 60
    score = np.column_stack([np.where(task, 0.9, 0.1), np.full(120, 0.5)])
    probs = np.column_stack([task, ~task]).astype(float)
    trunk = fit_trunk(rows, score, rank=2)
    experts = Experts.fit(trunk, rows, score, probs, [(0,), (0,)], shrinkage=1.0)
    general, prompt_level = experts.estimate(rows, probs)
    assert np.abs(general[:, 0] - score[:, 0]).min() > 0.3
    assert np.abs(prompt_level[:, 0] - score[:, 0]).max() < 0.05


def test_gaps_leave_every_estimate_finite(data) -> None:
    rows, score, probs = data
    hidden = np.random.default_rng(3).uniform(size=score.shape) < 0.6
    general, prompt_level = fit_experts(data, score=np.where(hidden, np.nan, score)).estimate(
        rows, probs
    )
    assert np.isfinite(general).all()
    assert np.isfinite(prompt_level).all()


def test_without_a_task_the_general_heads_speak(data) -> None:
    rows, _, probs = data
    general, prompt_level = fit_experts(data).estimate(rows, np.zeros_like(probs))
    np.testing.assert_array_equal(prompt_level, general)


def test_tensors_make_the_same_experts(data) -> None:
    rows, _, probs = data
    experts = fit_experts(data)
    rebuilt = Experts.from_tensors(experts.to_tensors())
    for found, expected in zip(
        rebuilt.estimate(rows, probs), experts.estimate(rows, probs), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_mixture_of_models_joins_and_leaves() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(60, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    score, probs = random.uniform(size=(60, 3)), np.eye(2)[np.arange(60) % 2]
    trunk = Trunk.fit(
        Kernel.draw(rows, landmarks=20, sharpness=1.0, seed=0), rows, score, penalty=1.0, rank=3
    )
    experts = Experts.fit(trunk, rows, score, probs, [(0, 1), (2,)], shrinkage=5.0)
    weights = np.array([0.5, 0.7, -0.2])
    wider = experts.with_mixture(weights, 0.1, np.array([0.0, 0.3]))
    for known, found in zip(
        experts.estimate(rows, probs), wider.estimate(rows, probs), strict=True
    ):
        np.testing.assert_array_equal(found[:, :3], known)
    general, prompt_level = experts.estimate(rows, probs)
    joined_general, joined = wider.estimate(rows, probs)
    np.testing.assert_allclose(joined_general[:, 3], general @ weights + 0.1, atol=1e-5)
    expected = prompt_level @ weights + 0.1 + 0.3 * probs[:, 1]
    np.testing.assert_allclose(joined[:, 3], expected, atol=1e-5)
    for name, value in experts.to_tensors().items():
        np.testing.assert_array_equal(wider.without_model(3).to_tensors()[name], value)

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.encoders.protocol import unit_rows
from finerouter.quality.experts import Experts, Trunk
from finerouter.quality.kernel import Kernel
from finerouter.quality.mixture import QualityModel
from finerouter.quality.prior import TaskPrior

TASKS, PROMPTS, MODELS = 3, 90, 4
random = np.random.default_rng(0)
ROWS = unit_rows(random.normal(size=(PROMPTS, 5)).astype(np.float32))
LABELS = np.arange(PROMPTS) % TASKS
STRENGTH = np.array([[0.9, 0.5, 0.2, 0.4], [0.1, 0.6, 0.8, 0.5], [0.5, 0.9, 0.4, 0.1]])


@pytest.fixture(scope="module")
def model() -> QualityModel:
    score = (random.uniform(size=(PROMPTS, MODELS)) < STRENGTH[LABELS]).astype(float)
    probs = 0.9 * np.eye(TASKS)[LABELS]
    kernel = Kernel.draw(ROWS, landmarks=30, sharpness=2.0, seed=0)
    trunk = Trunk.fit(kernel, ROWS, score, penalty=3.0, rank=MODELS)
    experts = Experts.fit(trunk, ROWS, score, probs, [range(MODELS)] * TASKS, shrinkage=10.0)
    merged = np.column_stack([probs[:, :2].sum(axis=1), probs[:, 2]])
    priors = (TaskPrior.fit(score, probs), TaskPrior.fit(score, merged))
    return QualityModel(priors, experts, alpha=0.4)


def levels_of(probs):
    """Probabilities of the named tasks, and of a coarser level in which two of them are one."""
    return [probs, np.column_stack([probs[:, :2].sum(axis=1), probs[:, 2]])]


simplexes = arrays(np.float64, (4, TASKS + 1), elements=st.floats(0, 1)).map(
    lambda raw: (raw + 1e-9) / (raw + 1e-9).sum(axis=1, keepdims=True)
)
rows_like = arrays(np.float32, (4, 5), elements=st.floats(-1, 1, width=32)).map(unit_rows)


@given(rows_like, simplexes, st.floats(0, 1))
def test_quality_is_a_quality_and_its_deviation_is_positive(model, rows, simplex, alpha) -> None:
    blended = replace(model, alpha=alpha)
    quality, std = blended.estimate(rows, levels_of(simplex[:, :-1]), simplex[:, -1])
    assert quality.shape == std.shape == (4, MODELS)
    assert ((quality >= 0) & (quality <= 1)).all()
    assert np.isfinite(std).all()
    assert (std > 0).all()


@given(rows_like)
def test_a_prompt_of_no_task_is_left_to_the_general_heads(model, rows) -> None:
    probs, none = np.zeros((4, TASKS)), np.ones(4)
    quality, _ = model.estimate(rows, levels_of(probs), none)
    trunk = model.experts.trunk
    general = trunk.general(trunk.units(rows))
    np.testing.assert_allclose(quality, np.clip(general, 0, 1), atol=1e-6)


def test_alpha_zero_is_the_task_level(model) -> None:
    probs = np.eye(TASKS)
    task_level = replace(model, alpha=0.0)
    quality, _ = task_level.estimate(ROWS[:TASKS], levels_of(probs), np.zeros(TASKS))
    fine, coarse = (prior.mean for prior in model.priors)
    np.testing.assert_allclose(quality, (fine + coarse[[0, 0, 1]]) / 2, atol=1e-6)


def test_a_single_level_is_its_prior(model) -> None:
    single = replace(model, priors=model.priors[:1], alpha=0.0)
    quality, _ = single.estimate(ROWS[:TASKS], [np.eye(TASKS)], np.zeros(TASKS))
    np.testing.assert_allclose(quality, model.priors[0].mean, atol=1e-6)


def test_alpha_one_is_the_prompt_level(model) -> None:
    probs = np.eye(TASKS)[LABELS]
    quality, _ = replace(model, alpha=1.0).estimate(ROWS, levels_of(probs), np.zeros(PROMPTS))
    _, prompt_level = model.experts.estimate(ROWS, probs)
    np.testing.assert_allclose(quality, np.clip(prompt_level, 0, 1), atol=1e-6)


def test_between_them_quality_is_their_blend(model) -> None:
    probs, none = np.full((PROMPTS, TASKS), 0.25), np.full(PROMPTS, 0.25)
    ends = [
        replace(model, alpha=end).estimate(ROWS, levels_of(probs), none)[0] for end in (0.0, 1.0)
    ]
    middle = replace(model, alpha=0.3).estimate(ROWS, levels_of(probs), none)[0]
    inside = np.all([(end > 0) & (end < 1) for end in ends], axis=0)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(middle[inside], (0.7 * ends[0] + 0.3 * ends[1])[inside], atol=1e-6)


def test_not_knowing_the_task_is_less_certain(model) -> None:
    sure, torn, lost = (
        model.estimate(ROWS[:1], levels_of(probs), 1 - probs.sum(axis=1))[1]
        for probs in (np.eye(TASKS)[:1], np.full((1, TASKS), 1 / TASKS), np.zeros((1, TASKS)))
    )
    assert torn.mean() > sure.mean()
    assert lost.mean() > sure.mean()


def test_scaling_the_uncertainty_leaves_the_quality(model) -> None:
    probs, none = np.full((PROMPTS, TASKS), 0.3), np.full(PROMPTS, 0.1)
    quality, std = model.estimate(ROWS, levels_of(probs), none)
    same, doubled = model.scaled(2.0).estimate(ROWS, levels_of(probs), none)
    np.testing.assert_array_equal(quality, same)
    np.testing.assert_allclose(doubled, 2 * std)


def test_tensors_make_the_same_model(model) -> None:
    probs, none = np.full((PROMPTS, TASKS), 0.3), np.full(PROMPTS, 0.1)
    rebuilt = QualityModel.from_tensors(model.scaled(1.7).to_tensors())
    for found, expected in zip(
        rebuilt.estimate(ROWS, levels_of(probs), none),
        model.scaled(1.7).estimate(ROWS, levels_of(probs), none),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finerouter.quality.prior import TaskPrior, shrink

cells = st.tuples(st.integers(1, 5), st.integers(1, 5))


@st.composite
def noisy_means(draw):
    """Means around zero, with a sampling variance and a count for each."""
    shape = draw(cells)
    mean = draw(arrays(np.float64, shape, elements=st.floats(-1, 1)))
    noise = draw(arrays(np.float64, shape, elements=st.floats(1e-4, 1)))
    weight = draw(arrays(np.float64, shape, elements=st.floats(1, 1e4)))
    return mean, noise, weight


@given(noisy_means())
def test_shrunk_means_lie_between_zero_and_the_raw_mean(drawn) -> None:
    mean, noise, weight = drawn
    shrunk, _ = shrink(mean, noise, weight)
    assert (np.abs(shrunk) <= np.abs(mean) + 1e-15).all()
    assert (shrunk * mean >= 0).all()


@given(noisy_means())
def test_posterior_variance_is_less_than_the_noise(drawn) -> None:
    mean, noise, weight = drawn
    _, variance = shrink(mean, noise, weight)
    assert (variance >= 0).all()
    assert (variance < noise).all()


@given(noisy_means())
def test_the_noisier_of_two_equal_means_is_shrunk_more(drawn) -> None:
    mean, noise, weight = drawn
    mean, noise = np.full(mean.shape, 0.3), np.sort(noise.ravel()).reshape(noise.shape)
    shrunk, variance = shrink(mean, noise, weight)
    assert (np.diff(shrunk.ravel()) <= 1e-15).all()
    assert (np.diff(variance.ravel()) >= -1e-15).all()


@given(noisy_means(), st.floats(2, 100))
def test_more_data_means_less_shrinkage(drawn, factor: float) -> None:
    mean, noise, weight = drawn
    few, _ = shrink(mean, noise, weight)
    many, _ = shrink(mean, noise / factor, weight * factor)
    assert (np.abs(many) >= np.abs(few) - 1e-12).all()


def test_means_that_are_all_noise_are_shrunk_away() -> None:
    random = np.random.default_rng(0)
    noise = np.full((40, 10), 0.01)
    noisy = random.normal(scale=0.1, size=noise.shape)
    shrunk, _ = shrink(noisy, noise, np.ones_like(noise))
    assert np.abs(shrunk).mean() < 0.2 * np.abs(noisy).mean()


def test_shrinkage_recovers_the_true_spread() -> None:
    random = np.random.default_rng(0)
    true = random.normal(scale=0.2, size=(60, 20))
    noise = np.full(true.shape, 0.04)
    noisy = true + random.normal(scale=0.2, size=true.shape)
    shrunk, variance = shrink(noisy, noise, np.ones_like(noise))
    np.testing.assert_allclose(shrunk / noisy, 0.5, atol=0.05)
    assert variance.mean() == pytest.approx(np.square(shrunk - true).mean(), rel=0.1)


def planted(prompts: int, seed: int = 0):
    """Scores drawn from a known mean of each task and model, and hard task probabilities."""
    random = np.random.default_rng(seed)
    truth = np.array([[0.9, 0.5, 0.3], [0.2, 0.6, 0.5], [0.6, 0.6, 0.9], [0.4, 0.8, 0.4]])
    labels = np.arange(prompts) % len(truth)
    score = (random.uniform(size=(prompts, 3)) < truth[labels]).astype(float)
    return truth, score, np.eye(len(truth))[labels]


def test_planted_differences_are_recovered() -> None:
    truth, score, task_probs = planted(4_000)
    prior = TaskPrior.fit(score, task_probs)
    np.testing.assert_allclose(prior.mean, truth, atol=0.06)
    np.testing.assert_allclose(prior.overall, score.mean(axis=0))
    assert (prior.mean.argmax(axis=1) == truth.argmax(axis=1)).all()


def test_the_stated_uncertainty_is_about_the_error_made() -> None:
    errors, stated = [], []
    for seed in range(30):
        truth, score, task_probs = planted(200, seed)
        prior = TaskPrior.fit(score, task_probs)
        errors.append(np.square(prior.mean - truth).mean())
        stated.append(np.square(prior.std).mean())
    assert np.mean(stated) == pytest.approx(np.mean(errors), rel=0.35)


def test_a_small_task_stays_nearer_to_the_overall_means() -> None:
    _, score, task_probs = planted(403)
    few = np.concatenate([np.zeros(400), np.ones(3)])
    probs = np.column_stack([task_probs * (1 - few)[:, None], few])
    score[400:] = [0.0, 0.0, 1.0]
    prior = TaskPrior.fit(score, probs)
    raw = score[400:].mean(axis=0) - prior.overall
    pull = np.abs(prior.mean[-1] - prior.overall)
    assert (pull < np.abs(raw)).all()
    assert prior.std[-1].mean() > 2 * prior.std[:-1].mean()


def test_gaps_are_left_out_not_counted_as_zero() -> None:
    truth, score, task_probs = planted(6_000)
    hidden = np.random.default_rng(5).uniform(size=score.shape) < 0.6
    sparse = np.where(hidden, np.nan, score)
    prior = TaskPrior.fit(sparse, task_probs)
    np.testing.assert_allclose(prior.overall, truth.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(prior.mean, truth, atol=0.1)


def test_a_model_asked_the_harder_prompts_is_not_held_to_be_worse() -> None:
    """Two equal models; one answers mostly the easy task, the other mostly the hard one."""
    random = np.random.default_rng(0)
    labels = np.arange(4_000) % 2
    score = (random.uniform(size=(4_000, 3)) < np.array([0.9, 0.3])[labels][:, None]).astype(float)
    favoured = np.where(labels == 0, 0.9, 0.1)[:, None]
    seen = random.uniform(size=score.shape) < np.hstack([favoured, 1 - favoured, favoured * 0 + 1])
    prior = TaskPrior.fit(np.where(seen, score, np.nan), np.eye(2)[labels])
    assert np.ptp(prior.overall) < 0.03
    np.testing.assert_allclose(prior.mean, np.array([[0.9] * 3, [0.3] * 3]), atol=0.06)


def test_what_few_outcomes_say_does_not_make_a_model_the_best() -> None:
    """Equal models in sixteen tasks, one of them asked five times in each; ten such tables."""
    lucky, chosen = 0, 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        labels = np.arange(3_200) % 16
        score = (random.uniform(size=(3_200, 3)) < 0.6).astype(float)
        score[80:, 2] = np.nan
        prior = TaskPrior.fit(score, np.eye(16)[labels])
        whole = np.array([score[labels == task, :2].mean(axis=0) for task in range(16)])
        few = score[:80, 2].reshape(5, 16).mean(axis=0)
        lucky += int((few > whole.max(axis=1)).sum())
        chosen += int((prior.mean.argmax(axis=1) == 2).sum())
        assert (prior.std[:, 2] > 1.5 * prior.std[:, 1]).all()
    assert lucky > 40  # of 160 are best by plain means
    assert chosen < lucky / 2


def test_one_outcome_per_prompt_still_tells_the_models_of_a_task_apart() -> None:
    truth, score, task_probs = planted(6_000)
    asked = np.random.default_rng(5).integers(0, 3, size=len(score))
    single = np.where(np.arange(3) == asked[:, None], score, np.nan)
    prior = TaskPrior.fit(single, task_probs)
    np.testing.assert_allclose(prior.mean, truth, atol=0.1)


@given(
    arrays(np.float64, (12, 3), elements=st.sampled_from([0.0, 0.5, 1.0, np.nan])),
    arrays(np.float64, (12, 2), elements=st.floats(0, 0.5)),
)
def test_means_are_qualities_whatever_the_scores(score, task_probs) -> None:
    score[0] = 0.5
    prior = TaskPrior.fit(score, task_probs)
    assert ((prior.mean >= 0) & (prior.mean <= 1)).all()
    assert np.isfinite(prior.std).all()
    assert (prior.std >= 0).all()


def test_tensors_make_the_same_prior() -> None:
    _, score, task_probs = planted(100)
    prior = TaskPrior.fit(score, task_probs)
    rebuilt = TaskPrior.from_tensors(prior.to_tensors())
    np.testing.assert_array_equal(rebuilt.mean, prior.mean)
    np.testing.assert_array_equal(rebuilt.std, prior.std)

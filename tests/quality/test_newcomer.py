from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.quality import newcomer as law
from finerouter.quality.newcomer import (
    Design,
    Newcomer,
    Spread,
    prior_newcomer,
    probe_design,
    task_design,
    updated,
    with_probes,
)
from finerouter.quality.prior import TaskPrior

SPREAD = Spread(likeness=0.3, level=0.03, task=0.07)


def prior(seed: int = 0, tasks: int = 12, models: int = 5) -> TaskPrior:
    random = np.random.default_rng(seed)
    mean = random.uniform(0.2, 0.9, size=(tasks, models))
    return TaskPrior(mean, np.full(mean.shape, 0.02), mean.mean(axis=0))


def newcomer(known: TaskPrior, **declared) -> Newcomer:
    tasks, models = known.mean.shape
    return prior_newcomer(SPREAD, models=models, tasks=tasks, **declared)


def test_with_nothing_known_a_newcomer_is_the_mean_of_all_and_very_uncertain() -> None:
    known = prior()
    quality, std = newcomer(known).quality(task_design([known]))
    np.testing.assert_allclose(quality, known.mean.mean(axis=1))
    np.testing.assert_allclose(newcomer(known).likeness, 0.2)
    assert std.mean() > 0.1


def test_a_newcomer_declared_to_be_like_another_has_its_quality_and_stays_uncertain() -> None:
    known = prior()
    alike = newcomer(known, like=3)
    quality, std = alike.quality(task_design([known]))
    np.testing.assert_allclose(quality, known.mean[:, 3])
    np.testing.assert_allclose(alike.likeness, np.eye(5)[3], atol=1e-12)
    assert std.mean() > 0.1


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_benchmark_scores_place_a_newcomer_among_the_known(scale: float) -> None:
    known = prior()
    ability = known.mean.mean(axis=0)
    best, worst = int(ability.argmax()), int(ability.argmin())
    scores = {column: scale * float(value) for column, value in enumerate(ability)}
    strong, weak = (
        newcomer(known, benchmarks=[(scale * float(ability[at]), scores)]) for at in (best, worst)
    )
    design = task_design([known])
    assert strong.quality(design)[0].mean() > weak.quality(design)[0].mean() + 0.05
    middle = newcomer(known, benchmarks=[(scale * float(ability.mean()), scores)])
    np.testing.assert_allclose(middle.mean, newcomer(known).mean, atol=1e-9)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=5, unique=True),
    st.lists(st.floats(-100, 100), min_size=2, max_size=2),
)
def test_a_score_beyond_all_known_ones_makes_no_absurd_mixture(
    scores: list[float], declared: list[float]
) -> None:
    known = prior()
    table = dict(enumerate(scores))
    low, high = sorted(declared)
    weak, strong = (newcomer(known, benchmarks=[(score, table)]) for score in (low, high))
    for one in (weak, strong):
        assert np.abs(one.likeness - 0.2).max() < 1.25
    ability = np.array([table.get(at, np.mean(scores)) for at in range(5)])
    assert strong.likeness @ ability >= weak.likeness @ ability - 1e-9


def test_a_declared_score_within_the_known_ones_counts_as_it_is() -> None:
    known, table = prior(), {0: 0.2, 1: 0.4, 2: 0.9}
    found = [newcomer(known, benchmarks=[(score, table)]).mean for score in (0.2, 0.5, 0.9)]
    step = (found[2] - found[0]) / 0.7
    np.testing.assert_allclose(found[1], found[0] + 0.3 * step, atol=1e-12)


def test_probes_find_a_mixture_and_its_uncertainty_is_honest() -> None:
    """Newcomers drawn from the law itself: nine in ten intervals of 90 % hold the truth."""
    known, held = prior(tasks=20), []
    truths = task_design([known])
    random = np.random.default_rng(1)
    for _ in range(60):
        drawn = random.normal(size=26) * np.sqrt(SPREAD.variances(5, 20))
        truth = np.clip(truths.offset + truths.features @ drawn, 0.05, 0.95)
        task = random.integers(0, 20, size=50)
        score = (random.uniform(size=50) < truth[task]).astype(float)
        design = probe_design(known.mean[task], np.full((50, 5), np.nan), np.eye(20)[task])
        after = with_probes(newcomer(known), design, score)
        quality, std = after.quality(truths)
        held.append(np.abs(quality - truth) < 1.645 * std)
    assert 0.84 < np.mean(held) < 0.97


def test_more_probes_are_nearer_and_narrower() -> None:
    known, random = prior(), np.random.default_rng(0)
    truth = known.mean[:, 2]
    found = []
    for count in (0, 40, 400, 4_000):
        task = random.integers(0, 12, size=count)
        score = (random.uniform(size=count) < truth[task]).astype(float)
        design = probe_design(known.mean[task], np.full((count, 5), np.nan), np.eye(12)[task])
        after = with_probes(newcomer(known), design, score) if count else newcomer(known)
        quality, std = after.quality(task_design([known]))
        found.append((np.abs(quality - truth).mean(), std.mean()))
    errors, stds = zip(*found, strict=True)
    assert list(stds) == sorted(stds, reverse=True)
    assert errors[-1] < 0.03 < errors[0]


def test_known_outcomes_on_the_probes_tell_a_hard_prompt_from_a_weak_model() -> None:
    known = prior()
    task = np.arange(12)
    hard = np.zeros((12, 5))  # all known models failed on these prompts
    score = np.zeros(12)
    blind = probe_design(known.mean[task], np.full((12, 5), np.nan), np.eye(12))
    seeing = probe_design(known.mean[task], hard, np.eye(12))
    design = task_design([known])
    without = with_probes(newcomer(known), blind, score).quality(design)[0].mean()
    with_them = with_probes(newcomer(known), seeing, score).quality(design)[0].mean()
    assert with_them > without + 0.02


def test_graded_scores_that_scatter_less_are_trusted_more() -> None:
    known = prior()
    task = np.arange(60) % 12
    design = probe_design(known.mean[task], np.full((60, 5), np.nan), np.eye(12)[task])
    exact = known.mean.mean(axis=1)[task]
    noisy = (np.random.default_rng(0).uniform(size=60) < exact).astype(float)
    narrow = with_probes(newcomer(known), design, exact).quality(task_design([known]))[1]
    wide = with_probes(newcomer(known), design, noisy).quality(task_design([known]))[1]
    assert (narrow < wide).all()


@given(st.integers(0, 1_000))
def test_both_ways_of_updating_agree(seed: int) -> None:
    random = np.random.default_rng(seed)
    design = Design.of(random.uniform(size=(30, 3)), random.uniform(size=(30, 4)))
    before = prior_newcomer(SPREAD, models=3, tasks=4)
    score = random.uniform(size=30)
    by_precision = updated(before, design, score, design.noise)
    step = before
    for at in range(30):  # one score at a time takes the other way
        row = Design(design.offset[at : at + 1], design.features[at : at + 1])
        step = updated(step, row, score[at : at + 1], design.noise[at : at + 1])
    np.testing.assert_allclose(by_precision.mean, step.mean, atol=1e-8)
    np.testing.assert_allclose(by_precision.covariance, step.covariance, atol=1e-8)


def test_the_spread_is_learned_from_how_the_known_models_differ() -> None:
    random = np.random.default_rng(0)
    common = random.uniform(0.3, 0.8, size=(40, 1))

    def around(deviation: float) -> TaskPrior:
        mean = common + random.normal(scale=deviation, size=(40, 6))
        return TaskPrior(mean, np.full(mean.shape, 0.005), mean.mean(axis=0))

    alike, apart = Spread.learn(around(0.02)), Spread.learn(around(0.2))
    assert alike.task <= 0.05
    assert apart.task >= 0.15
    assert law.ECHO > 0


def test_two_known_models_are_enough_to_learn_from() -> None:
    assert Spread.learn(prior(models=2)).task > 0

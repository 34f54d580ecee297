from __future__ import annotations

import numpy as np
import pytest

from finerouter.encoders.protocol import unit_rows
from finerouter.tasks.classifier import (
    CrossFit,
    RidgeSolver,
    TaskClassifier,
    best_temperature,
    softmax,
)

CLUSTERS = 5
DIM = 12


def clustered(each: int, *, noise: float, seed: int = 0):
    """Unit rows around orthogonal centres, and the cluster of each."""
    labels = np.repeat(np.arange(CLUSTERS), each)
    random = np.random.default_rng(seed)
    around = np.eye(CLUSTERS, DIM)[labels] + noise * random.normal(size=(len(labels), DIM))
    return unit_rows(around.astype(np.float32)), labels


def folds_of(labels, folds: int = 3):
    return np.arange(len(labels)) % folds


def crossfit_of(rows, labels, *, penalty: float = 1e-4) -> CrossFit:
    return CrossFit.of(rows, penalty=penalty, folds=folds_of(labels))


@pytest.fixture(scope="module")
def separable():
    rows, labels = clustered(30, noise=0.1)
    return rows, labels, crossfit_of(rows, labels).fit(labels, kinds=labels)


def test_probabilities_and_none_add_up_to_one(separable) -> None:
    rows, _, (classifier, _, _) = separable
    elsewhere = unit_rows(np.random.default_rng(1).normal(size=(50, DIM)).astype(np.float32))
    for some in (rows, elsewhere, np.zeros((2, DIM), np.float32)):
        probs, none = classifier.probabilities(some)
        assert probs.shape == (len(some), CLUSTERS)
        assert ((probs >= 0) & (probs <= 1)).all()
        assert ((none >= 0) & (none <= 1)).all()
        np.testing.assert_allclose(probs.sum(axis=1) + none, 1.0)


def test_separable_clusters_are_told_apart_out_of_fold(separable) -> None:
    _, labels, (_, probs, none) = separable
    assert (probs.argmax(axis=1) == labels).mean() > 0.98
    assert (none < 0.5).mean() > 0.95


def test_separable_clusters_are_told_apart_on_new_rows(separable) -> None:
    _, _, (classifier, _, _) = separable
    rows, labels = clustered(20, noise=0.1, seed=9)
    probs, none = classifier.probabilities(rows)
    assert (probs.argmax(axis=1) == labels).mean() > 0.98
    assert np.median(none) < 0.1


def test_rows_far_from_every_cluster_belong_to_none(separable) -> None:
    rows, _, (classifier, _, _) = separable
    far = -np.eye(CLUSTERS, DIM).sum(axis=0) + np.eye(DIM)[CLUSTERS:].sum(axis=0)
    _, none = classifier.probabilities(unit_rows(far[None, :].astype(np.float32)))
    _, none_near = classifier.probabilities(rows)
    assert none[0] > 0.5 > np.quantile(none_near, 0.95)


def test_none_grows_with_the_distance(separable) -> None:
    _, _, (classifier, _, _) = separable
    path = np.linspace(0, 1, 11)[:, None]
    there, away = np.eye(DIM)[0], np.eye(DIM)[-1]
    _, none = classifier.probabilities(unit_rows(((1 - path) * there + path * away).astype("f4")))
    assert none[-1] > none[0]
    assert (np.diff(none) > -1e-9).all()


def test_more_expected_strangers_mean_more_of_none(separable) -> None:
    rows, labels, _ = separable
    crossfit = crossfit_of(rows, labels)
    rarely = crossfit.fit(labels, kinds=labels, unseen_share=0.01)[2]
    often = crossfit.fit(labels, kinds=labels, unseen_share=0.4)[2]
    assert often.mean() > rarely.mean()


def test_out_of_fold_scores_do_not_see_their_own_fold(separable) -> None:
    rows, labels, _ = separable
    folds = folds_of(labels)
    scores = crossfit_of(rows, labels).out_of_fold_scores(labels)
    swapped = np.where(folds == 1, (labels + 1) % CLUSTERS, labels)
    changed = crossfit_of(rows, labels).out_of_fold_scores(swapped)
    np.testing.assert_array_equal(scores[folds == 1], changed[folds == 1])
    assert not np.allclose(scores[folds == 0], changed[folds == 0])


def test_overlapping_clusters_get_honest_probabilities() -> None:
    rows, labels = clustered(200, noise=0.5)
    _, probs, none = crossfit_of(rows, labels, penalty=1e-3).fit(labels, kinds=labels)
    given_some_task = probs.max(axis=1) / (1 - none)
    hits = probs.argmax(axis=1) == labels
    assert 0.5 < hits.mean() < 0.97
    assert given_some_task.mean() == pytest.approx(hits.mean(), abs=0.03)


@pytest.mark.parametrize("true", [3.0, 8.0, 20.0, 40.0])
def test_the_temperature_that_made_the_labels_is_recovered(true: float) -> None:
    random = np.random.default_rng(0)
    scores = random.normal(scale=2 / true, size=(4_000, 4))
    chances = softmax(true * scores)
    labels = (random.uniform(size=(4_000, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    assert best_temperature(scores, labels) == pytest.approx(true, rel=0.25)


def test_a_single_task_leaves_only_the_expected_share_to_none() -> None:
    rows, labels = clustered(10, noise=0.1)
    one = np.zeros_like(labels)
    _, probs, none = crossfit_of(rows, labels).fit(one, kinds=one, unseen_share=0.1)
    np.testing.assert_allclose(none, 0.1)
    np.testing.assert_allclose(probs[:, 0], 0.9)


def test_tasks_of_one_kind_are_no_strangers_to_each_other(separable) -> None:
    rows, labels, _ = separable
    halves = 2 * labels + np.arange(len(labels)) % 2
    crossfit = crossfit_of(rows, labels)
    by_kind = crossfit.fit(halves, kinds=labels)[0]
    far = unit_rows(np.eye(DIM, dtype=np.float32)[-1:])
    assert by_kind.probabilities(far)[1][0] > 0.5
    assert np.median(by_kind.probabilities(rows)[1]) < 0.1
    by_task = crossfit.fit(halves, kinds=halves)[0]
    assert np.median(by_task.probabilities(rows)[1]) > np.median(by_kind.probabilities(rows)[1])


def test_shares_leave_no_room_for_none(separable) -> None:
    rows, labels, _ = separable
    classifier, out_of_fold = crossfit_of(rows, labels).fit_shares(labels)
    for shares in (out_of_fold, classifier.shares(rows)):
        np.testing.assert_allclose(shares.sum(axis=1), 1.0)
        assert (shares.argmax(axis=1) == labels).mean() > 0.98


def test_a_task_that_a_fold_never_saw_is_no_trouble() -> None:
    rows, labels = clustered(12, noise=0.1)
    folds = np.where(labels == 2, 0, folds_of(labels))
    crossfit = CrossFit.of(rows, penalty=1e-4, folds=folds)
    _, probs, none = crossfit.fit(labels, kinds=labels)
    assert np.isfinite(probs).all()
    assert np.isfinite(none).all()


def test_ridge_equals_its_normal_equations() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(40, 6)).astype(np.float32)
    targets = random.normal(size=(40, 3)).astype(np.float32)
    weights, intercept = RidgeSolver.of(rows, penalty=0.1).fit(rows, targets)
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    gram = centred.T @ centred + 0.1 * 40 * np.eye(6)
    expected = np.linalg.solve(gram, centred.T @ (targets - targets.mean(axis=0)))
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    means = (rows @ weights + intercept).mean(axis=0)
    np.testing.assert_allclose(means, targets.mean(axis=0), atol=1e-5)


def test_tensors_make_the_same_classifier(separable) -> None:
    rows, _, (classifier, _, _) = separable
    rebuilt = TaskClassifier.from_tensors(classifier.to_tensors())
    assert rebuilt.tasks == classifier.tasks == CLUSTERS
    for found, expected in zip(
        rebuilt.probabilities(rows), classifier.probabilities(rows), strict=True
    ):
        np.testing.assert_array_equal(found, expected)

"""Which task a prompt belongs to, with a learned "none of these".

Takes unit feature rows and discovered labels; gives calibrated probabilities [prompt, task] that
add up to one minus the probability of none. Serves with NumPy alone. Knows nothing of models,
scores or how the labels came about.

The task scores are a ridge regression on label indicators: closed form, so it can be fitted
hundreds of times while tuning, and as good here as multinomial logistic regression
(docs/experiments.md). A temperature turns them into probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Labels = NDArray[np.int64]

_TEMPERATURES = np.geomspace(2.0, 60.0, 35)
_NEWTON_STEPS = 30
_ROWS_AT_A_TIME = 16_384


@dataclass(frozen=True, eq=False)
class RidgeSolver:
    """The part of ridge regression that does not depend on the targets.

    Made once per set of rows, it then fits any targets by two matrix products.
    """

    mean: Floats
    inverse: Floats  # [feature, feature], of the penalised Gram matrix

    @classmethod
    def of(cls, rows: Rows, *, penalty: float) -> RidgeSolver:
        """Factorise rows [row, feature]; `penalty` is per row."""
        mean = rows.mean(axis=0, dtype=np.float64)
        gram = np.zeros((rows.shape[1], rows.shape[1]))
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            centred = rows[start : start + _ROWS_AT_A_TIME] - mean
            gram += centred.T @ centred
        gram[np.diag_indices_from(gram)] += penalty * len(rows)
        return cls(mean, np.asarray(np.linalg.inv(gram), np.float64))

    def fit(self, rows: Rows, targets: Rows) -> tuple[Floats, Floats]:
        """Fit targets.

        Args:
            rows: those that the solver was made of.
            targets: [row, target].

        Returns:
            Weights [feature, target] and intercepts [target].
        """
        intercept = targets.mean(axis=0, dtype=np.float64)
        # Centred targets add up to zero, so the rows need no centring here.
        product = (rows.T @ (targets - intercept.astype(np.float32))).astype(np.float64)
        weights = self.inverse @ product
        return weights, intercept - self.mean @ weights


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Fits classifiers on the same rows again and again, in fold and out of fold.

    Attributes:
        rows: unit feature rows [prompt, feature].
        folds: fold of each prompt.
        whole: solver on all rows.
        parts: per fold, the solver on the other folds' rows.
    """

    rows: Rows
    folds: Labels
    whole: RidgeSolver
    parts: tuple[RidgeSolver, ...]

    @classmethod
    def of(cls, rows: Rows, *, penalty: float, folds: Labels) -> CrossFit:
        """Factorise once; `penalty` is that of ridge regression, per row."""
        parts = tuple(
            RidgeSolver.of(rows[folds != fold], penalty=penalty) for fold in np.unique(folds)
        )
        return cls(rows, folds, RidgeSolver.of(rows, penalty=penalty), parts)

    def fit(
        self, labels: Labels, *, kinds: Labels, unseen_share: float = 0.05
    ) -> tuple[TaskClassifier, Floats, Floats]:
        """Fit weights on all rows; temperature and "none" on out-of-fold scores.

        "None" is learned by leaving each kind of prompt out in turn, with all its tasks: its
        prompts then stand for what was never seen, against everybody's out-of-fold scores with all
        tasks present. Leaving out single tasks would teach nothing, for a task's nearest relatives
        would still claim its prompts.

        Args:
            labels: task of each prompt, 0 to T - 1, none empty.
            kinds: a coarse division of the same prompts.
            unseen_share: share of prompts that are expected to belong to no task.

        Returns:
            The classifier, and out-of-fold probabilities [prompt, task] and of none [prompt].
        """
        weights, intercept = self.whole.fit(self.rows, _indicators(labels))
        scores = self.out_of_fold_scores(labels)
        centres = _centres(self.rows, labels)
        similarity = self.rows @ centres
        classifier = TaskClassifier(
            weights=weights.astype(np.float32),
            intercept=intercept.astype(np.float32),
            temperature=best_temperature(scores, labels),
            centres=centres,
            none_weights=_learn_none(scores, similarity, _relatives(labels, kinds), unseen_share),
        )
        return classifier, *classifier.from_scores(scores, similarity)

    def fit_shares(self, labels: Labels) -> tuple[TaskClassifier, Floats]:
        """As `fit`, for tasks that nobody asks about "none": out-of-fold shares [prompt, task]."""
        weights, intercept = self.whole.fit(self.rows, _indicators(labels))
        scores = self.out_of_fold_scores(labels)
        temperature = best_temperature(scores, labels)
        classifier = TaskClassifier(
            weights=weights.astype(np.float32),
            intercept=intercept.astype(np.float32),
            temperature=temperature,
            centres=_centres(self.rows, labels),
            none_weights=np.array([-30.0, 0.0, 0.0]),
        )
        return classifier, softmax(temperature * scores)

    def out_of_fold_scores(self, labels: Labels) -> Floats:
        """Raw task scores [prompt, task], each prompt's from a fit that did not see it."""
        indicators = _indicators(labels)
        scores = np.zeros(indicators.shape)
        for fold, solver in zip(np.unique(self.folds), self.parts, strict=True):
            held_out = self.folds == fold
            weights, intercept = solver.fit(self.rows[~held_out], indicators[~held_out])
            scores[held_out] = self.rows[held_out] @ weights + intercept
        return scores


@dataclass(frozen=True, eq=False)
class TaskClassifier:
    """Calibrated task probabilities of feature rows.

    Attributes:
        weights: [feature, task]; intercept: [task].
        temperature: multiplies the scores before the softmax.
        centres: unit centre of each task [feature, task], for telling what belongs to none.
        none_weights: [3], logistic weights of (1, largest score, largest similarity to a centre).
    """

    weights: Rows
    intercept: Rows
    temperature: float
    centres: Rows
    none_weights: Floats

    @property
    def tasks(self) -> int:
        """Number of tasks."""
        return self.weights.shape[1]

    def probabilities(self, rows: Rows) -> tuple[Floats, Floats]:
        """Probability of each task, and of none.

        Args:
            rows: unit feature rows [prompt, feature].

        Returns:
            [prompt, task] and [prompt]; together they add up to one in every row.
        """
        return self.from_scores(rows @ self.weights + self.intercept, rows @ self.centres)

    def shares(self, rows: Rows) -> Floats:
        """Probability of each task given that the prompt has one, [prompt, task]."""
        return softmax(self.temperature * (rows @ self.weights + self.intercept))

    def from_scores(self, scores: Rows | Floats, similarity: Rows) -> tuple[Floats, Floats]:
        """As `probabilities`, from raw scores and centre similarities, both [prompt, task]."""
        none = logistic(_evidence(scores, similarity) @ self.none_weights)
        return softmax(self.temperature * scores) * (1.0 - none)[:, None], none

    def to_tensors(self) -> dict[str, NDArray[np.generic]]:
        """The fitted arrays, by name."""
        return {
            "weights": self.weights,
            "intercept": self.intercept,
            "temperature": np.array([self.temperature]),
            "centres": self.centres,
            "none_weights": self.none_weights,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[np.generic]]) -> TaskClassifier:
        """Rebuild from what `to_tensors` gave."""
        return cls(
            weights=np.asarray(tensors["weights"], np.float32),
            intercept=np.asarray(tensors["intercept"], np.float32),
            temperature=float(np.asarray(tensors["temperature"], np.float64)[0]),
            centres=np.asarray(tensors["centres"], np.float32),
            none_weights=np.asarray(tensors["none_weights"], np.float64),
        )


def best_temperature(scores: Floats, labels: Labels) -> float:
    """Temperature with the smallest log loss of the true labels; scores are out of fold.

    The loss is convex in the temperature, so the grid is searched by halving, not exhaustively.
    """
    own = scores[np.arange(len(labels)), labels]
    shifted = scores - scores.max(axis=1, keepdims=True)
    own = own - scores.max(axis=1)

    def loss(at: int) -> float:
        temperature = _TEMPERATURES[at]
        total = np.exp(temperature * shifted).sum(axis=1)
        return float((np.log(total) - temperature * own).mean())

    low, high = 0, len(_TEMPERATURES) - 1
    while low < high:
        middle = (low + high) // 2
        if loss(middle) <= loss(middle + 1):
            high = middle
        else:
            low = middle + 1
    return float(_TEMPERATURES[low])


def softmax(scores: NDArray[np.floating]) -> Floats:
    """Row-wise softmax."""
    shifted = np.exp(np.asarray(scores, np.float64) - scores.max(axis=1, keepdims=True))
    normalised: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return normalised


def logistic(values: Floats) -> Floats:
    """Logistic function, of values from -30 to 30; beyond them as at these."""
    squashed: Floats = 1.0 / (1.0 + np.exp(-np.minimum(np.maximum(values, -30.0), 30.0)))
    return squashed


def _indicators(labels: Labels) -> Rows:
    return np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]


def _centres(rows: Rows, labels: Labels) -> Rows:
    sums = _indicators(labels).T @ rows
    return (sums / (np.linalg.norm(sums, axis=1, keepdims=True) + 1e-12)).T.astype(np.float32)


def _relatives(labels: Labels, kinds: Labels) -> NDArray[np.bool_]:
    """The tasks of each prompt's kind, its own included, [prompt, task]."""
    kind_of_task = (_indicators(labels).T @ _indicators(kinds)).argmax(axis=1)
    return kind_of_task[labels][:, None] == kind_of_task[None, :]


def _learn_none(
    scores: Floats, similarity: Rows, relatives: NDArray[np.bool_], unseen_share: float
) -> Floats:
    left = np.flatnonzero(~relatives.all(axis=1))
    if not len(left):  # a single kind: nothing can be left out
        return np.array([np.log(unseen_share / (1 - unseen_share)), 0.0, 0.0])
    seen = _evidence(scores, similarity)
    hidden = _evidence(
        np.where(relatives, -np.inf, scores)[left], np.where(relatives, -np.inf, similarity)[left]
    )
    unseen = np.repeat([0.0, 1.0], [len(seen), len(hidden)])
    weight = np.where(unseen == 1, unseen_share / len(hidden), (1 - unseen_share) / len(seen))
    return _logistic_regression(np.concatenate([seen, hidden]), unseen, weight)


def _evidence(scores: NDArray[np.floating], similarity: NDArray[np.floating]) -> Floats:
    evidence = np.ones((len(scores), 3))
    scores.max(axis=1, out=evidence[:, 1])
    similarity.max(axis=1, out=evidence[:, 2])
    return evidence


def _logistic_regression(inputs: Floats, targets: Floats, weight: Floats) -> Floats:
    """Weighted logistic regression by Newton's method, with a small ridge for separable data."""
    coefficients = np.zeros(inputs.shape[1])
    ridge = 1e-4 * np.eye(inputs.shape[1])
    for _ in range(_NEWTON_STEPS):
        fitted = logistic(inputs @ coefficients)
        gradient = inputs.T @ (weight * (fitted - targets)) + ridge @ coefficients
        curvature = (inputs * (weight * fitted * (1 - fitted))[:, None]).T @ inputs + ridge
        step = np.linalg.solve(curvature, gradient)
        coefficients = coefficients - np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-8:
            break
    return coefficients

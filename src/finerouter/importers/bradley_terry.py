"""Strengths of models from pairwise results (Bradley and Terry, Biometrika 39, 1952).

Takes who met whom and who won; gives strengths on the logistic scale, and scores in [0, 1] that
allow for the opponent. Knows nothing of prompts.

    P(first beats second) = 1 / (1 + exp(second's strength - first's))

A tie is half a win for each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_STEPS = 100
_ENOUGH = 1e-10


def strengths(
    first: Codes, second: Codes, result: Floats, *, centre: Floats, spread: float
) -> Floats:
    """The likeliest strengths [model], given that they lie around `centre`.

    Newton's method on the log posterior, which is strictly concave: there is one answer, and it is
    finite even for a model that won always.

    Args:
        first: [battle], column of the one model.
        second: [battle], column of the other.
        result: [battle], 1 where the first won, 0 where the second did, 0.5 for a tie.
        centre: [model], where strengths are expected.
        spread: standard deviation of a strength around that.
    """
    found = np.array(centre, dtype=np.float64)
    for _ in range(_STEPS):
        chance = win_chance(found[first] - found[second])
        step = _newton_step(first, second, result, chance, (found - centre) / spread**2, spread)
        # A full step can overshoot when a model has won everything; half a unit never does.
        found += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < _ENOUGH:
            break
    return found


def _newton_step(
    first: Codes, second: Codes, result: Floats, chance: Floats, pull: Floats, spread: float
) -> Floats:
    size = len(pull)
    surprise, weight = result - chance, chance * (1 - chance)
    slope = np.bincount(first, surprise, size) - np.bincount(second, surprise, size) - pull
    curve: Floats = np.diag(np.full(size, spread**-2))
    np.add.at(curve, (first, first), weight)
    np.add.at(curve, (second, second), weight)
    np.add.at(curve, (first, second), -weight)
    np.add.at(curve, (second, first), -weight)
    step: Floats = np.linalg.solve(curve, slope).astype(np.float64)
    return step


def win_chance(difference: Floats) -> Floats:
    """Chance to win by this lead in strength."""
    chance: Floats = 0.5 * (1.0 + np.tanh(0.5 * difference))
    return chance


def against_field(strength: Floats) -> Floats:
    """Each model's mean chance against all the others [model]."""
    chance = win_chance(strength[:, None] - strength[None, :])
    others = len(strength) - 1
    mean: Floats = (chance.sum(axis=1) - 0.5) / others
    return mean


def fair_score(result: Floats, expected: Floats, against_all: Floats) -> Floats:
    """A result, made independent of who the opponent happened to be.

    Beating a strong opponent says more than beating a weak one. The result y of a battle that
    should be won with chance p is mapped to a score whose expectation is u, the chance against the
    mean opponent, and which stays in [0, 1]:

        y u / p                          for an opponent weaker than most (p > u)
        1 - (1 - y) (1 - u) / (1 - p)    for a stronger one

    It is linear in y, so the expectation is exact: u where y has the mean p. The noise of the
    single battle stays in, as in any other outcome.

    Args:
        result: y, [battle].
        expected: p, [battle].
        against_all: u, [battle].
    """
    weaker = result * against_all / np.maximum(expected, 1e-300)
    stronger = 1 - (1 - result) * (1 - against_all) / np.maximum(1 - expected, 1e-300)
    return np.clip(np.where(expected > against_all, weaker, stronger), 0.0, 1.0)

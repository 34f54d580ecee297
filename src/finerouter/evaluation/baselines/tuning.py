"""The same budget of tuning for every method: so many settings, the same folds, one utility.

Takes a baseline's settings and training prompts; gives the setting with the best routing utility
out of fold. Looks at nothing outside the training prompts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from finerouter.evaluation.baselines.preference import Preference, outcomes_of
from finerouter.evaluation.baselines.protocol import Baseline, Fitted, Rows, Trained
from finerouter.frontier import mean_quality_over
from finerouter.outcomes import OutcomeTable
from finerouter.training import cost_range, fold_numbers

FOLDS = 3


@dataclass(frozen=True, eq=False)
class Tuned:
    """A chosen setting.

    Attributes:
        chosen: the setting.
        utilities: out-of-fold routing utility of every setting, in order.
    """

    chosen: Baseline
    utilities: tuple[float, ...]


def tune(
    configurations: Sequence[Baseline], rows: Rows, train: OutcomeTable, *, seed: int
) -> Tuned:
    """Choose a setting by cross-validation; among equals the first.

    Args:
        configurations: the settings, the defaults first.
        rows: unit rows [prompt, feature] of the training prompts.
        train: their outcomes.
        seed: draws the folds, which are the same for every method, and seeds the fits.
    """
    folds = fold_numbers(train.prompts, FOLDS, [seed, 2])
    preferences: list[list[Preference]] = [[] for _ in configurations]
    order = []
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        order.append(outside)
        fitted = fit_all(configurations, rows[inside], train.rows(inside), seed=seed)
        for at, each in enumerate(fitted):
            preferences[at].append(each.prefer(rows[outside]))
    table = train.rows(np.concatenate(order))
    utilities = tuple(preference_utility(_joined(parts), table) for parts in preferences)
    return Tuned(configurations[int(np.argmax(utilities))], utilities)


def preference_utility(preference: Preference, outcomes: OutcomeTable) -> float:
    """Routing utility of any preference; for estimates it is `training.routing_utility`."""
    chosen = outcomes_of(preference, outcomes)
    quality, cost = chosen.score.mean(axis=0), chosen.cost_usd.mean(axis=0)
    low, high = cost_range(outcomes.score, outcomes.realised_cost_usd)
    if not high > low:
        return float(quality[0])
    return mean_quality_over(cost, quality, low, high)


def fit_all(
    configurations: Sequence[Baseline], rows: Rows, train: OutcomeTable, *, seed: int
) -> list[Fitted]:
    """Fit every setting; those that differ in epochs alone share one run."""
    fitted: dict[int, Fitted] = {}
    for members in _sharing_a_run(configurations):
        first = configurations[members[0]]
        if isinstance(first, Trained):
            epochs = [cast(Any, configurations[at]).epochs for at in members]
            fits = first.fit_at(rows, train, seed=seed, epochs=epochs)
            fitted.update(zip(members, fits, strict=True))
        else:
            fitted[members[0]] = first.fit(rows, train, seed=seed)
    return [fitted[at] for at in range(len(configurations))]


def _sharing_a_run(configurations: Sequence[Baseline]) -> Iterator[list[int]]:
    groups: dict[Any, list[int]] = {}
    for at, each in enumerate(configurations):
        key = replace(cast(Any, each), epochs=0) if isinstance(each, Trained) else at
        groups.setdefault(key, []).append(at)
    yield from groups.values()


def _joined(parts: Sequence[Preference]) -> Preference:
    return type(parts[0]).joined(parts)

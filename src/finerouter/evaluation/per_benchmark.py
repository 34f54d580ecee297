"""The best model of each prompt's benchmark, which a router is not told.

Takes held-out outcomes and, where the data holds them, those of training prompts; gives a model per
prompt that was chosen on other prompts than it is judged by. Knows nothing of routers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Names = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class BestPerBenchmark:
    """The best model of each prompt's benchmark.

    Attributes:
        column: of the model, [prompt].
        on_held_out: benchmarks whose model was chosen on the other held-out prompts, for want of
            training prompts.
    """

    column: Labels
    on_held_out: tuple[str, ...]


def best_per_benchmark(
    outcomes: OutcomeTable,
    training: OutcomeTable | None,
    folds: Labels,
    *,
    otherwise: int,
    least: int,
) -> BestPerBenchmark | None:
    """Choose the best model of each benchmark by mean score; None where the data names none.

    Args:
        outcomes: held out.
        training: outcomes of training prompts in the same data.
        folds: [prompt]; without enough training prompts, other folds decide.
        otherwise: column of the model for prompts whose benchmark has no outcome to decide by.
        least: prompts of a benchmark with a score, fewer of which decide nothing.
    """
    if outcomes.benchmarks is None:
        return None
    names = np.array(outcomes.benchmarks)
    known, score = _scored(training, outcomes)
    enough = {name for name in np.unique(names).tolist() if (known == name).sum() >= least}
    column = _best_of(known, score, names, otherwise)
    for fold in np.unique(folds):
        out = folds == fold
        crossed = _best_of(names[~out], outcomes.score[~out], names[out], otherwise)
        column[out] = np.where(np.isin(names[out], sorted(enough)), column[out], crossed)
    return BestPerBenchmark(column, tuple(sorted(set(names.tolist()) - enough)))


def _scored(training: OutcomeTable | None, outcomes: OutcomeTable) -> tuple[Names, Floats]:
    """Benchmarks and scores of the training prompts that have a score."""
    if training is None or training.benchmarks is None:
        return np.empty(0, dtype=str), np.empty((0, len(outcomes.models)))
    score = training.select_models(outcomes.models).score
    scored = (~np.isnan(score)).any(axis=1)
    return np.array(training.benchmarks)[scored], score[scored]


def _best_of(known: Names, score: Floats, names: Names, otherwise: int) -> Labels:
    """Best model by mean score of each prompt's benchmark; overall where that one is new."""
    overall = _best(score, otherwise)
    best = np.full(len(names), overall)
    for name in np.unique(names):
        best[names == name] = _best(score[known == name], overall)
    return best


def _best(score: Floats, otherwise: int) -> int:
    means = column_means(score)
    return otherwise if np.isnan(means).all() else int(np.nanargmax(means))

"""Choices that see what no router sees: the outcomes themselves, or the prompts' benchmarks.

Takes outcomes; gives the model of each prompt, or what it brought. Knows nothing of embeddings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.evaluation.baselines.preference import Estimates
from finerouter.frontier import cheapest_argmax
from finerouter.gaps import column_means, row_means
from finerouter.outcomes import OutcomeTable

Floats = NDArray[np.float64]
_CORRECT = 0.5


def oracle_choice(outcomes: OutcomeTable) -> NDArray[np.int64]:
    """The best model of each prompt in hindsight, the cheapest among equals, [prompt]."""
    score = np.where(np.isnan(outcomes.score), -np.inf, outcomes.score)
    return cheapest_argmax(score, outcomes.realised_cost_usd)


def cheapest_correct_choice(outcomes: OutcomeTable) -> NDArray[np.int64]:
    """The cheapest model that is right on each prompt, else the cheapest asked, [prompt].

    Right is a score of a half or more. LLMRouterBench (arXiv 2601.07206) counts any score above
    zero, which flatters graded benchmarks.
    """
    observed = ~np.isnan(outcomes.score)
    right = observed & (np.nan_to_num(outcomes.score) >= _CORRECT)
    rank = np.where(right, 1.0, np.where(observed, 0.0, -np.inf))
    return cheapest_argmax(rank, outcomes.realised_cost_usd)


def random_outcome(values: Floats) -> Floats:
    """Expected outcome of a model drawn at random on each prompt, [prompt]; gaps left out."""
    return row_means(values)


def benchmark_means(train: OutcomeTable, held_out: OutcomeTable) -> Estimates:
    """Each model's mean score and cost on the prompt's benchmark: the best that labels give.

    Raises:
        DataError: the prompts have no benchmarks, or one that the training part lacks.
    """
    if train.benchmarks is None or held_out.benchmarks is None:
        raise DataError("the outcomes have no benchmarks; add that column, or leave this line out")
    names = np.array(train.benchmarks)
    unknown = sorted(set(held_out.benchmarks) - set(train.benchmarks))
    if unknown:
        raise DataError(f"no training prompt is of benchmark {unknown[0]!r}; add some")
    score = {name: _means(train.score, names == name) for name in set(train.benchmarks)}
    cost = {name: _means(train.realised_cost_usd, names == name) for name in score}
    return Estimates(
        quality=np.array([score[name] for name in held_out.benchmarks]),
        cost_usd=np.array([cost[name] for name in held_out.benchmarks]),
    )


def _means(values: Floats, members: NDArray[np.bool_]) -> Floats:
    own = column_means(values[members])
    return np.where(np.isnan(own), column_means(values), own)

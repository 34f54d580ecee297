"""Ways to divide prompts into a part to train on and a part to judge by.

Takes outcomes; gives `Split`s of row numbers. Near-duplicates never stand on both sides (what they
are stands in `duplicates.py`). Whatever is chosen, such as a dial, is chosen inside the training
part: that is for `train`, which sees nothing else. Knows nothing of routers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.duplicates import near_duplicate_groups
from finerouter.errors import DataError
from finerouter.evaluation.crossfit import fold_labels
from finerouter.evaluation.judging import LEAST_PROMPTS
from finerouter.outcomes import OutcomeTable

Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """One division of a table's rows.

    Attributes:
        name: for people.
        fit: rows to train on.
        held_out: rows to judge by.
        left_out: rows of neither part: they nearly repeat a prompt of the other part, or come
            later, or nothing says where they belong.
    """

    name: str
    fit: Labels
    held_out: Labels
    left_out: Labels


def random_splits(outcomes: OutcomeTable, *, folds: int, seed: int) -> tuple[Split, ...]:
    """Every prompt held out once, each benchmark spread evenly over the folds.

    Near-duplicates share a fold, so nothing is left out.

    Raises:
        DataError: too few prompts to judge by in every fold.
    """
    groups = near_duplicate_groups(outcomes.prompts)
    strata = outcomes.benchmarks or [""] * len(outcomes)
    fold = fold_labels(strata, groups, folds=folds, seed=seed)
    smallest = int(np.bincount(fold, minlength=folds).min())
    if smallest < LEAST_PROMPTS:
        raise DataError(
            f"{len(outcomes)} prompts in {folds} folds leave {smallest} to judge by; take fewer "
            f"folds or collect more, at least {LEAST_PROMPTS} a fold"
        )
    return tuple(
        Split(
            f"fold {at + 1} of {folds}",
            np.flatnonzero(fold != at),
            np.flatnonzero(fold == at),
            np.empty(0, dtype=np.int64),
        )
        for at in range(folds)
    )


def benchmark_splits(outcomes: OutcomeTable) -> tuple[Split, ...]:
    """Each benchmark held out in turn: how does a router do on work it has never seen?

    Near-duplicates of held-out prompts in other benchmarks are not trained on. Benchmarks with
    too few prompts to judge by are never held out.

    Raises:
        DataError: the data names no benchmarks, or none can be held out.
    """
    names = np.array(outcomes.benchmarks or (), dtype=str)
    if len(np.unique(names)) < 2:
        raise DataError(
            "the data names no two benchmarks, so none can be left out; add a benchmark column, or "
            "split at random"
        )
    groups = near_duplicate_groups(outcomes.prompts)
    splits = tuple(
        _without(f"without {name}", ~(names == name), names == name, groups, drop_fit=True)
        for name in np.unique(names).tolist()
        if (names == name).sum() >= LEAST_PROMPTS
    )
    if not splits:
        raise DataError(
            f"no benchmark has the {LEAST_PROMPTS} prompts it takes to judge by; split at random"
        )
    return splits


def time_splits(outcomes: OutcomeTable, *, folds: int) -> tuple[Split, ...]:
    """Trained on what came before, judged by what came next, in `folds` steps.

    The prompts are cut by time into one more block than there are folds, about equally large;
    prompts of the same second stay together. Near-duplicates of earlier prompts are not judged by,
    and prompts without a time are in neither part.

    Raises:
        DataError: the data holds no times, or too few of them.
    """
    if outcomes.times is None:
        raise DataError(
            "the data holds no times, so it cannot be split by time; add a time column of ISO 8601 "
            "dates, or split at random"
        )
    times = outcomes.times.astype("datetime64[s]")
    dated = ~np.isnat(times)
    seconds = times.astype(np.int64)
    inner = np.quantile(seconds[dated], np.arange(1, folds + 1) / (folds + 1), method="lower")
    block = np.where(dated, np.searchsorted(inner, seconds, side="left"), -1)
    groups = near_duplicate_groups(outcomes.prompts)
    splits = tuple(
        _without(
            _period(times, block == at), dated & (block < at), block == at, groups, drop_fit=False
        )
        for at in range(1, folds + 1)
    )
    for split in splits:
        if min(len(split.held_out), len(split.fit)) < LEAST_PROMPTS:
            raise DataError(
                f"the prompts' times leave {len(split.fit)} to train on and {len(split.held_out)} "
                f"to judge by in one of {folds} periods; take fewer folds, or split at random"
            )
    return splits


def _period(times: NDArray[np.datetime64], rows: NDArray[np.bool_]) -> str:
    if not rows.any():
        return "an empty period"
    first, last = times[rows].min(), times[rows].max()
    return f"{np.datetime_as_string(first, 'D')} to {np.datetime_as_string(last, 'D')}"


def _without(
    name: str,
    fit: NDArray[np.bool_],
    held_out: NDArray[np.bool_],
    groups: Labels,
    *,
    drop_fit: bool,
) -> Split:
    """A split of two disjoint parts, less what nearly repeats a prompt of the other part."""
    straddles = np.isin(groups, np.intersect1d(groups[fit], groups[held_out]))
    fit, held_out = (fit & ~straddles, held_out) if drop_fit else (fit, held_out & ~straddles)
    rows = [np.flatnonzero(part) for part in (fit, held_out, ~(fit | held_out))]
    return Split(name, *rows)

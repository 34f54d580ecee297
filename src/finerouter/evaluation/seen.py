"""Prompts that a router was trained on must not judge it.

Takes a router and outcomes; gives the outcomes it has not seen, and how many were left out. Knows
nothing of what is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.evaluation.judging import LEAST_PROMPTS
from finerouter.outcomes import OutcomeTable
from finerouter.router import Router

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Unseen:
    """Outcomes divided by what the router was trained on.

    Attributes:
        held_out: what to judge by.
        training: outcomes of training prompts, None where the data holds none.
        left_out: training prompts left out.
        left_out_near: near-duplicates of training prompts left out.
        seen: prompts of `held_out` that are either; above zero only when forced.
        near_known: whether the router can tell near-duplicates of its training prompts.
    """

    held_out: OutcomeTable
    training: OutcomeTable | None
    left_out: int
    left_out_near: int
    seen: int
    near_known: bool


def without_training_prompts(router: Router, outcomes: OutcomeTable, *, force: bool) -> Unseen:
    """Leave out what the router was trained on, and what nearly repeats it.

    Args:
        force: leave nothing out, and count.

    Raises:
        DataError: too few are left, because the router was trained on the others.
    """
    exact = router.was_trained_on(outcomes.prompts)
    either = router.nearly_trained_on(outcomes.prompts)
    if not force:
        _check_left(either, np.asarray((~np.isnan(outcomes.score)).any(axis=1)))
    return Unseen(
        held_out=outcomes if force else outcomes.rows(np.flatnonzero(~either)),
        training=outcomes.rows(np.flatnonzero(exact)) if exact.any() else None,
        left_out=0 if force else int(exact.sum()),
        left_out_near=0 if force else int((either & ~exact).sum()),
        seen=int(either.sum()) if force else 0,
        near_known=len(router.training.sketches) > 0,
    )


def _check_left(trained_on: Flags, scored: Flags) -> None:
    left = int((scored & ~trained_on).sum())
    if left >= LEAST_PROMPTS or not trained_on.any():
        return
    raise DataError(
        f"{trained_on.sum()} of {len(trained_on)} prompts were left out because the router was "
        f"trained on them or on near-duplicates of them; {left} left are too few to judge by. "
        "Train with --holdout 0.2, give other outcomes, or use --force (force=True) to judge on "
        "training prompts"
    )

"""Prompts that a router was trained on must not judge it.

Takes a router and outcomes; gives the outcomes it has not seen, and how many were left out. Knows
nothing of what is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finerouter.errors import DataError
from finerouter.outcomes import OutcomeTable
from finerouter.router import Router


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
        DataError: nothing is left.
    """
    exact = router.was_trained_on(outcomes.prompts)
    either = router.nearly_trained_on(outcomes.prompts)
    if either.all() and not force:
        raise DataError(
            "the router was trained on all of these prompts, or on near-duplicates of them; train "
            "with --holdout 0.2, give other outcomes, or use --force (force=True) to judge on "
            "training prompts"
        )
    return Unseen(
        held_out=outcomes if force else outcomes.rows(np.flatnonzero(~either)),
        training=outcomes.rows(np.flatnonzero(exact)) if exact.any() else None,
        left_out=0 if force else int(exact.sum()),
        left_out_near=0 if force else int((either & ~exact).sum()),
        seen=int(either.sum()) if force else 0,
        near_known=len(router.training.sketches) > 0,
    )

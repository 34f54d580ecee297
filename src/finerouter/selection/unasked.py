"""Prompts with the outcomes that there are so far, none at first, as one table of all prompts.

Takes texts by id, a pool, and outcomes; gives an `OutcomeTable` in which what was not asked is
missing. Knows nothing of what to ask.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from finerouter.errors import DataError
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool

_MEASURES = ("score", "input_tokens", "output_tokens", "cost_usd")


def table_of(
    prompts: Mapping[str, str], pool: ModelPool, outcomes: OutcomeTable | None = None
) -> OutcomeTable:
    """All prompts, with outcomes where there are any.

    Args:
        prompts: text by prompt id.
        pool: the models to ask.
        outcomes: so far; matched by text. Other prompts and models in it are left out.

    Returns:
        Arrays [prompt, model], NaN where nothing was asked.

    Raises:
        DataError: outcomes were given, and none is of these prompts and models.
    """
    shape = (len(prompts), len(pool))
    measures = {name: np.full(shape, np.nan) for name in _MEASURES}
    if outcomes is not None:
        row = {text: at for at, text in enumerate(outcomes.prompts)}
        known = [name for name in pool.names if name in outcomes.models]
        pairs = [(to, row[text]) for to, text in enumerate(prompts.values()) if text in row]
        if not pairs or not known:
            raise DataError(
                "the outcomes are of other prompts or other models; give outcomes of these"
            )
        to, at = np.array(pairs, dtype=np.int64).T
        columns = np.array([outcomes.models.index(name) for name in known])
        into = np.array([pool.names.index(name) for name in known])
        for name, values in measures.items():
            values[np.ix_(to, into)] = getattr(outcomes, name)[np.ix_(at, columns)]
    return OutcomeTable(
        prompt_ids=tuple(prompts),
        prompts=tuple(prompts.values()),
        benchmarks=None,
        models=pool.names,
        pool=pool,
        **measures,
    )

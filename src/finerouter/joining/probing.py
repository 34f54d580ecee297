"""Probes as a router sees them, with what the router's own models did on them.

Takes a router and outcomes; gives arrays [probe, ...]. Knows nothing of the newcomer's law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.outcomes import OutcomeTable
from finerouter.pool import ModelPool
from finerouter.router import Router

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Probes:
    """Probe prompts as a router sees them.

    Attributes:
        levels: task probabilities [probe, task] of each level.
        none: [probe], probability of no task.
        quality: the router's estimates [probe, model].
    """

    levels: tuple[Floats, ...]
    none: Floats
    quality: Floats

    @classmethod
    def of(cls, router: Router, prompts: Sequence[str]) -> Probes:
        """Estimate tasks and quality of prompts."""
        rows = router.features.encode(router.encoder, prompts)
        levels, none = router.levels.probabilities(rows)
        return cls(levels, none, router.quality.estimate(rows, levels, none)[0])

    @property
    def tasks(self) -> Floats:
        """Tasks of all levels side by side, each level divided by their number."""
        return np.hstack(self.levels) / len(self.levels)


def of_newcomer(probes: OutcomeTable | None, name: str) -> OutcomeTable | None:
    """The prompts on which the newcomer has an outcome; None when no probes were given.

    Raises:
        DataError: it has none.
    """
    if probes is None:
        return None
    if name not in probes.models:
        raise DataError(f"the probes have no outcomes of {name!r}, only {', '.join(probes.models)}")
    probed = np.flatnonzero(~np.isnan(own_column(probes.score, probes, name)))
    if not len(probed):
        raise DataError(f"the probes have no outcomes of {name!r}; collect some first")
    return probes.rows(probed)


def own_column(values: Floats, probes: OutcomeTable, name: str) -> Floats:
    """One model's column of values [probe, model]."""
    column: Floats = values[:, probes.models.index(name)]
    return column


def known_scores(router: Router, probes: OutcomeTable) -> Floats:
    """Outcomes of the router's models on the probes [probe, model], NaN where unknown."""
    columns = [
        own_column(probes.score, probes, name)
        if name in probes.models
        else np.full(len(probes), np.nan)
        for name in router.models
    ]
    return np.stack(columns, axis=1)


def with_known(probes: OutcomeTable, known: OutcomeTable) -> OutcomeTable:
    """Probes with other models' outcomes on the same prompts beside the newcomer's.

    Args:
        probes: what was collected of the newcomer, and of others; where both have an outcome of a
            model, this one wins whole: score, tokens and cost.
        known: outcomes of other models, matched by text.

    Raises:
        DataError: no prompt is in both.
    """
    row = {text: at for at, text in enumerate(known.prompts)}
    pairs = [(to, row[text]) for to, text in enumerate(probes.prompts) if text in row]
    if not pairs:
        raise DataError(
            "the known outcomes are of other prompts than the probes; give the data that the "
            "probes were chosen from, or leave them out"
        )
    to, at = np.array(pairs, dtype=np.int64).T
    others = [name for name in known.models if name not in probes.models]
    models = (*probes.models, *others)
    columns = [models.index(name) for name in known.models]

    def widened(own: Floats) -> Floats:
        return np.hstack([own, np.full((len(probes), len(others)), np.nan)])

    gaps = np.isnan(widened(probes.score))

    def beside(own: Floats, values: Floats) -> Floats:
        found = np.full(gaps.shape, np.nan)
        found[np.ix_(to, columns)] = values[at]
        return np.where(gaps, found, widened(own))

    return replace(
        probes,
        models=models,
        pool=ModelPool((*probes.pool, *known.pool.subset(others))),
        score=beside(probes.score, known.score),
        input_tokens=beside(probes.input_tokens, known.input_tokens),
        output_tokens=beside(probes.output_tokens, known.output_tokens),
        cost_usd=beside(probes.cost_usd, known.cost_usd),
    )

"""Held-out estimates of all prompts, by folds.

Takes a table and ways to make estimates; gives the outcomes of each way's choices on all prompts,
every prompt judged by what was fitted without its fold. Near-duplicates share a fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.comparison.statistics import SeedOutcomes
from finerouter import OutcomeTable
from finerouter.evaluation.baselines.preference import Estimates, outcomes_of
from finerouter.evaluation.baselines.single import best_single, cheapest
from finerouter.evaluation.splits import Split, random_splits
from finerouter.gaps import column_means

# Takes prompts to fit on, prompts held out, and a seed; gives estimates of those held out.
Way = Callable[[OutcomeTable, OutcomeTable, int], Estimates]
Index = NDArray[np.int64]
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Folds:
    """One division of a table.

    Attributes:
        table: every model has an outcome on every prompt.
        splits: every prompt is held out in one of them.
        seed: of the division, and of all that is fitted on it.
    """

    table: OutcomeTable
    splits: tuple[Split, ...]
    seed: int

    @classmethod
    def of(cls, table: OutcomeTable, seed: int) -> Folds:
        """Five folds, benchmarks spread evenly."""
        return cls(table, random_splits(table, folds=FOLDS, seed=seed), seed)

    def estimates(self, way: Way) -> Estimates:
        """Held-out estimates in the order of the table."""
        parts = []
        for split in self.splits:
            fit, held_out = self.table.rows(split.fit), self.table.rows(split.held_out)
            parts.append(way(fit, held_out, self.seed))
        joined = Estimates.joined(parts)
        back = np.argsort(np.concatenate([split.held_out for split in self.splits]))
        return Estimates(joined.quality[back], joined.cost_usd[back])

    def outcomes(self, estimates: Mapping[str, Estimates]) -> SeedOutcomes:
        """What choosing by each way's estimates came to.

        All ways are compared with the same: the best single model of all that four folds hold.
        """
        score, usd = self.table.score, self.table.realised_cost_usd
        single, low, dear = (self._always(column) for column in (best_single, cheapest, _dearest))
        at = np.arange(len(self.table))
        return SeedOutcomes(
            positions=at,
            single=np.stack([score[at, single], usd[at, single]], axis=1),
            cheapest=np.stack([score[at, low], usd[at, low]], axis=1),
            dearest_usd=usd[at, dear],
            curves={name: outcomes_of(found, self.table) for name, found in estimates.items()},
            points=frozenset(),
        )

    def _always(self, column: Callable[[OutcomeTable], int]) -> Index:
        """The column that each prompt's fitting part would always take, [prompt]."""
        chosen = np.empty(len(self.table), dtype=np.int64)
        for split in self.splits:
            chosen[split.held_out] = column(self.table.rows(split.fit))
        return chosen


def _dearest(table: OutcomeTable) -> int:
    return int(np.nanargmax(column_means(table.realised_cost_usd)))


def on_part(way: Way, size: int) -> Way:
    """The same way, fitted on so many prompts only; a smaller part lies in every larger one."""

    def run(fit: OutcomeTable, held_out: OutcomeTable, seed: int) -> Estimates:
        order = np.random.default_rng([seed, 4]).permutation(len(fit))
        return way(fit.rows(np.sort(order[:size])), held_out, seed)

    return run


def mean_of(parts: Sequence[Estimates]) -> Estimates:
    """Mean quality, and the costs of the first part."""
    return replace(parts[0], quality=np.mean([part.quality for part in parts], axis=0))

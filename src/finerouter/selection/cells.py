"""Which cells [prompt, model] to ask next, so that a good router costs a part of the full matrix.

Takes prompts, a pool, and the outcomes so far (none at first); gives cells, best first. Knows
nothing of how they are asked. Batch by batch:

    chooser = CellChooser.of(prompts)
    while budget lasts: ask chooser.choose(outcomes, count=500), add what comes to outcomes

Prompts are grouped by their text. First a few whole rows of every group are asked, all models on
the same prompts. Then every group and model has a quality with an uncertainty, and an outcome is
worth what it is expected to add to the routed quality: where a model may yet turn out to be the
better choice at some cost weight, its uncertainty is worth money; where it is hopeless or
undisputed, it is not. That is the expected improvement of Bayesian optimisation (Jones, Schonlau,
Welch 1998), summed over cost weights and groups.

The models that are worth most are asked everywhere, in one fixed order of the prompts. Asking each
only in the groups where it is worth most was worse (docs/experiments.md): then models are compared
on different prompts, and what is missing hangs together with the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from finerouter.encoders import Encoder, StaticEncoder
from finerouter.encoders.features import FeatureMap
from finerouter.encoders.structure import structure
from finerouter.errors import DataError
from finerouter.gaps import column_means
from finerouter.outcomes import OutcomeTable
from finerouter.prompt import text_bytes
from finerouter.selection.standing import Standing
from finerouter.tasks.discovery import Granularity, discover_tasks
from finerouter.tasks.graph import neighbour_edges

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]

# By meaning alone, since there are no outcomes at first.
_GROUPS = Granularity(resolution=4.0, beta=0.0)
_LEAST_GROUP = 25
_NEIGHBOURS = 20
_STRUCTURE_WEIGHT = 0.3
# Whole rows of each group that come first, enough for a variance.
FIRST_ROWS = 5
# Models asked in a batch: fewer would settle on the leader, more would go on asking losers.
CONTENDERS = 3
_BYTES_PER_TOKEN = 4.0
_ANSWER_TOKENS = 300.0


@dataclass(frozen=True)
class Cell:
    """A prompt to ask a model.

    Attributes:
        prompt_id: as in the outcomes.
        model: its name.
        gain: expected gain of mean routed quality, 0 to 1; None for the whole rows asked first.
        cost_usd: expected cost of the call, NaN without prices.
    """

    prompt_id: str
    model: str
    gain: float | None
    cost_usd: float


@dataclass(frozen=True, eq=False)
class CellChooser:
    """Chooses cells of a fixed list of prompts.

    Attributes:
        group: [prompt], number of its group.
        first: rows that are asked of all models before anything else, some of every group.
        order: all prompts, in the order in which they are asked; every beginning of it holds all
            groups in proportion.
    """

    group: Index
    first: Index
    order: Index

    @classmethod
    def of(
        cls, prompts: Sequence[str], *, encoder: Encoder | None = None, seed: int = 0
    ) -> CellChooser:
        """Group prompts by their text; no outcome is needed.

        Args:
            prompts: texts, none empty.
            encoder: by default the embedded static one.
            seed: of the groups and the order.

        Raises:
            DataError: no prompts.
        """
        if not len(prompts):
            raise DataError("no prompts were given; give at least one")
        group = _groups(_rows(prompts, encoder or StaticEncoder.load()), seed)
        order = _spread_order(group, np.random.default_rng([seed, 4]))
        place = np.empty(len(order), dtype=np.int64)
        for number in range(int(group.max()) + 1):
            members = order[group[order] == number]
            place[members] = np.arange(len(members))
        by_place = order[np.argsort(place[order], kind="stable")]
        return cls(group, by_place[place[by_place] < FIRST_ROWS], order)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self.group.max()) + 1

    def choose(
        self,
        outcomes: OutcomeTable,
        *,
        count: int,
        per_usd: bool = False,
        budget_usd: float | None = None,
        tried: Flags | None = None,
    ) -> list[Cell]:
        """Choose the next cells.

        Args:
            outcomes: of the chooser's prompts in their order; missing where not asked yet. Its
                pool has the prices.
            count: at most so many. The whole rows that come first come alone: what follows depends
                on their outcomes.
            per_usd: rank by gain per USD instead of gain per cell.
            budget_usd: their expected cost stays within this.
            tried: [prompt, model], cells that were asked; not chosen again, outcome or not. A model
                that gave none on all first rows is not asked any more.

        Returns:
            Cells without an outcome, in the order in which to ask them; fewer where no more are
            left or the budget ends.

        Raises:
            DataError: other prompts than the chooser's, a count below one, or a price that is
                needed is missing.
        """
        self._check(outcomes, count)
        cost = expected_cost_usd(outcomes)
        if per_usd or budget_usd is not None:
            _check_priced(outcomes, cost)
        left = np.isnan(outcomes.score)
        if tried is not None:
            left &= ~tried
        row, column = np.nonzero(left[self.first])
        row, gain = self.first[row], np.full(len(row), np.nan)
        if not len(row):
            row, column, gain = self._by_gain(outcomes, left, cost, count, per_usd=per_usd)
        within = np.cumsum(cost[row, column]) <= (np.inf if budget_usd is None else budget_usd)
        kept = np.flatnonzero(within | np.isnan(cost[row, column]))[:count]
        return [
            Cell(
                outcomes.prompt_ids[row[at]],
                outcomes.models[column[at]],
                None if np.isnan(gain[at]) else float(gain[at]),
                float(cost[row[at], column[at]]),
            )
            for at in kept
        ]

    def _check(self, outcomes: OutcomeTable, count: int) -> None:
        if len(outcomes) != len(self.group):
            raise DataError(
                f"{len(outcomes)} prompts were given and {len(self.group)} grouped; give the "
                "outcomes of the same prompts in the same order"
            )
        if count < 1:
            raise DataError(f"count must be at least 1, not {count}")

    def _by_gain(
        self, outcomes: OutcomeTable, left: Flags, cost: Floats, count: int, *, per_usd: bool
    ) -> tuple[Index, Index, Floats]:
        """Rows, columns and gains of cells, in the order in which to ask them."""
        answered = np.flatnonzero(~np.isnan(outcomes.score).all(axis=0))
        if not len(answered):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        member = np.eye(self.groups)[self.group]
        left, cost = left[:, answered], cost[:, answered]
        standing = Standing.of(outcomes.score[:, answered], member, cost)
        number = max(1, round(count / (CONTENDERS * self.groups)))
        gain = standing.gains(number) / number
        worth = gain.sum(axis=0)
        if per_usd:
            worth = worth / np.maximum(np.nan_to_num(cost).mean(axis=0), 1e-12)
        rows, columns = self._row_by_row(left, np.argsort(-worth, kind="stable"), count)
        return rows, answered[columns], gain[self.group[rows], columns]

    def _row_by_row(self, left: Flags, ranked: Index, count: int) -> tuple[Index, Index]:
        """Cells of the first few models that have some left, in the order of the prompts."""
        open_models = ranked[left[:, ranked].any(axis=0)]
        contenders, others = open_models[:CONTENDERS], open_models[CONTENDERS:]
        cells = (
            (row, column)
            for columns in (contenders, *others[:, None])
            for row in self.order
            for column in columns
            if left[row, column]
        )
        rows, columns = np.array(list(islice(cells, count)), np.int64).reshape(-1, 2).T
        return rows, columns


def _spread_order(group: Index, random: np.random.Generator) -> Index:
    """Prompts in an order of which every beginning holds all groups in proportion."""
    place = np.empty(len(group))
    for number in range(int(group.max()) + 1):
        members = np.flatnonzero(group == number)
        drawn = random.permutation(len(members)) + random.uniform()
        place[members] = drawn / len(members)
    return np.argsort(place, kind="stable")


def expected_cost_usd(outcomes: OutcomeTable) -> Floats:
    """Expected cost of every cell [prompt, model]; NaN where neither a price nor a cost is known.

    Of the calls seen so far per model; before any, the prices for the prompt's length and an answer
    of some hundred tokens.
    """
    realised = column_means(outcomes.realised_cost_usd)
    tokens_in = np.array([[text_bytes(text) / _BYTES_PER_TOKEN] for text in outcomes.prompts])
    price_in, price_out = outcomes.pool.usd_per_mtok
    guessed = (tokens_in * price_in + _ANSWER_TOKENS * price_out) / 1e6
    return np.where(np.isnan(realised), guessed, np.broadcast_to(realised, guessed.shape))


def _check_priced(outcomes: OutcomeTable, cost: Floats) -> None:
    unknown = np.isnan(cost).any(axis=0)
    if unknown.any():
        name = outcomes.models[int(unknown.argmax())]
        raise DataError(
            f"the price of {name!r} is unknown; add input_usd_per_mtok and output_usd_per_mtok to "
            "its entry in the pool"
        )


def _groups(rows: NDArray[np.float32], seed: int) -> Index:
    if len(rows) < 2 * _LEAST_GROUP:
        return np.zeros(len(rows), dtype=np.int64)
    unknown = np.full((len(rows), 1), np.nan)
    edges = neighbour_edges(rows, unknown, k=_NEIGHBOURS, persistence=0.8, seed=seed)
    return discover_tasks(edges, rows, _GROUPS, minimum_size=_LEAST_GROUP, seed=seed)


def _rows(prompts: Sequence[str], encoder: Encoder) -> NDArray[np.float32]:
    features = FeatureMap.fit(structure(prompts), weight=_STRUCTURE_WEIGHT)
    return features.encode(encoder, prompts)

"""What was observed: scores, tokens and costs of models on prompts.

Gives the `OutcomeTable`: arrays [prompt, model] in which a missing outcome is NaN and stays so.
How files are read stands in `reading.py`. Knows nothing of embeddings or learning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finerouter.duplicates import near_duplicate_groups
from finerouter.errors import DataError
from finerouter.pool import ModelPool
from finerouter.prompt import folded

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class OutcomeTable:
    """Outcomes of a pool of models on prompts.

    Attributes:
        prompt_ids: unique keys, one a prompt.
        prompts: the texts.
        benchmarks: where each prompt came from, or None when nobody said.
        models: names, the order of the columns.
        score: [prompt, model] in [0, 1], NaN where missing.
        input_tokens, output_tokens: [prompt, model], NaN where unknown.
        cost_usd: [prompt, model], NaN where unknown.
        pool: prices and the rest, in the order of `models`.
        times: [prompt], when each prompt was asked (UTC, seconds), NaT where unknown; None when
            nobody said.
    """

    prompt_ids: tuple[str, ...]
    prompts: tuple[str, ...]
    benchmarks: tuple[str, ...] | None
    models: tuple[str, ...]
    score: Floats
    input_tokens: Floats
    output_tokens: Floats
    cost_usd: Floats
    pool: ModelPool
    times: Times | None = None

    @classmethod
    def read(cls, path: str | Path, *, pool: ModelPool | None = None) -> OutcomeTable:
        """Read a routing-dataset folder or one long table (CSV, JSONL, Parquet).

        Args:
            path: the folder or file.
            pool: prices to use instead of the folder's own.

        Raises:
            DataError: the file cannot be used; names file, row or field and the next step.
            PoolError: the pool file is wrong, or lacks a model of the outcomes.
        """
        # Here, not above: reading needs pyarrow, which takes longer to import than all the rest.
        from finerouter.reading import read_outcomes

        return cls(**vars(read_outcomes(Path(path), pool)))

    def write(
        self,
        folder: str | Path,
        *,
        repeats: NDArray[np.int64] | None = None,
        extra: Mapping[str, Floats] | None = None,
        private: bool = False,
    ) -> None:
        """Write a routing-dataset folder, atomically.

        Args:
            folder: where to.
            repeats: [prompt, model], how many answers each score is the mean of, where that is
                known; kept in the file as a column of its own, which nothing reads yet.
            extra: [prompt, model] each, by name: further such columns.
            private: whether only its owner may enter the folder.

        Raises:
            OutputError: it cannot be written.
        """
        from finerouter.reading import RawOutcomes, write_outcomes

        write_outcomes(
            RawOutcomes(**vars(self)), Path(folder), repeats, extra=extra, private=private
        )

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def realised_cost_usd(self) -> Floats:
        """Cost of every outcome [prompt, model]: recorded, else tokens times prices, else NaN."""
        prices_in = _prices(self.pool, "input_usd_per_mtok")
        prices_out = _prices(self.pool, "output_usd_per_mtok")
        from_tokens = (self.input_tokens * prices_in + self.output_tokens * prices_out) / 1e6
        return np.where(np.isnan(self.cost_usd), from_tokens, self.cost_usd)

    def rows(self, index: NDArray[np.int64] | Sequence[int]) -> OutcomeTable:
        """The table of these prompts only."""
        at = np.asarray(index, dtype=np.int64)
        pick = at.tolist()
        benchmarks = self.benchmarks
        return replace(
            self,
            prompt_ids=tuple(self.prompt_ids[row] for row in pick),
            prompts=tuple(self.prompts[row] for row in pick),
            benchmarks=None if benchmarks is None else tuple(benchmarks[row] for row in pick),
            score=self.score[at],
            input_tokens=self.input_tokens[at],
            output_tokens=self.output_tokens[at],
            cost_usd=self.cost_usd[at],
            times=None if self.times is None else self.times[at],
        )

    def select_models(self, names: Sequence[str]) -> OutcomeTable:
        """The table of these models only, in this order.

        Raises:
            DataError: a model has no column here.
        """
        absent = [name for name in names if name not in self.models]
        if absent:
            raise DataError(
                f"the outcomes have no model {absent[0]!r}; they have {', '.join(self.models)}: "
                f"name one of these, or collect outcomes of {absent[0]!r}"
            )
        at = [self.models.index(name) for name in names]
        return replace(
            self,
            models=tuple(names),
            score=self.score[:, at],
            input_tokens=self.input_tokens[:, at],
            output_tokens=self.output_tokens[:, at],
            cost_usd=self.cost_usd[:, at],
            pool=self.pool.subset(names),
        )

    def split(self, *, test_size: float = 0.3, seed: int = 0) -> tuple[OutcomeTable, OutcomeTable]:
        """Split by unique prompt, stratified by benchmark where that is known.

        Near-duplicates (see `duplicates.py`) fall on the same side: that of the first of them.

        Args:
            test_size: share held out, between 0 and 1.
            seed: draws the split.

        Returns:
            The part to fit on and the held-out part.

        Raises:
            DataError: a part would be empty.
        """
        if not 0 < test_size < 1:
            raise DataError(f"test_size must lie between 0 and 1, not {test_size}")
        held_out = self._draw(test_size, np.random.default_rng(seed))
        if not 0 < held_out.sum() < len(self):
            raise DataError(
                f"{len(self)} {'prompt is' if len(self) == 1 else 'prompts are'} too few to hold "
                f"{test_size:.0%} out; collect more"
            )
        return self.rows(np.flatnonzero(~held_out)), self.rows(np.flatnonzero(held_out))

    def _draw(self, test_size: float, random: np.random.Generator) -> NDArray[np.bool_]:
        groups = _codes([folded(text) for text in self.prompts])
        leaders = np.unique(groups, return_index=True)[1]
        strata = _codes(self.benchmarks or ["all"] * len(self))[leaders]
        drawn = np.zeros(len(leaders), dtype=bool)
        owed = 0.0  # what rounding left behind: many small benchmarks must not all round to zero
        for stratum in range(int(strata.max()) + 1):
            members = random.permutation(np.flatnonzero(strata == stratum))
            owed += test_size * len(members)
            taken = min(round(owed), len(members))
            drawn[members[:taken]] = True
            owed -= taken
        return follow_first(drawn[groups], near_duplicate_groups(self.prompts))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over prompts, models and outcomes: the same data, the same fingerprint."""
        digest = hashlib.sha256()
        for name in self.models:
            digest.update(name.encode() + b"\0")
        for text in self.prompts:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
        for array in (self.score, self.input_tokens, self.output_tokens, self.cost_usd):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def follow_first(flags: NDArray[np.bool_], groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Give every prompt the flag of the first of its group, [prompt]."""
    first = np.unique(groups, return_index=True)[1]
    return flags[first][groups]


def _codes(labels: Sequence[str]) -> NDArray[np.int64]:
    """Number labels by first appearance, so that the numbering survives a change of locale."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


def _prices(pool: ModelPool, key: str) -> Floats:
    return np.array([getattr(model, key) for model in pool], dtype=np.float64)

"""What an import read, for people and as data.

Takes gathered outcomes and findings; gives an `ImportReport`. No time of day goes into it, so the
same files give the same report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.importers.findings import Findings
from finerouter.importers.gathering import Codes, Gathered
from finerouter.importers.prices import PriceTable
from finerouter.outcomes import OutcomeTable
from finerouter.prompt import folded

BINS = 10
_SHOWN = 3
_ODD_BILL = 1.5


@dataclass(frozen=True)
class ModelSummary:
    """One model of an import.

    Attributes:
        model: its name.
        outcomes: prompts with a score.
        coverage: share of all prompts with a score.
        mean_score: over those, on the scale of 0 to 1.
        mean_cost_usd: over the outcomes whose cost is known, None where none is.
        priced: whether both prices are known.
    """

    model: str
    outcomes: int
    coverage: float
    mean_score: float
    mean_cost_usd: float | None
    priced: bool


@dataclass(frozen=True)
class SharedPrompts:
    """Prompts that stand in two parts of a dataset.

    Attributes:
        splits: names of the two parts.
        prompts: how many of them; texts that differ in case or white space only count once.
        example: the first of them, shortened.
        identical: whether a text is the same in both parts, so that it is one prompt here; else it
            has another case or white space in each, and stays several prompts.
    """

    splits: tuple[str, str]
    prompts: int
    example: str
    identical: bool


@dataclass(frozen=True)
class ImportReport:
    """Counts of an import.

    Attributes:
        format, source: what was read as what.
        rows: rows of the source.
        bad_rows: rows that could not be used, with the first of them in `bad_examples`.
        skipped: rows without an outcome, by reason.
        missing: rows whose score is missing.
        outcomes, prompts: cells with a score, and prompts with at least one.
        models: one summary a model, in the order of the columns.
        coverage: by benchmark, each model's share of the benchmark's prompts that have a score.
        histogram: outcomes by score, in tenths from 0 to 1.
        repeated: outcomes that are means of several rows; `most_repeats` is the largest number.
        shared_prompts: prompts that stand in several splits, for two splits at a time: those with
            an identical text, then the others.
        price_date: the day of the price table, None without one.
        warnings: what the user should look at.
    """

    format: str
    source: str
    rows: int
    bad_rows: int
    bad_examples: tuple[str, ...]
    skipped: dict[str, int]
    missing: int
    outcomes: int
    prompts: int
    models: tuple[ModelSummary, ...]
    coverage: dict[str, dict[str, float]]
    histogram: tuple[int, ...]
    repeated: int
    most_repeats: int
    shared_prompts: tuple[SharedPrompts, ...]
    price_date: str | None
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def report_on(
    name: str,
    source: str,
    gathered: Gathered,
    table: OutcomeTable,
    *,
    findings: Findings,
    prices: PriceTable | None,
    warnings: Sequence[str] = (),
) -> ImportReport:
    """Count what was read."""
    seen = ~np.isnan(gathered.score)
    shared = tuple(_shared_prompts(gathered))
    return ImportReport(
        format=name,
        source=source,
        rows=findings.rows,
        bad_rows=findings.bad,
        bad_examples=tuple(findings.examples),
        skipped=dict(findings.skipped),
        missing=gathered.missing,
        outcomes=int(seen.sum()),
        prompts=len(gathered.prompts),
        models=tuple(_summaries(table, seen)),
        coverage=_coverage(gathered, seen),
        histogram=tuple(_histogram(gathered.score[seen])),
        repeated=int((gathered.repeats > 1).sum()),
        most_repeats=int(gathered.repeats.max()),
        shared_prompts=shared,
        price_date=prices.day if prices else None,
        warnings=(*findings.notes, *warnings, *_warnings(gathered, table, prices, shared)),
    )


def _summaries(table: OutcomeTable, seen: NDArray[np.bool_]) -> Iterator[ModelSummary]:
    for at, model in enumerate(table.pool):
        scores = table.score[seen[:, at], at]
        # By model, because a whole table of costs can be large.
        costs = table.select_models([model.model]).realised_cost_usd[seen[:, at]]
        known = costs[~np.isnan(costs)]
        yield ModelSummary(
            model=model.model,
            outcomes=len(scores),
            coverage=len(scores) / len(table),
            mean_score=float(scores.mean()),
            mean_cost_usd=float(known.mean()) if len(known) else None,
            priced=model.priced,
        )


def _coverage(gathered: Gathered, seen: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    names = list(dict.fromkeys(gathered.benchmarks))
    number = {name: at for at, name in enumerate(names)}
    of_prompt = np.array([number[name] for name in gathered.benchmarks])
    size = np.bincount(of_prompt, minlength=len(names))
    by_model = [np.bincount(of_prompt[column], minlength=len(names)) for column in seen.T]
    counts = np.stack(by_model, axis=1)
    return {
        name or "": dict(zip(gathered.models, (counts[at] / size[at]).tolist(), strict=True))
        for at, name in enumerate(names)
    }


def _histogram(scores: NDArray[np.float64]) -> list[int]:
    counts: list[int] = np.histogram(scores, bins=BINS, range=(0.0, 1.0))[0].tolist()
    return counts


def _shared_prompts(gathered: Gathered) -> Iterator[SharedPrompts]:
    """Prompts in more than one split; texts that differ in case or white space only count once."""
    if len(gathered.splits) < 2:
        return
    keys = np.array([_key(text) for text in gathered.prompts], dtype=np.uint64)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    bits = np.zeros(len(first), dtype=np.int64)
    np.bitwise_or.at(bits, group, gathered.in_splits)
    for one, other in combinations(range(len(gathered.splits)), 2):
        names = (gathered.splits[one], gathered.splits[other])
        both = np.flatnonzero(_in_both(bits, one, other))
        same_text = np.flatnonzero(_in_both(gathered.in_splits, one, other))
        identical = np.isin(both, group[same_text])
        if len(same_text):
            example = _short(gathered.prompts[same_text[0]])
            yield SharedPrompts(names, int(identical.sum()), example, identical=True)
        if not identical.all():
            example = _short(gathered.prompts[first[both[~identical]].min()])
            yield SharedPrompts(names, int((~identical).sum()), example, identical=False)


def _in_both(bits: Codes, one: int, other: int) -> NDArray[np.bool_]:
    return ((bits >> one) & (bits >> other) & 1).astype(bool)


def _key(text: str) -> int:
    digest = hashlib.blake2b(folded(text).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _warnings(
    gathered: Gathered,
    table: OutcomeTable,
    prices: PriceTable | None,
    shared: Sequence[SharedPrompts],
) -> Iterator[str]:
    yield from (_said(pair) for pair in shared)
    if gathered.relabelled:
        yield f"{gathered.relabelled} prompts came with several benchmarks; the first one was kept"
    if len(table.models) == 1:
        yield f"only one model ({table.models[0]}); a router needs at least two"
    elif _most_in_common(gathered) == 1:
        yield "no prompt has outcomes of two models; give runs of several on the same prompts"
    if prices is not None and table.pool.unpriced:
        yield f"no prices of {prices.day} for {', '.join(table.pool.unpriced[:_SHOWN])}" + (
            f" and {len(table.pool.unpriced) - _SHOWN} more"
            if len(table.pool.unpriced) > _SHOWN
            else ""
        )
    yield from _odd_bills(table)


def _said(pair: SharedPrompts) -> str:
    """A note of what stands in two splits, and what becomes of it."""
    one = pair.prompts == 1
    where = f"both {pair.splits[0]} and {pair.splits[1]}"
    which = f"{pair.example!r}" if one else f"such as {pair.example!r}"
    number = "1 prompt stands" if one else f"{pair.prompts} prompts stand"
    if pair.identical:
        kept = "it is one prompt here" if one else "each is one prompt here"
        return f"{number} in {where}, {which}; {kept}"
    return (
        f"{number} in {where} with other case or white space, {which}; the texts stay different "
        "prompts here, and never stand on both sides of a split that finerouter draws"
    )


def _most_in_common(gathered: Gathered) -> int:
    return int((~np.isnan(gathered.score)).sum(axis=1).max())


def _odd_bills(table: OutcomeTable) -> Iterator[str]:
    """Models whose recorded cost is far from what tokens and prices say."""
    for name in (model.model for model in table.pool if model.priced):
        recorded = table.select_models([name])
        unrecorded = replace(recorded, cost_usd=np.full_like(recorded.cost_usd, np.nan))
        listed = unrecorded.realised_cost_usd
        both = ~np.isnan(listed) & ~np.isnan(recorded.cost_usd)
        due, paid = listed[both].sum(), recorded.cost_usd[both].sum()
        if due > 0 and not 1 / _ODD_BILL <= paid / due <= _ODD_BILL:
            yield (
                f"recorded costs of {name} are {paid / due:.2g} times its tokens at the given "
                "prices; give the prices of the day the costs were recorded"
            )

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finerouter import OutcomeTable
from finerouter.duplicates import near_duplicate_groups
from finerouter.errors import DataError
from finerouter.evaluation import benchmark_splits, random_splits, time_splits
from finerouter.evaluation.splits import Split
from tests import synthetic

BASE = synthetic.outcomes(240)


def with_copies(seed: int, copies: int = 40) -> OutcomeTable:
    """Prompts of which some nearly repeat another one, in a benchmark and at a time drawn anew."""
    random = np.random.default_rng(seed)
    long = [
        f"{text} {' '.join(f'w{at}x{n}' for n in range(60))}"
        for at, text in enumerate(BASE.prompts)
    ]
    source = random.integers(0, len(BASE) - copies, size=copies)
    texts = long[:-copies] + [f"{long[at].upper()} thanks" for at in source]
    days = random.integers(0, 50, size=len(BASE))
    return replace(
        BASE,
        prompts=tuple(texts),
        benchmarks=tuple(random.choice(["a", "b", "c"], size=len(BASE)).tolist()),
        times=np.datetime64("2026-01-01", "s") + days * np.timedelta64(86_400, "s"),
    )


def assert_sound(table: OutcomeTable, splits: tuple[Split, ...]) -> None:
    groups = near_duplicate_groups(table.prompts)
    assert len(set(groups.tolist())) < len(groups)  # there is something to keep apart
    for split in splits:
        parts = np.concatenate([split.fit, split.held_out, split.left_out])
        assert sorted(parts.tolist()) == list(range(len(table)))
        assert not set(groups[split.fit].tolist()) & set(groups[split.held_out].tolist())
    held_out = np.concatenate([split.held_out for split in splits])
    assert len(set(held_out.tolist())) == len(held_out)


@given(st.integers(0, 500), st.integers(2, 6))
@settings(max_examples=15)
def test_random_folds_hold_every_prompt_out_once(seed: int, folds: int) -> None:
    table = with_copies(seed)
    splits = random_splits(table, folds=folds, seed=seed)
    assert_sound(table, splits)
    assert sum(len(split.held_out) for split in splits) == len(table)
    assert all(len(split.left_out) == 0 for split in splits)


@given(st.integers(0, 500))
@settings(max_examples=15)
def test_a_benchmark_left_out_is_nowhere_in_the_training_part(seed: int) -> None:
    table = with_copies(seed)
    splits = benchmark_splits(table)
    assert_sound(table, splits)
    names = np.array(table.benchmarks)
    assert [split.name for split in splits] == ["without a", "without b", "without c"]
    for split in splits:
        (name,) = set(names[split.held_out].tolist())
        assert name not in names[split.fit]
        assert len(split.held_out) == (names == name).sum()


@given(st.integers(0, 500), st.integers(2, 4))
@settings(max_examples=15)
def test_what_is_trained_on_came_before_what_is_judged(seed: int, folds: int) -> None:
    table = with_copies(seed)
    splits = time_splits(table, folds=folds)
    assert_sound(table, splits)
    for split in splits:
        assert table.times[split.fit].max() < table.times[split.held_out].min()


def test_prompts_without_a_time_are_in_neither_part() -> None:
    table = with_copies(0)
    times = table.times.copy()
    times[::5] = np.datetime64("NaT")
    for split in time_splits(replace(table, times=times), folds=2):
        assert set(range(0, len(table), 5)) <= set(split.left_out.tolist())


def test_benchmarks_with_too_few_prompts_are_not_held_out() -> None:
    names = ["a"] * 120 + ["b"] * 115 + ["few"] * 5
    splits = benchmark_splits(replace(BASE, benchmarks=tuple(names)))
    assert [split.name for split in splits] == ["without a", "without b"]
    assert 239 in splits[0].fit


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: benchmark_splits(replace(BASE, benchmarks=None)), "names no two benchmarks"),
        (
            lambda: benchmark_splits(replace(BASE, benchmarks=tuple(map(str, range(240))))),
            "no benchmark has the 20 prompts",
        ),
        (lambda: time_splits(BASE, folds=2), "holds no times"),
        (
            lambda: time_splits(
                replace(BASE, times=np.full(240, np.datetime64("2026-01-01", "s"))), folds=2
            ),
            "times leave",
        ),
        (lambda: random_splits(BASE.rows(range(50)), folds=5, seed=0), r"leave \d+ to judge by"),
    ],
)
def test_what_cannot_be_split_is_refused_with_the_next_step(make, told: str) -> None:
    with pytest.raises(DataError, match=told):
        make()


@given(st.integers(0, 300))
@settings(max_examples=15)
def test_the_tables_own_split_keeps_near_duplicates_together(seed: int) -> None:
    table = with_copies(seed)
    number = dict(zip(table.prompts, near_duplicate_groups(table.prompts).tolist(), strict=True))
    fit, held_out = table.split(test_size=0.3, seed=seed)
    assert not {number[text] for text in fit.prompts} & {number[text] for text in held_out.prompts}
    assert 0.2 < len(held_out) / len(table) < 0.4

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter import Model, ModelPool, OutcomeTable
from finerouter.errors import DataError
from finerouter.prompt import folded
from tests import synthetic


def with_prompts(prompts: list[str], benchmarks: list[str] | None = None) -> OutcomeTable:
    count = len(prompts)
    return OutcomeTable(
        prompt_ids=tuple(map(str, range(count))),
        prompts=tuple(prompts),
        benchmarks=None if benchmarks is None else tuple(benchmarks),
        models=("a", "b"),
        score=np.tile([0.0, 1.0], (count, 1)),
        input_tokens=np.ones((count, 2)),
        output_tokens=np.ones((count, 2)),
        cost_usd=np.full((count, 2), np.nan),
        pool=ModelPool.of(["a", "b"]),
    )


@given(st.integers(10, 80), st.floats(0.1, 0.9), st.integers(0, 100))
def test_a_split_divides_all_prompts_between_its_sides(count, size: float, seed: int) -> None:
    table = with_prompts([f"prompt {at}" for at in range(count)])
    fit, held_out = table.split(test_size=size, seed=seed)
    assert sorted(fit.prompt_ids + held_out.prompt_ids) == sorted(table.prompt_ids)
    assert len(held_out) == round(size * count)


def test_a_split_keeps_each_benchmarks_share() -> None:
    names = ["a", "b", "c", "d"] * 80
    table = with_prompts([f"prompt {at}" for at in range(320)], names)
    fit, held_out = table.split(test_size=0.25, seed=3)
    for name in "abcd":
        assert held_out.benchmarks.count(name) == 20
        assert fit.benchmarks.count(name) == 60


@given(st.integers(0, 1_000))
def test_prompts_that_differ_in_case_or_space_fall_on_one_side(seed: int) -> None:
    texts = [
        form for at in range(30) for form in (f"Add {at} up", f"  add {at}\nUP ", f"ADD {at} up")
    ]
    fit, held_out = with_prompts(texts).split(test_size=0.4, seed=seed)
    assert not {folded(text) for text in fit.prompts} & {folded(text) for text in held_out.prompts}


def test_a_split_follows_from_its_seed(table: OutcomeTable) -> None:
    sides = [table.split(test_size=0.3, seed=seed)[1].prompt_ids for seed in (4, 4, 5)]
    assert sides[0] == sides[1] != sides[2]


@pytest.mark.parametrize("size", [0.0, 1.0, -0.1, 1.5])
def test_a_share_that_is_none_is_refused(table: OutcomeTable, size: float) -> None:
    with pytest.raises(DataError, match="test_size must lie between 0 and 1"):
        table.split(test_size=size)


def test_a_table_too_small_to_split_is_refused() -> None:
    with pytest.raises(DataError, match=r"^1 prompt is too few to hold 30% out"):
        with_prompts(["only one"]).split()


def test_benchmarks_of_one_prompt_each_can_be_split() -> None:
    texts = [f"prompt {at}" for at in range(50)]
    _, held_out = with_prompts(texts, texts).split(test_size=0.3)
    assert 10 <= len(held_out) <= 20


def test_rows_keeps_everything_of_a_prompt_together(table: OutcomeTable) -> None:
    some = table.rows([7, 3])
    assert some.prompts == (table.prompts[7], table.prompts[3])
    assert some.benchmarks == (table.benchmarks[7], table.benchmarks[3])
    assert some.prompt_ids == (table.prompt_ids[7], table.prompt_ids[3])
    for name in ("score", "input_tokens", "output_tokens", "cost_usd"):
        np.testing.assert_array_equal(getattr(some, name), getattr(table, name)[[7, 3]])
    assert some.pool == table.pool


def test_select_models_reorders_every_column(table: OutcomeTable) -> None:
    some = table.select_models(["tiny", "coder"])
    assert some.models == some.pool.names == ("tiny", "coder")
    for name in ("score", "input_tokens", "output_tokens", "cost_usd"):
        np.testing.assert_array_equal(getattr(some, name), getattr(table, name)[:, [3, 0]])
    with pytest.raises(DataError, match="no model 'nobody'"):
        table.select_models(["tiny", "nobody"])


def test_cost_is_recorded_else_counted_from_tokens_else_unknown() -> None:
    table = with_prompts(["one", "two"])
    pool = ModelPool((Model("a", "", 2.0, 3.0), Model("b")))
    cost = np.array([[np.nan, np.nan], [0.5, 0.25]])
    found = replace(table, pool=pool, cost_usd=cost).realised_cost_usd
    np.testing.assert_array_equal(found, [[5e-6, np.nan], [0.5, 0.25]])


def changed(table: OutcomeTable, name: str) -> OutcomeTable:
    array = getattr(table, name).copy()
    array[5, 1] = 0.123
    return replace(table, **{name: array})


def test_the_fingerprint_follows_from_the_data(table: OutcomeTable) -> None:
    assert synthetic.outcomes(480).fingerprint == table.fingerprint
    others = [
        changed(table, name) for name in ("score", "input_tokens", "output_tokens", "cost_usd")
    ]
    others.append(replace(table, prompts=(*table.prompts[:-1], "another")))
    others.append(replace(table, models=(*table.models[:-1], "another")))
    others.append(table.rows(np.arange(len(table) - 1)))
    found = {other.fingerprint for other in others}
    assert len(found) == len(others)
    assert table.fingerprint not in found


def test_a_missing_score_is_not_a_score_of_zero(table: OutcomeTable) -> None:
    zero, missing = table.score.copy(), table.score.copy()
    zero[0, 0], missing[0, 0] = 0.0, np.nan
    assert replace(table, score=zero).fingerprint != replace(table, score=missing).fingerprint


def test_prompts_with_lone_surrogates_are_told_apart_by_fingerprint() -> None:
    assert with_prompts(["a\ud800"]).fingerprint != with_prompts(["a\ud801"]).fingerprint


def test_an_outcome_table_is_written_over_an_earlier_one_only(tmp_path, table) -> None:
    some = table.rows(range(5))
    some.write(tmp_path / "data")
    table.rows(range(8)).write(tmp_path / "data")
    assert len(OutcomeTable.read(tmp_path / "data")) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_repeats_are_kept_in_the_file_and_change_nothing(tmp_path, table) -> None:
    score = table.score.copy()
    score[0, 0] = np.nan
    gappy = replace(table, score=score)
    repeats = 1 + np.arange(score.size).reshape(score.shape) % 3
    gappy.write(tmp_path / "data", repeats=repeats)
    np.testing.assert_array_equal(OutcomeTable.read(tmp_path / "data").score, score)
    held = pq.read_table(tmp_path / "data" / "outcomes.parquet")
    assert held["repeats"].to_pylist() == repeats[~np.isnan(score)].tolist()

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finerouter import ModelPool, OutcomeTable
from finerouter.errors import DataError
from finerouter.selection import CellChooser, table_of
from finerouter.selection.cells import CONTENDERS, FIRST_ROWS
from finerouter.training import train
from tests import synthetic


def hidden(table: OutcomeTable, seen: np.ndarray) -> OutcomeTable:
    keep = np.where(seen, 1.0, np.nan)
    return replace(
        table,
        score=table.score * keep,
        input_tokens=table.input_tokens * keep,
        output_tokens=table.output_tokens * keep,
        cost_usd=table.cost_usd * keep,
    )


def ask(table: OutcomeTable, seen: np.ndarray, cells) -> np.ndarray:
    seen = seen.copy()
    for cell in cells:
        at = table.prompt_ids.index(cell.prompt_id), table.models.index(cell.model)
        assert not seen[at]
        seen[at] = True
    return seen


@pytest.fixture(scope="module")
def fit_table(fit: OutcomeTable) -> OutcomeTable:
    return fit


@pytest.fixture(scope="module")
def chooser(fit_table: OutcomeTable) -> CellChooser:
    return CellChooser.of(fit_table.prompts)


@pytest.fixture(scope="module")
def first(chooser: CellChooser, fit_table: OutcomeTable) -> np.ndarray:
    nothing = np.zeros(fit_table.score.shape, dtype=bool)
    cells = chooser.choose(hidden(fit_table, nothing), count=10_000)
    return ask(fit_table, nothing, cells)


def test_groups_are_found_from_texts_alone(chooser: CellChooser, fit_table) -> None:
    kinds = synthetic.kind_numbers(fit_table)
    assert chooser.groups >= 4
    purity = [np.bincount(kinds[chooser.group == at]).max() for at in range(chooser.groups)]
    assert sum(purity) > 0.9 * len(kinds)


def test_whole_rows_of_every_group_come_first(chooser: CellChooser, first: np.ndarray) -> None:
    rows = first.any(axis=1)
    assert (first[rows]).all()
    assert set(np.bincount(chooser.group[rows]).tolist()) == {FIRST_ROWS}


def test_every_beginning_of_the_order_holds_all_groups_in_proportion(chooser) -> None:
    share = np.bincount(chooser.group) / len(chooser.group)
    for part in (0.25, 0.5, 0.75):
        begun = chooser.group[chooser.order[: int(part * len(chooser.order))]]
        found = np.bincount(begun, minlength=chooser.groups) / len(begun)
        np.testing.assert_allclose(found, share, atol=0.03)


def test_then_few_models_are_asked_on_the_same_prompts(chooser, fit_table, first) -> None:
    cells = chooser.choose(hidden(fit_table, first), count=90)
    assert len(cells) == 90
    models = [cell.model for cell in cells]
    assert len(set(models)) == CONTENDERS
    prompts = [cell.prompt_id for cell in cells]
    assert len(set(prompts)) == 30
    assert all(cell.gain >= 0 for cell in cells)
    assert all(cell.cost_usd > 0 for cell in cells)


def test_a_hopeless_model_is_left_alone(chooser, fit_table, first) -> None:
    """Worse than another everywhere, and dearer."""
    table = replace(fit_table, score=fit_table.score.copy(), cost_usd=fit_table.cost_usd.copy())
    worst = fit_table.models.index("linguist")
    table.score[:, worst] = 0.0
    table.cost_usd[:, worst] = table.cost_usd.max()
    cells = chooser.choose(hidden(table, first), count=90)
    assert "linguist" not in {cell.model for cell in cells}


def test_a_third_of_the_cells_routes_nearly_as_well_as_all(
    chooser, fit_table, first, router, held_out
) -> None:
    seen = first
    while seen.mean() < 0.55:
        seen = ask(fit_table, seen, chooser.choose(hidden(fit_table, seen), count=100))
    sparse = train(hidden(fit_table, seen), synthetic.QUICK)
    chosen = sparse.route_many(held_out.prompts)
    columns = [held_out.models.index(name) for name in chosen]
    everything = [held_out.models.index(name) for name in router.route_many(held_out.prompts)]
    rows = np.arange(len(held_out))
    assert held_out.score[rows, columns].mean() > held_out.score[rows, everything].mean() - 0.06


def test_everything_is_asked_in_the_end_and_nothing_twice(chooser, fit_table, first) -> None:
    rest = chooser.choose(hidden(fit_table, first), count=10_000)
    assert ask(fit_table, first, rest).all()
    assert chooser.choose(fit_table, count=5) == []


def test_what_was_tried_in_vain_is_not_asked_again(chooser, fit_table, first) -> None:
    table = hidden(fit_table, first)
    batch = chooser.choose(table, count=30)
    tried = ask(fit_table, np.zeros_like(first), batch)
    following = chooser.choose(table, count=30, tried=tried)
    assert not set(batch) & set(following)


def test_a_model_that_never_answers_is_given_up(chooser, fit_table, first) -> None:
    seen = first.copy()
    seen[:, 2] = False
    cells = chooser.choose(hidden(fit_table, seen), count=60, tried=first)
    assert len(cells) == 60
    assert "scholar" not in {cell.model for cell in cells}
    nothing = hidden(fit_table, np.zeros_like(first))
    assert chooser.choose(nothing, count=60, tried=first) == []


def test_a_budget_is_kept(chooser, fit_table, first) -> None:
    table = hidden(fit_table, first)
    free = chooser.choose(table, count=60)
    budget = 0.5 * sum(cell.cost_usd for cell in free)
    kept = chooser.choose(table, count=60, budget_usd=budget)
    assert 0 < sum(cell.cost_usd for cell in kept) <= budget
    assert kept == free[: len(kept)]


def test_per_usd_prefers_the_cheaper(chooser, fit_table, first) -> None:
    table = hidden(fit_table, first)
    by_cell, by_usd = (
        sum(cell.cost_usd for cell in chooser.choose(table, count=60, per_usd=per_usd))
        for per_usd in (False, True)
    )
    assert by_usd <= by_cell


def test_the_same_seed_gives_the_same_cells(fit_table, first) -> None:
    table = hidden(fit_table, first)
    one, two = (CellChooser.of(fit_table.prompts, seed=3).choose(table, count=40) for _ in "ab")
    assert one == two


def test_few_prompts_are_one_group() -> None:
    chooser = CellChooser.of([f"Add {at} to {at}." for at in range(12)])
    assert chooser.groups == 1
    pool = ModelPool.of(["a", "b"])
    table = table_of({str(at): f"Add {at} to {at}." for at in range(12)}, pool)
    assert len(chooser.choose(table, count=100)) == 2 * FIRST_ROWS


def test_mistakes_are_refused(chooser, fit_table) -> None:
    with pytest.raises(DataError, match="no prompts"):
        CellChooser.of([])
    with pytest.raises(DataError, match="count must be at least 1"):
        chooser.choose(fit_table, count=0)
    with pytest.raises(DataError, match="same prompts in the same order"):
        chooser.choose(fit_table.rows(range(10)), count=5)
    nothing = np.zeros(fit_table.score.shape, dtype=bool)
    unpriced = replace(hidden(fit_table, nothing), pool=ModelPool.of(fit_table.models))
    with pytest.raises(DataError, match="the price of 'coder' is unknown"):
        chooser.choose(unpriced, count=5, budget_usd=1.0)
    assert chooser.choose(unpriced, count=5)


def test_outcomes_so_far_are_matched_by_text(fit_table: OutcomeTable) -> None:
    prompts = dict(zip("abcd", [*fit_table.prompts[:3], "Another one."], strict=True))
    table = table_of(prompts, fit_table.pool.subset(["tiny", "coder"]), fit_table)
    assert table.score.shape == (4, 2)
    np.testing.assert_array_equal(table.score[:3], fit_table.score[:3][:, [3, 0]])
    assert np.isnan(table.score[3]).all()
    with pytest.raises(DataError, match="other prompts or other models"):
        table_of({"a": "Another one."}, fit_table.pool, fit_table)

"""Limits of routing: shares of variance worked out by hand, nested parts, labels told."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.areas import FEW_DIALS
from benchmarks.comparison.statistics import NAMES, draws, resampled
from benchmarks.limits import sharing
from benchmarks.limits.folds import Folds, mean_of, on_part
from benchmarks.limits.ways import (
    Remembered,
    benchmark_tasks,
    best_per_benchmark,
    labelled,
    router,
)
from finerouter.encoders import StaticEncoder
from finerouter.evaluation.baselines.preference import Estimates
from tests import synthetic


@pytest.fixture(scope="module")
def table():
    return synthetic.outcomes(300)


# What neighbours share


def test_neighbours_are_of_the_same_group_nearest_first() -> None:
    angle = np.array([0.0, 0.3, 0.1, 0.05])
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    near = sharing.neighbours(rows, ["a", "a", "a", "b"])
    assert near[:, :3].tolist() == [[2, 1, -1], [2, 0, -1], [0, 1, -1], [-1, -1, -1]]


def test_shares_by_hand() -> None:
    # Two groups of two: deviations 1, 1 and -1, -1; everything lies between groups.
    groups, value = ["a", "a", "b", "b"], np.array([1.0, 1.0, 0.0, 0.0])
    near = np.full((4, sharing.MOST), -1)
    near[:, 0] = [1, 0, 3, 2]
    found = _shares(value, np.full(4, 0.5), groups, near)
    assert found == {
        "between benchmarks": 1.0,
        "nearest": 0.0,
        "five nearest": 0.0,
        "5th to 50th": 0.0,
        "explained out of fold": 0.0,
    }
    # One group, neighbours equal, other pairs opposite: any two share -1/3, neighbours all.
    found = _shares(value, np.array([1.0, 0.5, 0.0, 0.5]), ["a"] * 4, near)
    assert found["between benchmarks"] == pytest.approx(-1 / 3)
    assert found["nearest"] == pytest.approx(4 / 3)
    assert found["explained out of fold"] == pytest.approx(0.5)


def test_what_neighbours_share_is_found_and_luck_is_not_shared() -> None:
    random = np.random.default_rng(0)
    kind = np.repeat(np.arange(200), 6)
    rows = np.eye(200, dtype=np.float32)[kind]
    shared, own = random.normal(size=200)[kind], random.normal(size=1200)
    near = sharing.neighbours(rows, ["a"] * 1200)
    found = _shares(shared + own, shared, ["a"] * 1200, near)
    assert found["five nearest"] == pytest.approx(0.5, abs=0.08)
    assert found["explained out of fold"] == pytest.approx(0.5, abs=0.08)
    luck = _shares(own, np.zeros(1200), ["a"] * 1200, near)
    assert abs(luck["five nearest"]) < 0.05


def _shares(value, estimate, groups, near) -> dict[str, float]:
    parts = sharing.parts_of(value, estimate, groups, near)
    (found,) = sharing.shares(parts, np.ones((1, len(value))))
    return dict(zip(sharing.NAMES, found.tolist(), strict=True))


# Folds


def test_every_prompt_is_estimated_by_what_was_fitted_without_it(table) -> None:
    seen = []

    def way(fit, held_out, seed) -> Estimates:  # noqa: ARG001
        assert not set(fit.prompt_ids) & set(held_out.prompt_ids)
        seen.extend(held_out.prompt_ids)
        return Estimates(held_out.score, held_out.realised_cost_usd)

    found = Folds.of(table, 7).estimates(way)
    assert sorted(seen) == sorted(table.prompt_ids)
    np.testing.assert_array_equal(found.quality, table.score)


def test_a_smaller_part_lies_in_every_larger_one(table) -> None:
    parts = {}

    def way(fit, held_out, seed) -> Estimates:  # noqa: ARG001
        parts[len(fit)] = set(fit.prompt_ids)
        return Estimates(held_out.score, held_out.realised_cost_usd)

    for size in (50, 100):
        on_part(way, size)(table, table, 7)
    assert sorted(parts) == [50, 100]
    assert parts[50] < parts[100]


def test_the_best_single_model_is_that_of_the_fitting_part(table) -> None:
    folds = Folds.of(table, 7)
    run = folds.outcomes({})
    split = folds.splits[0]
    best = int(table.rows(split.fit).score.mean(axis=0).argmax())
    np.testing.assert_array_equal(run.single[split.held_out, 0], table.score[split.held_out, best])


def test_a_way_that_knows_the_scores_leads_by_the_oracles_lead(table) -> None:
    folds = Folds.of(table, 7)
    knowing = Estimates(table.score, table.realised_cost_usd)
    run = folds.outcomes({"knowing": knowing})
    found = dict(zip(NAMES, resampled(run, draws(len(table), 1))["knowing"][0], strict=False))
    lead = table.score.max(axis=1).mean() - run.single[:, 0].mean()
    assert found["quality_gain"] == pytest.approx(lead)


def test_a_mean_of_estimates_has_the_costs_of_the_first() -> None:
    first, second = (Estimates(np.full((2, 2), value), np.full((2, 2), value)) for value in (1, 3))
    found = mean_of([first, second])
    np.testing.assert_array_equal(found.quality, np.full((2, 2), 2.0))
    np.testing.assert_array_equal(found.cost_usd, first.cost_usd)


# What is told


def test_rows_are_remembered_between_runs(table, tmp_path) -> None:
    texts = table.prompts[:3]
    first = Remembered.of(StaticEncoder.load(), texts, tmp_path)
    (kept,) = tmp_path.iterdir()
    np.testing.assert_array_equal(np.load(kept), first.encode(texts))
    again = Remembered.of(StaticEncoder.load(), texts, tmp_path)
    np.testing.assert_array_equal(again.encode(texts[::-1]), first.encode(texts)[::-1])
    other = Remembered.of(StaticEncoder.load(), table.prompts[:4], tmp_path)
    assert len(other.encode(table.prompts[:4])) == 4


def test_benchmarks_are_told_beside_the_embedding_and_as_tasks(table) -> None:
    known = labelled(Remembered.of(StaticEncoder.load(), table.prompts), table)
    rows = known.encode(table.prompts)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    same = np.equal.outer(np.array(table.benchmarks), np.array(table.benchmarks))
    # Half of the squared length tells the benchmark, none of another's.
    alike = rows[:, known.spec.dim - len(set(table.benchmarks)) :]
    np.testing.assert_allclose(alike @ alike.T, np.where(same, 0.5, 0.0), atol=1e-5)
    edits = benchmark_tasks(table)
    named = [edits.names[at] for at in edits.labels(table.prompts)]
    assert named == list(table.benchmarks)


def test_a_router_with_benchmarks_as_tasks_is_level_with_their_means(table) -> None:
    known = labelled(Remembered.of(StaticEncoder.load(), table.prompts), table)
    fit, held_out = table.split(test_size=0.3, seed=1)
    told = router(FEW_DIALS, known, tasks_are_benchmarks=True)(fit, held_out, 0)
    means = best_per_benchmark(fit, held_out, 0)
    agree = (told.quality.argmax(axis=1) == means.quality.argmax(axis=1)).mean()
    assert agree > 0.9

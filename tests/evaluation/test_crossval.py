from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from finerouter import OutcomeTable
from finerouter.errors import DataError
from finerouter.evaluation import (
    CrossValidation,
    Split,
    benchmark_splits,
    cross_validate,
    evaluate,
    random_splits,
)
from finerouter.training import train
from tests import synthetic


@pytest.fixture(scope="module")
def random(table: OutcomeTable) -> CrossValidation:
    splits = random_splits(table, folds=3, seed=0)
    return cross_validate(table, splits, kind="random", config=synthetic.QUICK, resamples=150)


def test_every_prompt_is_judged_once(random, table) -> None:
    assert random.prompts == len(table)
    assert sum(split.held_out_prompts for split in random.splits) == len(table)
    for split in random.splits:
        assert split.training_prompts + split.held_out_prompts + split.left_out == len(table)
        assert split.tasks >= 4
        assert split.train_s > 0


def test_all_splits_together_are_the_mean_of_each(random, table) -> None:
    weights = [split.held_out_prompts for split in random.splits]
    gains = [split.quality_gain.value for split in random.splits]
    assert random.headline.quality_gain.value == pytest.approx(np.average(gains, weights=weights))
    assert random.headline.quality_gain.low > 0
    oracle = next(line for line in random.lines if line.kind == "oracle")
    assert oracle.quality.value == pytest.approx(table.score.max(axis=1).mean())
    names = [row.benchmark for row in random.benchmarks]
    assert names == sorted(synthetic.KINDS)
    assert random.curve is not None


def test_a_split_is_judged_as_evaluate_judges(random, table) -> None:
    split = random_splits(table, folds=3, seed=0)[1]
    router = train(table.rows(split.fit), synthetic.QUICK)
    alone = evaluate(router, table.rows(split.held_out), resamples=150, decisions=0)
    assert alone.data.left_out == alone.data.left_out_near == 0
    assert random.splits[1].quality_gain == alone.headline.quality_gain
    assert random.splits[1].balanced_saved == alone.headline.balanced_saved


def test_cross_validation_is_json(random) -> None:
    record = json.loads(json.dumps(random.to_json(), allow_nan=False))
    assert record["kind"] == "random"
    assert len(record["splits"]) == 3


def test_work_never_seen_is_harder(random, table) -> None:
    said = []
    unseen = cross_validate(
        table,
        benchmark_splits(table),
        kind="benchmark",
        config=synthetic.QUICK,
        resamples=100,
        progress=lambda stage, done, total: said.append((stage, done, total)),
    )
    assert [split.name for split in unseen.splits] == [
        f"without {kind}" for kind in sorted(synthetic.KINDS)
    ]
    assert unseen.headline.quality_gain.value < random.headline.quality_gain.value - 0.02
    assert np.mean([split.abstained for split in unseen.splits]) > np.mean(
        [split.abstained for split in random.splits]
    )
    stages = [stage for stage, _, _ in said]
    assert stages.count("splits") == len(synthetic.KINDS) + 1
    assert any(stage.startswith("without code: ") for stage in stages)


def test_splits_that_differ_in_what_is_known_of_costs_are_judged_together(table) -> None:
    """Costs are recorded of later prompts alone, so one split trains without any."""
    half, rows = len(table) // 2, np.arange(len(table))
    unknown = {name: getattr(table, name).copy() for name in ("cost_usd", "output_tokens")}
    for values in unknown.values():
        values[:half] = np.nan
    early, late = rows[:half], rows[half:]
    none = rows[:0]
    splits = [Split("later", early, late, none), Split("earlier", late, early, none)]
    result = cross_validate(
        replace(table, **unknown), splits, kind="time", config=synthetic.QUICK, resamples=100
    )
    assert result.prompts == len(table)
    assert result.curve is None
    assert result.headline.cost_saved is None
    assert all(line.cost_per_1k_usd is None for line in result.lines)
    assert any(
        "costs are known in some splits only" in note or "no cost is known of" in note
        for note in result.notes
    )
    gains = [split.quality_gain.value for split in result.splits]
    assert result.headline.quality_gain.value == pytest.approx(np.mean(gains))


def test_the_best_model_of_a_benchmark_never_trained_on_is_said_to_be_of_held_out_prompts(
    table,
) -> None:
    without_code = benchmark_splits(table)[:1]
    result = cross_validate(
        table, without_code, kind="benchmark", config=synthetic.QUICK, resamples=100
    )
    assert any("chosen on the other held-out prompts" in note for note in result.notes)


def test_a_split_that_cannot_be_judged_is_named(table) -> None:
    code = np.array(table.benchmarks) == "code"
    score = np.where(code[:, None] & (np.arange(4) == 1), np.nan, table.score)
    with pytest.raises(DataError, match=r"split 'without code': .* no outcome of 'linguist'"):
        cross_validate(
            replace(table, score=score),
            [split for split in benchmark_splits(table) if split.name == "without code"],
            kind="benchmark",
            config=synthetic.QUICK,
            resamples=100,
        )

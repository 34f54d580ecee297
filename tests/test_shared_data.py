"""The recorded outcomes beside the repository, where they are: counts, and a training on a part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finerouter import OutcomeTable
from finerouter.evaluation import evaluate
from finerouter.training import train
from tests import synthetic

DATA = Path(__file__).parents[1].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not (DATA / "pool11").is_dir(), reason="no recorded outcomes at ../shared/data"
)


@pytest.fixture(scope="module")
def pool11() -> OutcomeTable:
    return OutcomeTable.read(DATA / "pool11")


def test_pool11_is_read_whole(pool11: OutcomeTable) -> None:
    assert pool11.score.shape == (5_673, 11)
    assert not np.isnan(pool11.score).any()
    assert pool11.pool.unpriced == ()
    assert set(pool11.benchmarks) == {
        "gsm8k",
        "math-l5",
        "crux",
        "mmlu-redux",
        "zebra-grid",
        "bfcl",
        "livecodebench",
    }
    best = pool11.models[int(pool11.score.mean(axis=0).argmax())]
    assert best == "gpt-4o-2024-08-06"
    assert 1_000 * pool11.realised_cost_usd.mean(axis=0)[
        pool11.models.index(best)
    ] == pytest.approx(2.757, abs=1e-3)


def test_open7_is_read_whole() -> None:
    open7 = OutcomeTable.read(DATA / "open7")
    assert open7.score.shape == (14_397, 7)
    assert not np.isnan(open7.score).any()
    assert (open7.output_tokens == 0).all()
    assert np.ptp(open7.realised_cost_usd, axis=1).max() < 1e-12


def test_a_part_of_pool11_is_trained_on_and_judged(pool11: OutcomeTable) -> None:
    drawn = np.random.default_rng(0).permutation(len(pool11))[:600]
    fit, held_out = pool11.rows(np.sort(drawn)).split(test_size=0.3, seed=0)
    router = train(fit, replace(synthetic.QUICK, rank=11))
    result = evaluate(router, held_out, resamples=100)
    assert result.data.prompts == len(held_out) >= 150
    assert len(router.tasks) >= 3
    single, oracle = result.lines[0], result.lines[-1]
    assert 0.7 < single.quality.value < oracle.quality.value
    best = next(line for line in result.lines if line.name == "router, best quality")
    assert best.quality.value > single.quality.value - 0.06
    assert max(model.calibration_error for model in result.models) < 0.25
    assert np.isfinite(router.estimate(held_out.prompts).cost_usd).all()

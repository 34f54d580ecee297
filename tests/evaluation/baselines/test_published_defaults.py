"""Each baseline's first setting is what its authors publish, number by number.

Where a number differs on purpose, decision 0015 says so, and the test holds both.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from finerouter.evaluation.baselines import (
    carrot,
    clusters,
    descent,
    embed_llm,
    graph_router,
    mlp,
    route_llm,
    router_dc,
)
from finerouter.evaluation.baselines.registry import BASELINES

# From the authors' code: RouterBench's kNN class and MLPRegressor; LinearSVR and Ridge as
# scikit-learn sets them; the Avengers' code, Avengers-Pro's README; CARROT's search for k;
# EmbedLLM's and RouteLLM's training scripts; RouterDC's script for seven models; LLMRouter's
# GraphRouter.
PUBLISHED: dict[str, dict[str, Any]] = {
    "zero router": {},
    "kNN": {"neighbours": 50},
    "ridge (CARROT, linear)": {"penalty": 1.0},
    "SVM": {"inverse_penalty": 1.0, "squared": False},
    "MLP": {"hidden": 100, "penalty": 1e-4, "epochs": 200},
    "k-means task means": {"clusters": 32},
    "Avengers": {"clusters": 32, "nearest": 1, "beta": 9.0},
    "Avengers-Pro": {"clusters": 25, "nearest": 3, "beta": 9.0, "by_rank": True},
    "CARROT": {"neighbours": carrot._BY_VARIANCE, "cost_neighbours": carrot._BY_VARIANCE},
    "EmbedLLM, matrix factorisation": {
        "rank": 232,
        "noise": 0.05,
        "learning_rate": 1e-4,
        "epochs": 50,
    },
    "RouteLLM, matrix factorisation": {
        "rank": 128,
        "noise": 0.1,
        "learning_rate": 3e-4,
        "epochs": 100,
    },
    "RouterDC, frozen embeddings": {"temperature": 1.0, "cluster_weight": 1.0},
    "GraphRouter, frozen embeddings": {
        "hidden": 64,
        "masked": 0.3,
        "learning_rate": 1e-3,
        "epochs": 100,
    },
}
# A mean over several K is nobody's method; IPR's sizes and training are not published.
UNPUBLISHED = {"k-means task means, mean over K", "IPR-like quality heads"}
# RouterDC's are those of a whole language model: 5e-5, and 1,000 steps.
OWN_DIALS = {"RouterDC, frozen embeddings": {"learning_rate", "epochs"}}


def test_every_baseline_is_in_the_table_or_has_nothing_published() -> None:
    assert {each.name for each in BASELINES} == {*PUBLISHED, *UNPUBLISHED}


@pytest.mark.parametrize(
    "baseline", [each for each in BASELINES if each.name in PUBLISHED], ids=lambda each: each.name
)
def test_the_first_setting_is_the_published_one(baseline: Any) -> None:
    dials = asdict(baseline.configurations()[0])
    own = OWN_DIALS.get(baseline.name, set())
    assert {name: value for name, value in dials.items() if name not in own} == PUBLISHED[
        baseline.name
    ]


def test_what_no_setting_changes_is_published_too() -> None:
    assert carrot._NEIGHBOURS == (2, 4, 8, 16, 32, 64, 128, 256, 512)
    assert carrot._FOLDS == 5
    assert (mlp._RATE, mlp._BATCH) == (1e-3, 200)
    assert (embed_llm._PAIRS, embed_llm._DECAY) == (2048, 1e-5)
    assert (route_llm._BATCH, route_llm._DECAY) == (64, 1e-5)
    assert (router_dc._BATCH, router_dc._BEST, router_dc._WORST) == (64, 3, 3)
    assert graph_router._DECAY == 1e-4
    assert (descent._FADE, descent._FADE_SQUARES, descent._TINY) == (0.9, 0.999, 1e-8)  # Adam's


def test_what_differs_on_purpose_is_said_in_the_decision() -> None:
    path = Path(__file__).parents[3] / "docs" / "decisions" / "0015-comparison.md"
    decision = " ".join(path.read_text("utf-8").split())
    assert clusters._STARTS == 4
    assert "k-means has 4 starts, where Avengers publishes 10" in decision
    assert f"batch ({mlp._BATCH} prompts)" in decision

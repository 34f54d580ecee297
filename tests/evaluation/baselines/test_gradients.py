"""Every gradient written by hand agrees with finite differences of its loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from finerouter.encoders.protocol import unit_rows
from finerouter.evaluation.baselines import (
    embed_llm,
    graph_router,
    ipr,
    mlp,
    route_llm,
    router_dc,
)

STEP = 1e-6
PROMPTS, FEATURES, MODELS = 12, 5, 4
Loss = Callable[[dict], tuple[float, dict]]


def _data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    rows = unit_rows(random.normal(size=(PROMPTS, FEATURES)).astype(np.float32)).astype(np.float64)
    score = random.choice([0.0, 0.3, 1.0, np.nan], size=(PROMPTS, MODELS), p=[0.4, 0.1, 0.4, 0.1])
    return rows, score


def _double(parameters: dict) -> dict:
    return {name: value.astype(np.float64) for name, value in parameters.items()}


def _mlp() -> tuple[dict, Loss]:
    rows, score = _data()
    start = mlp._start(FEATURES, 6, MODELS, np.random.default_rng(0))
    start["inner_bias"] += np.float32(0.1)  # off the kinks
    return start, lambda parameters: mlp.loss_and_gradient(parameters, rows, score)


def _embed_llm() -> tuple[dict, Loss]:
    rows, score = _data()
    start = embed_llm._start(FEATURES, 6, MODELS, np.random.default_rng(0))
    return start, lambda parameters: embed_llm.loss_and_gradient(parameters, rows, score)


def _route_llm() -> tuple[dict, Loss]:
    rows, score = _data()
    start = route_llm._start(FEATURES, 6, MODELS, np.random.default_rng(0))
    return start, lambda parameters: route_llm.loss_and_gradient(parameters, rows, score)


def _ipr() -> tuple[dict, Loss]:
    rows, score = _data()
    start = ipr._start(FEATURES, 6, MODELS, np.random.default_rng(0))
    return start, lambda parameters: ipr.loss_and_gradient(parameters, rows, score)


def _router_dc() -> tuple[dict, Loss]:
    rows, score = _data()
    random = np.random.default_rng(0)
    labels = np.arange(PROMPTS) % 3
    order, partners = router_dc.by_score(score, random), router_dc.draw_partners(labels, random)
    start = {
        "projection": np.eye(FEATURES) + 0.1 * random.normal(size=(FEATURES, FEATURES)),
        "model": random.normal(size=(MODELS, FEATURES)),
    }
    dials = router_dc.RouterDC(temperature=0.5, cluster_weight=0.7)
    return start, lambda parameters: router_dc.loss_and_gradient(
        parameters, rows, score, order, partners, dials
    )


def _graph_router() -> tuple[dict, Loss]:
    rows, score = _data()
    random = np.random.default_rng(0)
    known = ~np.isnan(score)
    graph = graph_router.Graph(
        rows=rows,
        task_rows=rows[np.arange(PROMPTS) // 4 * 4],
        edges=random.uniform(0.1, 1.0, size=(PROMPTS, MODELS, 2)),
        known=known,
        right=known & (np.nan_to_num(score) >= 0.5),
    )
    hidden = known & (random.random(known.shape) < 0.4)
    start = graph_router._start(FEATURES, 3, MODELS, random)
    return start, lambda parameters: graph_router.loss_and_gradient(
        parameters, graph, known & ~hidden, hidden
    )


@pytest.mark.parametrize("case", [_mlp, _embed_llm, _route_llm, _ipr, _router_dc, _graph_router])
def test_gradients_agree_with_finite_differences(case) -> None:
    start, loss = case()
    parameters = _double(start)
    _, gradient = loss(parameters)
    assert gradient.keys() == parameters.keys()
    for name, value in parameters.items():
        assert gradient[name].shape == value.shape, name
        for at in np.ndindex(value.shape):
            kept = value[at]
            value[at] = kept + STEP
            above, _ = loss(parameters)
            value[at] = kept - STEP
            below, _ = loss(parameters)
            value[at] = kept
            assert gradient[name][at] == pytest.approx((above - below) / (2 * STEP), abs=1e-7), name
        assert np.abs(gradient[name]).max() > 0, name

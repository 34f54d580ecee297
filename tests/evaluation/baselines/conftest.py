from __future__ import annotations

import numpy as np
import pytest

from finerouter import OutcomeTable
from finerouter.encoders.protocol import unit_rows
from tests import synthetic


@pytest.fixture(scope="session")
def separable() -> tuple[np.ndarray, OutcomeTable, np.ndarray]:
    """Rows in six far clusters, and outcomes whose means differ by cluster."""
    table = synthetic.outcomes(600)
    kinds = synthetic.kind_numbers(table)
    noise = np.random.default_rng(0).normal(size=(len(kinds), 10))
    return unit_rows((np.eye(6, 10)[kinds] + 0.1 * noise).astype(np.float32)), table, kinds


@pytest.fixture
def tiny() -> OutcomeTable:
    """Three prompts, two models: the dear one right on the first two, the cheap one on the last."""
    table = synthetic.outcomes(3).select_models(("scholar", "tiny"))
    return OutcomeTable(
        **{
            **vars(table),
            "score": np.array([[1.0, 0.0], [1.0, np.nan], [0.0, 1.0]]),
            "cost_usd": np.array([[4.0, 1.0], [4.0, 1.0], [4.0, 1.0]]),
        }
    )

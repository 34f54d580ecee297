"""What many tests share: one small trained router, its data, and where it lies on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Before NumPy is imported: on small arrays and a busy machine, threads that wait for each other
# make a training ten times slower. Processes that tests start inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

from finerouter import OutcomeTable, Router
from finerouter.training import train
from tests import synthetic
from tests.loopback import LoopbackUpstream, serving

settings.register_profile(
    "finerouter",
    derandomize=True,
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("finerouter")


@pytest.fixture(scope="session")
def table() -> OutcomeTable:
    return synthetic.outcomes(480)


@pytest.fixture(scope="session")
def parts(table: OutcomeTable) -> tuple[OutcomeTable, OutcomeTable]:
    return table.split(test_size=0.4, seed=0)


@pytest.fixture(scope="session")
def fit(parts: tuple[OutcomeTable, OutcomeTable]) -> OutcomeTable:
    return parts[0]


@pytest.fixture(scope="session")
def held_out(parts: tuple[OutcomeTable, OutcomeTable]) -> OutcomeTable:
    return parts[1]


@pytest.fixture(scope="session")
def router(fit: OutcomeTable) -> Router:
    return train(fit, synthetic.QUICK)


@pytest.fixture(scope="session")
def router_folder(router: Router, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained router on disk; tests that change it work on a copy."""
    folder = tmp_path_factory.mktemp("saved") / "router"
    router.save(folder)
    return folder


@pytest.fixture(scope="session")
def data_folder(table: OutcomeTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic outcomes as a routing dataset on disk."""
    folder = tmp_path_factory.mktemp("dataset") / "data"
    table.write(folder)
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackUpstream]:
    """An endpoint on the loopback interface."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as running:
        yield running

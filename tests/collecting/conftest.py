from __future__ import annotations

from pathlib import Path

import pytest

from finerouter.asking import Asking, Endpoint, Parameters
from finerouter.pool import Model, ModelPool
from tests.loopback import LoopbackUpstream

PRICES = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


@pytest.fixture
def pool(server: LoopbackUpstream) -> ModelPool:
    """Two models of two families at one endpoint."""
    return ModelPool((model(server, "small"), model(server, "large", family="other")))


def model(server: LoopbackUpstream, name: str, *, family: str = "kin", **fields) -> Model:
    """A priced model at the loopback server."""
    parameters = fields.pop("parameters", Parameters(max_tokens=100))
    place = {"key_env": "LOOPBACK_KEY"} | fields.pop("endpoint", {})
    endpoint = Endpoint(fields.pop("at", "here"), server.url, **place)
    asking = Asking(endpoint, fields.pop("upstream_model", name), parameters)
    return Model(name, family=family, asking=asking, **(PRICES | fields))

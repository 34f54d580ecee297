from __future__ import annotations

from dataclasses import replace

import pytest

from finerouter.asking import Asking, Endpoint
from finerouter.collecting.request import check_askable
from finerouter.errors import PoolError
from finerouter.pool import Model

HERE = Endpoint("local", "http://127.0.0.1:8001/v1")


def model(name: str, endpoint: Endpoint) -> Model:
    return Model(name, asking=Asking(endpoint, upstream_model=name))


def test_models_may_share_an_endpoint() -> None:
    check_askable([model("a", HERE), model("b", HERE)], budget_usd=None)


def test_two_endpoints_of_one_name_are_refused() -> None:
    there = replace(HERE, base_url="http://127.0.0.1:8002/v1")
    with pytest.raises(PoolError, match="'local'"):
        check_askable([model("a", HERE), model("judge", there)], budget_usd=None)

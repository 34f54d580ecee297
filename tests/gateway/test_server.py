"""What the server sets before it serves."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from finerouter.gateway import server


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_what_was_loaded_is_not_looked_through_for_garbage() -> None:
    loaded = [[n] for n in range(1_000)]
    server._calm_collector()
    assert gc.get_freeze_count() > len(loaded)
    assert gc.isenabled()
    assert not any(item is loaded for item in gc.get_objects())


@pytest.mark.usefixtures("collector")
def test_cycles_still_go() -> None:
    class Node:
        def __init__(self) -> None:
            self.me = self

    server._calm_collector()
    most = gc.get_threshold()[0]
    for _ in range(2 * most):
        Node()
    assert sum(isinstance(item, Node) for item in gc.get_objects()) <= most

"""Gateways for tests: real servers in front of real loopback endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.collector import Collector, collecting
from tests.gateway.running import Gateway, pool_toml, running
from tests.loopback import LoopbackUpstream, serving


@pytest.fixture
def other_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackUpstream]:
    """A second endpoint."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as started:
        yield started


@pytest.fixture
def gateway(tmp_path: Path, router_folder: Path, server: LoopbackUpstream) -> Iterator[Gateway]:
    """A gateway with the defaults and one endpoint, `server`."""
    with running(tmp_path, router_folder, pool_toml(server)) as started:
        yield started


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector of traces."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with collecting() as started:
        yield started

"""A disk that fills while a router is written: a file-size limit in a process of its own."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from finerouter import OutcomeTable, Router
from finerouter.artifact import TENSORS
from tests.cli.running import Finished, assert_refused, finerouter, quick_config


def train_on_a_small_disk(data: Path, out: Path) -> Finished:
    """Train where no file may grow beyond 8 kB."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192))

    config = quick_config(data.parent)
    return finerouter("train", data, "--out", out, "--config", config, preexec_fn=limit)


@pytest.fixture(scope="module")
def data(table: OutcomeTable, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "data"
    table.rows(range(120)).write(folder)
    return folder


def test_nothing_is_left_half_written(data: Path, tmp_path: Path) -> None:
    finished = train_on_a_small_disk(data, tmp_path / "router")
    assert_refused(finished, "router: cannot be written", "nothing was left half-written")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_router_still_loads(data: Path, router: Router, tmp_path: Path) -> None:
    router.save(tmp_path / "router")
    before = (tmp_path / "router" / TENSORS).read_bytes()
    assert_refused(train_on_a_small_disk(data, tmp_path / "router"), "cannot be written")
    assert [path.name for path in tmp_path.iterdir()] == ["router"]
    assert (tmp_path / "router" / TENSORS).read_bytes() == before
    assert Router.load(tmp_path / "router").tasks == router.tasks

"""Same data, configuration and seed in two processes: the same router, byte for byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from finerouter.artifact import MANIFEST, TENSORS
from tests.cli.running import finerouter, quick_config


@pytest.fixture(scope="module")
def routers(data_folder: Path, tmp_path_factory) -> list[Path]:
    """Two routers with one seed, made under different hash seeds."""
    folder = tmp_path_factory.mktemp("repeat")
    config = quick_config(folder)
    made = []
    for name, hash_seed in (("first", "1"), ("again", "2")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        arguments = ("--config", config, "--seed", 5, "--holdout", 0)
        out = folder / name
        finished = finerouter("train", data_folder, "--out", out, *arguments, env=environment)
        assert finished.code == 0, finished.err
        made.append(out)
    return made


@pytest.mark.parametrize("name", [MANIFEST, TENSORS])
def test_the_same_seed_gives_the_same_bytes(routers: list[Path], name: str) -> None:
    first, again = (path / name for path in routers)
    assert first.read_bytes() == again.read_bytes()

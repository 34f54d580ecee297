"""A gateway process that is killed under load, and one that is stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.faults.kills import killed_again_and_again
from tests.gateway.running import pool_toml
from tests.loopback import LoopbackUpstream


def test_a_kill_loses_no_row_of_an_answer_that_is_whole(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    (tmp_path / "pool.toml").write_text(pool_toml(server))
    (tmp_path / "gateway.toml").write_text("")
    found = killed_again_and_again(tmp_path, router_folder, kills=1, seed=0)
    assert found.whole > 20
    assert found.cut > 0
    assert (found.lost, found.twice, found.broken) == (0, 0, 0)
    assert found.off_usd == pytest.approx(0, abs=1e-9)

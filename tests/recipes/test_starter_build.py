"""Building from collected outcomes writes the files that ship."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from finerouter.starter import starter_outcomes
from recipes.starter import build

SHIPPED = build.TARGET


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(build, "TARGET", tmp_path / "starter")
    return tmp_path / "starter"


def test_the_shipped_outcomes_give_the_shipped_files(target: Path) -> None:
    build.main([str(SHIPPED), "--collected", "2026-11-24"])
    for name in ("prompts.parquet", "outcomes.parquet"):
        assert pq.read_table(target / name).equals(pq.read_table(SHIPPED / name))
    for name in ("pool.toml", "PROVENANCE.md"):
        assert (target / name).read_text("utf-8") == (SHIPPED / name).read_text("utf-8")


def test_a_part_of_the_outcomes_is_refused(target: Path, tmp_path: Path) -> None:
    starter_outcomes().rows([0, 1, 2]).write(tmp_path / "part")
    with pytest.raises(ValueError, match="outcomes are missing"):
        build.main([str(tmp_path / "part")])
    assert not target.exists()

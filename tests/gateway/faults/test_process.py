"""A gateway process that is reloaded and stopped under load, beside another, or without a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from finerouter.gateway.access import new_key
from tests.gateway.faults import sharing
from tests.gateway.faults.kept import kept
from tests.gateway.faults.process import Process
from tests.gateway.faults.reloads import reloaded, stopped
from tests.gateway.faults.troubled_journal import on_a_full_disk, rows_after_its_files_are_removed
from tests.gateway.running import pool_toml
from tests.loopback import Fault, LoopbackUpstream

ADMIN = new_key("k")
KEYS = ADMIN.toml + 'scopes = ["infer", "admin"]\n'


@pytest.fixture
def starting() -> Iterator[ExitStack]:
    with ExitStack() as processes:
        yield processes


def started(
    folder: Path, router: Path, server: LoopbackUpstream, processes: ExitStack, config: str
) -> Process:
    (folder / "pool.toml").write_text(pool_toml(server))
    (folder / "gateway.toml").write_text(config)
    process = Process(folder, router)
    processes.callback(process.kill)
    return process


def test_no_request_fails_while_it_is_reloaded_and_stopped(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream, starting: ExitStack
) -> None:
    server.delay_s = 0.01
    gateway = started(tmp_path, router_folder, server, starting, KEYS)
    found = asyncio.run(reloaded(gateway, KEYS, ADMIN.key, 1.5))
    assert found.failed == []
    assert found.answers["whole"] > 20
    # What does not load is told and changes nothing.
    assert found.statuses[200] > 0
    assert found.statuses[400] > 0
    server.misbehave = lambda call: Fault.stall(0.5) if call.number % 3 == 0 else None
    end = asyncio.run(stopped(gateway, 0.5, ADMIN.key))
    assert end.code == 0
    assert set(end.answers) <= {"whole", "unheard"}
    assert end.answers["whole"] > 10


def test_a_journal_that_cannot_be_written_stops_nobody(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream, starting: ExitStack
) -> None:
    config = 'log_level = "warning"'
    gateway = started(tmp_path, router_folder, server, starting, config)
    found = on_a_full_disk(gateway, 10)
    assert (found.answered, found.unanswered, found.missing, found.lost) == (10, 0, 0, 0)
    assert found.told
    assert rows_after_its_files_are_removed(gateway, 10) == (10, 10)
    assert gateway.stop() == 0
    assert kept(tmp_path / "journal.sqlite").intact == "ok"


def test_two_processes_share_budget_and_conversations(
    tmp_path: Path, router_folder: Path, server: LoopbackUpstream, starting: ExitStack
) -> None:
    server.delay_s = 0.3
    path = tmp_path / "shared.sqlite"
    limit_usd = 0.003
    config = f'[journal]\npath = "{path}"\n[budget]\nmonth_usd = {limit_usd}\n'
    both = sharing.two(tmp_path, router_folder, pool_toml(server), config)
    for process in both:
        starting.callback(process.kill)
    first, second = sharing.follows(both, 0.5)
    assert first == second
    found = sharing.spent_by_two(both, limit_usd, sharing.cost_of_one(both[0]))
    assert found.refused > 0
    assert found.spent_usd > 0.5 * limit_usd
    # Nobody spends on when what the other has spent is known: a second, and a batch of each.
    assert found.beyond_requests <= 5 * sharing.CLIENTS
    assert [process.stop() for process in both] == [0, 0]
    assert kept(path).records.count('"sticky":true') == 1

"""What the gateway does when things go wrong: a real process, real sockets, loopback endpoints.

    python -m benchmarks.reliability kills
    python -m benchmarks.reliability faults fuzzing reloads memory journal sharing

Each part prints what it found and records it in benchmarks/results/reliability_PART.json. The
suite runs small versions of the same (tests/gateway/faults).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.machine import record
from finerouter.gateway.access import new_key
from finerouter.training import train
from tests import synthetic
from tests.gateway.faults import (
    faulty,
    fuzzing,
    growing,
    kills,
    reloads,
    sharing,
    troubled_journal,
)
from tests.gateway.faults.odd_requests import odd_requests
from tests.gateway.faults.process import Process
from tests.gateway.journal.postgres_server import running as postgres
from tests.gateway.running import pool_toml
from tests.loopback import Fault, serving

Figures = dict[str, Any]
_UPSTREAM_KEY = "upstream-secret-4711"


def main() -> None:
    """Run the parts that were named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=sorted(_PARTS))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual numbers")
    given = parser.parse_args()
    os.environ |= {"NO_PROXY": "127.0.0.1", "UPSTREAM_KEY": _UPSTREAM_KEY}
    with tempfile.TemporaryDirectory() as folder:
        router = Path(folder) / "router"
        train(synthetic.outcomes(480).split(test_size=0.4, seed=0)[0], synthetic.QUICK).save(router)
        for part in given.parts:
            place = Path(folder) / part
            place.mkdir()
            began = time.monotonic()
            figures = _PARTS[part](place, router, given.scale)
            figures["seconds"] = round(time.monotonic() - began, 1)
            for name, value in figures.items():
                sys.stdout.write(f"{part}: {name}: {value}\n")
            sys.stdout.write(f"recorded in {record(f'reliability_{part}', figures)}\n")


def _kills(folder: Path, router: Path, scale: float) -> Figures:
    with serving() as upstream:
        _written(folder, pool_toml(upstream), "")
        found = kills.killed_again_and_again(folder, router, max(1, round(20 * scale)), seed=0)
    return asdict(found)


def _faults(folder: Path, router: Path, scale: float) -> Figures:
    figures: Figures = {}
    with serving() as one, serving() as other:
        config = 'log_level = "warning"\n' + faulty.TIMEOUTS + faulty.BREAKERS
        with _process(folder, router, pool_toml(one, other), config) as gateway:
            for name, fault in faulty.KINDS.items():
                for stream in (False, True):
                    rules = [faulty.at_a_share(fault, 0.2, seed) for seed in (0, 1)]
                    work = faulty.seen(
                        gateway.url, [one, other], rules, round(500 * scale), stream=stream
                    )
                    way = "streamed" if stream else "whole"
                    figures[f"{name}, {way}"] = asdict(asyncio.run(work))
    return figures


def _fuzzing(folder: Path, router: Path, scale: float) -> Figures:
    figures: Figures = {}
    for api in ("chat", "messages"):
        figures[api] = _fuzzed(folder / api, router, api, round(5_000 * scale))
    return figures


def _fuzzed(folder: Path, router: Path, api: str, count: int) -> Figures:
    folder.mkdir()
    key = new_key("k")
    scopes = 'scopes = ["infer", "route", "feedback", "read", "admin"]\n'
    config = f"{key.toml}{scopes}[journal]\nprompts = true\n"
    secrets = (key.key, _UPSTREAM_KEY)
    with serving() as upstream:
        pool = pool_toml(upstream, extra=f'key_env = "UPSTREAM_KEY"\napi = "{api}"')
        with _process(folder, router, pool, config) as gateway:
            sockets = gateway.sockets()
            odd = odd_requests(7, key.key, count)
            found = asyncio.run(fuzzing.fuzz(gateway.port, odd, secrets))
            time.sleep(12)  # until the connections that are kept to the endpoint end
            left = gateway.sockets() - sockets
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "gateway.toml"]
    kept = b"".join(path.read_bytes() for path in files)
    return {
        **asdict(found),
        "statuses": {str(status): many for status, many in sorted(found.statuses.items())},
        "seed": 7,
        "sockets_left": left,
        "secrets_in_log_or_journal": sum(secret.encode() in kept for secret in secrets),
    }


def _reloads(folder: Path, router: Path, scale: float) -> Figures:
    key = new_key("k")
    keys = key.toml + 'scopes = ["infer", "admin"]\n'
    with serving() as upstream:
        upstream.delay_s = 0.01
        with _process(folder, router, pool_toml(upstream), keys) as gateway:
            found = asyncio.run(reloads.reloaded(gateway, keys, key.key, 30 * scale))
        upstream.misbehave = lambda call: Fault.stall(1.0) if call.number % 3 == 0 else None
        _written(folder, pool_toml(upstream), "")
        ends = [
            asyncio.run(reloads.stopped(Process(folder, router), 1.0))
            for _ in range(max(1, round(10 * scale)))
        ]
    return {
        "reloads": {**asdict(found), "failed": len(found.failed)},
        "stops": [asdict(end) for end in ends],
    }


def _memory(folder: Path, router: Path, scale: float) -> Figures:
    figures: Figures = {}
    for name, most in (("as it is", 100_000), ("1,000 conversations", 1_000)):
        config = f'log_level = "warning"\n[sticky]\nmost = {most}\n'
        place = folder / str(most)
        place.mkdir()
        with (
            serving() as upstream,
            _process(place, router, pool_toml(upstream), config) as gateway,
        ):
            figures[name] = asdict(growing.grown(gateway, 10, round(2_000 * scale)))
    return figures


def _journal(folder: Path, router: Path, scale: float) -> Figures:
    many = round(300 * scale)
    figures: Figures = {}
    with serving() as upstream:
        config = 'log_level = "warning"\n'
        with _process(folder, router, pool_toml(upstream), config) as gateway:
            figures["full disk"] = asdict(troubled_journal.on_a_full_disk(gateway, many))
            kept = troubled_journal.rows_after_its_files_are_removed(gateway, many)
            figures["files removed: answers, rows"] = kept
        with postgres() as server:
            address = server.new_database("journal")
            config += '[journal]\npostgres_env = "JOURNAL_URL"\n'
            env = {"JOURNAL_URL": address}
            with _process(folder, router, pool_toml(upstream), config, env) as gateway:
                found = troubled_journal.without_postgres(gateway, server, address, many)
                figures["PostgreSQL stopped and started"] = asdict(found)
    return figures


def _sharing(folder: Path, router: Path, scale: float) -> Figures:
    figures: Figures = {}
    for delay_s in (0.0, 0.05, 0.3):
        place = folder / f"sqlite-{delay_s}"
        place.mkdir()
        journal = f'[journal]\npath = "{place}/shared.sqlite"\n'
        figures[f"SQLite, answers after {delay_s} s"] = _shared(place, router, journal, {}, delay_s)
    with postgres() as server:
        for delay_s in (0.0, 0.3):
            place = folder / f"postgres-{delay_s}"
            place.mkdir()
            env = {"JOURNAL_URL": server.new_database(f"shared{round(delay_s * 10)}")}
            journal = '[journal]\npostgres_env = "JOURNAL_URL"\n'
            name = f"PostgreSQL, answers after {delay_s} s"
            figures[name] = _shared(place, router, journal, env, delay_s)
    del scale
    return figures


def _shared(
    folder: Path, router: Path, journal: str, env: dict[str, str], delay_s: float
) -> Figures:
    limit_usd = 0.006
    with serving() as upstream:
        upstream.delay_s = delay_s
        config = f"{journal}[budget]\nmonth_usd = {limit_usd}\n"
        both = sharing.two(folder, router, pool_toml(upstream), config, env)
        one_usd = sharing.cost_of_one(both[0])
        found = sharing.spent_by_two(both, limit_usd, one_usd)
        for process in both:
            process.stop()
    return asdict(found)


@contextmanager
def _process(
    folder: Path, router: Path, pool: str, config: str, env: dict[str, str] | None = None
) -> Iterator[Process]:
    _written(folder, pool, config)
    process = Process(folder, router, env=env)
    try:
        yield process
    finally:
        process.stop()


def _written(folder: Path, pool: str, config: str) -> None:
    (folder / "pool.toml").write_text(pool)
    (folder / "gateway.toml").write_text(config)


_PARTS: dict[str, Callable[[Path, Path, float], Figures]] = {
    "kills": _kills,
    "faults": _faults,
    "fuzzing": _fuzzing,
    "reloads": _reloads,
    "memory": _memory,
    "journal": _journal,
    "sharing": _sharing,
}

if __name__ == "__main__":
    main()

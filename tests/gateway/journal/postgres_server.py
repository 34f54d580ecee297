"""A PostgreSQL of the tests' own, from Debian's package, on a Unix socket in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_NOBODY = 65_534


class Server:
    """A server that can be stopped and started again."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        self._data = folder / "data"
        self.call("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
        self.start()

    def call(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL as a user that it runs for."""
        as_nobody = {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}
        subprocess.run(
            [self._programs / program, "--pgdata", self._data, *arguments],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            **as_nobody,
        )

    def start(self) -> None:
        options = f"-k {self.folder} -h '' -F"
        self.call(
            "pg_ctl", "--wait", "--options", options, "--log", str(self.folder / "log"), "start"
        )

    def stop(self) -> None:
        self.call("pg_ctl", "--wait", "--mode=immediate", "stop")

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def lines(self, address: str, query: str) -> list[str]:
        """What a query gives, a line for each row."""
        done = subprocess.run(
            [self._programs / "psql", "--tuples-only", "--no-align", "--dbname", address,
             "--command", query],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.split()

    def new_database(self, name: str) -> str:
        """Make an empty database; gives its address."""
        subprocess.run(
            [
                self._programs / "psql", "--quiet", "--dbname", self.address(),
                "--command", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
                "--command", f"CREATE DATABASE {name} TEMPLATE template0",
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        return self.address(name)


@contextmanager
def running() -> Iterator[Server]:
    """A server for as long as it is needed; the test is skipped where there is no PostgreSQL."""
    pytest.importorskip("asyncpg", reason="the extra postgres is not installed")
    if not _PLACES:
        pytest.skip("no PostgreSQL here (Debian: apt-get install postgresql)")
    # Not under pytest's own folder, which another user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="fr-pg-"))
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
    server = None
    try:
        server = Server(folder, _PLACES[0])
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)

"""Servers as processes on a core of their own, and what they take of it.

Takes a command and an address; gives a `Server` that answers. Figures come from /proc, so this
runs on Linux. Knows nothing of what is served.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVED_CORE, LOADING_CORE = 0, 1
START_S, STOP_S = 120.0, 40.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Command:
    """What to start: `ready` is a path that is answered with 200 once it serves."""

    name: str
    arguments: Sequence[str]
    port: int
    ready: str
    core: int = SERVED_CORE
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Usage:
    """Of a process and its children, since they started.

    Attributes:
        cpu_s: seconds of processor time.
        waited_s: seconds that threads were ready to run and others had the core.
    """

    cpu_s: float
    waited_s: float


@dataclass(frozen=True)
class Server:
    """A running server."""

    command: Command
    pid: int

    @property
    def url(self) -> str:
        """Its address."""
        return self.command.url

    def usage(self) -> Usage:
        """What it has taken so far."""
        family = list(_family(self.pid))
        return Usage(sum(map(_cpu_s, family)), sum(map(_waited_s, family)))

    def resident_mb(self) -> float:
        """Memory held, in MB of a million bytes."""
        pages = (int(_text(pid, "statm").split()[1]) for pid in _family(self.pid))
        return sum(pages) * PAGE / 1e6


def go_ahead(*, paced: bool) -> None:
    """Run before all that others run on this machine: this process and what it starts from now on.

    A paced load is mostly idle and may run at real-time priority, at once whenever it is ready. A
    closed loop would let nobody else in, and threads of one such process not one another: it gets a
    larger share instead. `nice` is of no use: Linux shares out between sessions before it.

    Raises:
        PermissionError: for root alone.
    """
    Path("/proc/self/autogroup").write_text("-15")
    policy = os.SCHED_FIFO if paced else os.SCHED_OTHER
    os.sched_setscheduler(0, policy, os.sched_param(1 if paced else 0))


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(command: Command, folder: Path) -> Iterator[Server]:
    """Start it, wait until it answers, stop it; its output goes to a file in `folder`."""
    log = folder / f"{command.name}-{command.port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(command.core), *command.arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **command.environment},
        )
        try:
            _wait_until_ready(command, process, log)
            yield Server(command, process.pid)
        finally:
            _stop(process)


def load(server: Server, *options: str, key: str | None = None) -> dict[str, Any]:
    """Run the load client against it; its report, with what the server took for a request."""
    before = server.usage()
    with loading(server, *options, key=key) as client:
        output, _ = client.communicate()
    report = read_report(client, output)
    after = server.usage()
    asked = report["requests"] + report["errors"] + report["warm_up"]
    report["cpu_ms_per_request"] = round(1e3 * (after.cpu_s - before.cpu_s) / asked, 4)
    report["waited_ms_per_request"] = round(1e3 * (after.waited_s - before.waited_s) / asked, 4)
    return report


@contextmanager
def loading(
    server: Server, *options: str, key: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The load client while it runs."""
    given = [server.url, *options, *(("--key", key) if key else ())]
    client = subprocess.Popen(
        ["taskset", "-c", str(LOADING_CORE), *module("client"), *given], stdout=subprocess.PIPE
    )
    try:
        yield client
    finally:
        _stop(client)


def read_report(client: subprocess.Popen[bytes], output: bytes) -> dict[str, Any]:
    """What the client printed."""
    if client.returncode != 0:
        raise RuntimeError(f"the load client failed with {client.returncode}; see above")
    report: dict[str, Any] = json.loads(output)
    return report


def module(name: str) -> list[str]:
    """The command that runs a module of this package, from any folder."""
    root = Path(__file__).parents[2]
    start = f"import sys; sys.path.insert(0, {str(root)!r}); "
    return [sys.executable, "-c", f"{start}from benchmarks.gateway.{name} import main; main()"]


def _wait_until_ready(command: Command, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(command.url + command.ready, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{command.name} does not serve:\n{log.read_text('utf-8')[-2_000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _family(pid: int) -> Iterator[int]:
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            yield from _family(int(child))


def _cpu_s(pid: int) -> float:
    # The name before the last bracket may hold spaces.
    fields = _text(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _waited_s(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[1]) for thread in threads) / 1e9


def _text(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text("utf-8")

"""`finerouter serve` as a process of its own: started, killed, stopped, its log kept."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

_READY_S = 60.0


class Process:
    """One gateway in a folder that holds its pool.toml and gateway.toml."""

    def __init__(
        self,
        folder: Path,
        router: Path,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start it and wait until it serves.

        Args:
            folder: of its files; the log goes there too.
            router: folder of the router.
            env: further environment variables.
        """
        self.folder = folder
        self.log = folder / "serve.log"
        self.port = _free_port()
        command = [sys.executable, "-m", "finerouter", "serve", str(router)]
        command += ["--config", str(folder / "gateway.toml"), "--port", str(self.port)]
        self._log_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=folder, env={**os.environ, **(env or {})}
            )
        self._wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """Its log since it started."""
        return self.log.read_bytes()[self._log_from :].decode("utf-8", "replace")

    def kill(self) -> None:
        """As the power of root or a lack of memory would: nothing can be tidied up."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 40.0) -> int:
        """As a supervisor would; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def reload(self) -> None:
        """Send SIGHUP."""
        self.process.send_signal(signal.SIGHUP)

    def rss_kib(self) -> int:
        """Memory that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def sockets(self) -> int:
        """Sockets that it holds open."""
        count = 0
        for file in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                count += str(file.readlink()).startswith("socket:")
            except OSError:  # closed meanwhile
                continue
        return count

    def _wait(self) -> None:
        until = time.monotonic() + _READY_S
        while time.monotonic() < until:
            assert self.process.poll() is None, self.said
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=10):
                    return
            except OSError:
                time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the gateway did not start: {self.said}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])

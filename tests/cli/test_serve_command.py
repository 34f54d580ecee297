"""finerouter serve as an operator meets it: a process, its words, its signals and its exit code."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from finerouter.gateway.journal.sqlite_schema import STEPS, prepare
from tests.cli.running import Finished, assert_refused, finerouter
from tests.gateway.running import pool_toml
from tests.gateway.test_chat import SUM
from tests.loopback import Fault, LoopbackUpstream


@pytest.fixture
def files(tmp_path: Path, server: LoopbackUpstream) -> Path:
    """A folder with pool.toml and gateway.toml."""
    (tmp_path / "pool.toml").write_text(pool_toml(server))
    (tmp_path / "gateway.toml").write_text("[policies.cheap]\nmin_quality = 0.0\n")
    return tmp_path


@dataclass
class Process:
    """A gateway that runs as a process of its own."""

    popen: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    port: int = 0
    connections: list[http.client.HTTPConnection] = field(default_factory=list)

    def read(self) -> None:
        """Keep what it writes; the reader of its pipe."""
        assert self.popen.stderr
        self.lines.extend(self.popen.stderr)

    def said(self, pattern: str) -> re.Match[str]:
        """The first line that matches; waits for it."""
        until = time.monotonic() + 30
        while True:
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found
            assert time.monotonic() < until, self.lines
            assert self.popen.poll() is None, self.lines
            time.sleep(0.01)

    def chat(self, *, stream: bool = False, model: str = "auto") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.connections.append(connection)
        messages = [{"role": "user", "content": SUM}]
        body = json.dumps({"model": model, "messages": messages, "stream": stream})
        connection.request("POST", "/v1/chat/completions", body)
        return connection.getresponse()

    def model(self) -> str | None:
        """Which model answers."""
        answer = self.chat()
        answer.read()
        return answer.headers["x-finerouter-model"]


@contextmanager
def serving(files: Path, router_folder: Path, *options: str) -> Iterator[Process]:
    """A process that answers already; killed at the end if it still runs."""
    command = [sys.executable, "-m", "finerouter", "serve", str(router_folder)]
    command += ["--config", str(files / "gateway.toml"), "--port", "0", *options]
    popen = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    process = Process(popen)
    reader = threading.Thread(target=process.read)
    reader.start()
    try:
        process.port = int(process.said(r"answering at http://127.0.0.1:(\d+)/v1")[1])
        yield process
    finally:
        for connection in process.connections:
            connection.close()
        popen.kill()
        popen.wait(10)
        reader.join(10)
        assert popen.stderr
        popen.stderr.close()


def test_check_says_what_would_be_served(files: Path, router_folder: Path) -> None:
    options = ("serve", router_folder, "--config", files / "gateway.toml", "--check")
    told = finerouter(*options)
    assert (told.code, told.err) == (0, "")
    assert "everything loads: 127.0.0.1:8080, 0 keys" in told.out
    assert "coder, linguist, scholar, tiny" in told.out
    assert "best, cheap" in told.out
    data: dict[str, Any] = finerouter(*options, "--json", "--port", "99").json
    assert data["routed"] == ["coder", "linguist", "scholar", "tiny"]
    assert (data["policies"], data["address"]) == (["best", "cheap"], "127.0.0.1:99")
    assert sorted(path.name for path in files.iterdir()) == ["gateway.toml", "pool.toml"]


def check(files: Path, router_folder: Path, *options: object) -> Finished:
    """What `--check` says of the files."""
    return finerouter(
        "serve", router_folder, "--config", files / "gateway.toml", "--check", *options
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('[journal]\npostgres_env = "NO_SUCH_URL"', ("the environment has no NO_SUCH_URL",)),
        ('[journal]\npostgres_env = "NOT_A_URL"', ("holds no address of a database",)),
        ('[journal]\npath = "other.sqlite"', ("other.sqlite", "another program's database")),
        ('[journal]\npath = "newer.sqlite"', ("newer.sqlite", "version 2", "reads up to 1")),
        ('[telemetry]\notlp_endpoint = "http://127.0.0.1:9"', ("traces need opentelemetry",)),
    ],
)
def test_check_refuses_what_a_start_would(
    files: Path, router_folder: Path, tmp_path: Path, config: str, words: tuple[str, ...]
) -> None:
    with closing(sqlite3.connect(files / "other.sqlite")) as other:
        other.execute("CREATE TABLE decisions (ours TEXT)")
    with closing(sqlite3.connect(files / "newer.sqlite", isolation_level=None)) as newer:
        prepare(newer, files / "newer.sqlite", (*STEPS, "CREATE TABLE later (x);\n"))
    (files / "gateway.toml").write_text(config)
    # An interpreter without OpenTelemetry, as after `pip install 'finerouter[serve]'`.
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['opentelemetry'] = None\n")
    path = os.pathsep.join(filter(None, (str(hidden), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "NOT_A_URL": "mysql://host/name"}
    before = contents(files)
    served = ("serve", router_folder, "--config", files / "gateway.toml", "--port", 0)
    for options in (("--check",), ()):
        assert_refused(finerouter(*served, *options, env=environment), *words)
        if options:
            assert contents(files) == before


def test_check_warns_of_endpoints_without_their_key(
    files: Path, router_folder: Path, server: LoopbackUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SET_KEY", "looks-like-a-word")
    (files / "empty").write_text("\n")
    for line, words in {
        'key_env = "MISSPELT_KEY"': "the environment has no MISSPELT_KEY; set it",
        'key_file = "./none"': "none: cannot be read (No such file or directory); write the key",
        'key_file = "./empty"': "empty: is empty; write the key",
        'key_env = "SET_KEY"': "",
    }.items():
        (files / "pool.toml").write_text(pool_toml(server, extra=line))
        told = check(files, router_folder)
        assert (told.code, told.err) == (0, "")
        assert "everything loads" in told.out
        assert ("warning          endpoint 'e0' lacks its key: " in told.out) == bool(words)
        assert words in told.out
        warnings = check(files, router_folder, "--json").json["warnings"]
        assert [words in warning for warning in warnings] == ([True] if words else [])


def test_check_warns_of_a_journal_that_cannot_be_written(files: Path, router_folder: Path) -> None:
    (files / "sub").mkdir()
    (files / "broken.sqlite").write_text("no database" * 100)
    for path, words in {
        "pool.toml/journal.sqlite": ("cannot be made", "pool.toml is no folder", "in memory"),
        "sub": ("sub: is no file that can be written",),
        "broken.sqlite": ("broken.sqlite: cannot be read",),
        "new/journal.sqlite": (),
    }.items():
        (files / "gateway.toml").write_text(f'[journal]\npath = "{path}"')
        told = check(files, router_folder)
        assert told.code == 0, told.err
        for word in words:
            assert word in told.out
        assert ("warning" in told.out) == bool(words)
    names = {path.name for path in files.iterdir()}
    assert names == {"pool.toml", "gateway.toml", "sub", "broken.sqlite"}


def test_check_leaves_a_journal_that_it_reads_as_it_was(files: Path, router_folder: Path) -> None:
    with serving(files, router_folder) as process:
        assert process.model() == "coder"
        assert "warning" not in check(files, router_folder).out  # while another one writes
        process.popen.send_signal(signal.SIGTERM)
        assert process.popen.wait(20) == 0
    before = contents(files)
    assert "journal.sqlite" in before
    assert "warning" not in check(files, router_folder).out
    assert contents(files) == before


def test_a_gateway_open_to_all_without_a_key_is_warned_of(files: Path, router_folder: Path) -> None:
    table = finerouter("serve", "--new-key", "app").out.partition("[[keys]]")[2]
    (files / "gateway.toml").write_text(f"allow_unkeyed = true\n[[keys]]{table}")
    words = "host '0.0.0.0' is open to others, and allow_unkeyed serves them without a key"
    assert words in check(files, router_folder, "--host", "0.0.0.0").out
    assert "warning" not in check(files, router_folder, "--host", "127.0.0.1").out
    with serving(files, router_folder, "--host", "0.0.0.0") as process:
        assert process.said(words)


def test_a_start_and_a_reload_warn_of_endpoints_without_their_key(
    files: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    (files / "pool.toml").write_text(pool_toml(server, extra='key_env = "MISSPELT_KEY"'))
    with serving(files, router_folder) as process:
        line = json.loads(process.said("endpoint 'e0' .* has no MISSPELT_KEY").string)
        assert line["level"] == "warning"
        (files / "pool.toml").write_text(pool_toml(server, extra='key_env = "OTHER_KEY"'))
        process.popen.send_signal(signal.SIGHUP)
        assert process.said("endpoint 'e0' lacks its key: .* has no OTHER_KEY")


def test_a_new_key_opens_what_its_table_says(files: Path, router_folder: Path) -> None:
    made = finerouter("serve", "--new-key", "app")
    assert made.code == 0
    key, *_ = made.out.split()
    table = made.out[made.out.index("[[keys]]") :]
    assert key.startswith("fr-")
    assert key not in table
    (files / "gateway.toml").write_text(table)
    config = files / "gateway.toml"
    assert finerouter("serve", router_folder, "--config", config, "--check", "--json").json[
        "keys"
    ] == ["app"]
    data = finerouter("serve", "--new-key", "app", "--json").json
    assert set(data) == {"name", "key", "sha256"}


def test_what_cannot_be_served_is_refused_in_one_line(files: Path, router_folder: Path) -> None:
    config = files / "gateway.toml"
    served = ("serve", router_folder, "--config", config)
    assert_refused(finerouter("serve"), "name the router's folder")
    assert_refused(finerouter("serve", files / "none", "--config", config), "none")
    assert_refused(finerouter("serve", router_folder, "--config", files / "no.toml"), "no.toml")
    assert_refused(finerouter(*served, "--host", "0.0.0.0"), "keys")
    assert_refused(finerouter("serve", "--new-key", "two words"), "two words")
    for text, words in {
        "prot = 1": "unknown key 'prot'",
        "port =": "is not TOML",
        "pool = 'missing.toml'": "missing.toml",
    }.items():
        config.write_text(text)
        assert_refused(finerouter(*served), words)


def test_a_missing_extra_is_named(router_folder: Path, tmp_path: Path) -> None:
    # An interpreter that finds no msgspec, as after `pip install finerouter` alone.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'msgspec' else find(name, *rest)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    told = finerouter("serve", router_folder, env=environment)
    assert_refused(told, "serving needs msgspec", "finerouter[serve]")


def test_a_port_that_is_taken_is_told(files: Path, router_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = files / "gateway.toml"
        told = finerouter("serve", router_folder, "--config", config, "--port", port)
    assert_refused(told, f"cannot listen at 127.0.0.1:{port}", "already in use", "--port")
    assert not (files / "journal.sqlite").exists()


def test_a_journal_that_cannot_be_opened_is_told(files: Path, router_folder: Path) -> None:
    with closing(sqlite3.connect(files / "journal.sqlite")) as other:
        other.execute("CREATE TABLE decisions (ours TEXT)")
    config = files / "gateway.toml"
    told = finerouter("serve", router_folder, "--config", config, "--port", 0)
    assert_refused(told, "journal.sqlite", "another program's database")


def test_it_says_where_answers_reloads_and_stops(files: Path, router_folder: Path) -> None:
    with serving(files, router_folder) as process:
        line = process.said("answering at ")[0]
        assert line
        assert process.said("/dashboard; try: curl ")
        assert process.model() == "coder"

        (files / "gateway.toml").write_text("default_policy = 'nothing'")
        process.popen.send_signal(signal.SIGHUP)
        assert process.said("nothing was reloaded: ")
        assert process.model() == "coder"

        (files / "gateway.toml").write_text(
            'default_policy = "cheap"\n[policies.cheap]\nmin_quality = 0.0\n'
        )
        process.popen.send_signal(signal.SIGHUP)
        assert process.said("reloaded: 4 models, 2 policies")
        assert process.model() == "tiny"

        process.popen.send_signal(signal.SIGTERM)
        assert process.popen.wait(20) == 0
    with closing(sqlite3.connect(files / "journal.sqlite")) as journal:
        assert journal.execute("SELECT count(*) FROM decisions").fetchone() == (3,)


def test_a_stop_lets_a_stream_end(
    files: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    server.faults = [Fault.stall(1.0)]
    with serving(files, router_folder) as process:
        answer = process.chat(stream=True)
        assert answer.status == 200
        process.popen.send_signal(signal.SIGTERM)
        assert answer.read().endswith(b"data: [DONE]\n\n")
        assert process.popen.wait(20) == 0
        with pytest.raises(ConnectionRefusedError):
            process.chat()


def test_a_reload_changes_the_log_its_keys_and_the_time_to_stop(
    files: Path, router_folder: Path, server: LoopbackUpstream
) -> None:
    cheap = 'default_policy = "cheap"\n[policies.cheap]\nmin_quality = 0.0\n'
    with serving(files, router_folder) as process:
        (files / "key").write_text("looks-like-a-word")
        (files / "pool.toml").write_text(pool_toml(server, extra='key_file = "./key"'))
        process.popen.send_signal(signal.SIGHUP)
        assert process.said("reloaded: ")
        time.sleep(1.1)  # for so long the log keeps the keys that it has read
        assert process.chat(model="looks-like-a-word").status == 404
        assert process.said(r'"requested":"\[key\]"')
        assert not any("looks-like-a-word" in line for line in process.lines)

        (files / "gateway.toml").write_text(f'log_level = "error"\n{cheap}[limits]\ndrain_s = 0\n')
        process.popen.send_signal(signal.SIGHUP)
        until = time.monotonic() + 20
        while process.model() != "tiny":
            assert time.monotonic() < until

        server.faults = [Fault.stall(30.0)]
        assert process.chat(stream=True).status == 200
        process.popen.send_signal(signal.SIGTERM)
        assert process.popen.wait(10) == 0
    assert not any('"model":"tiny"' in line for line in process.lines)

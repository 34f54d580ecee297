"""The official JavaScript library, unmodified, against a running gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.running import Gateway, pool_toml, running
from tests.gateway.test_chat import SUM
from tests.gateway.test_client_libraries import NUMBERS, SAID, add_once
from tests.loopback import DIM, FAULTS, Call, Fault, LoopbackUpstream, ToolUse

FOLDER = Path(__file__).parent / "javascript"
NODE = shutil.which("node")
INSTALLED = (FOLDER / "node_modules" / "openai" / "package.json").is_file()
needs_library = pytest.mark.skipif(
    NODE is None or not INSTALLED,
    reason="Node.js is not installed" if NODE is None else "no openai for Node.js: make javascript",
)


@pytest.fixture(params=("chat", "messages"))
def mixed(
    request: pytest.FixtureRequest, tmp_path: Path, router_folder: Path, server: LoopbackUpstream
) -> Iterator[Gateway]:
    """A gateway whose endpoint speaks one of two APIs, and has embeddings at another one."""
    pool = pool_toml(server, extra=f'api = "{request.param}"')
    pool += f'\n[endpoints.plain]\nbase_url = "{server.url}"\n'
    pool = pool.replace('model = "tiny"\nendpoint = ["e0"]', 'model = "tiny"\nendpoint = "plain"')
    with running(tmp_path, router_folder, pool) as started:
        yield started


def uses(call: Call) -> list[ToolUse]:
    return add_once(call) if "tools" in call.body else []


def breaks(call: Call) -> Fault | None:
    return FAULTS["hang_up_midway"] if b"Break off." in call.raw else None


@needs_library
def test_it_is_answered(mixed: Gateway, server: LoopbackUpstream) -> None:
    server.uses, server.misbehave = uses, breaks
    done = subprocess.run(
        [str(NODE), "asks.mjs", f"{mixed.url}/v1", SUM],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["whole"]["text"], told["whole"]["model"]) == (SAID, "coder")
    assert told["streamed"]["text"] == SAID
    assert min(told["whole"]["tokens"], told["streamed"]["tokens"]) > 0
    tools = told["tools"]
    assert (tools["reason"], tools["name"], tools["arguments"]) == ("tool_calls", "add", NUMBERS)
    assert "92" in tools["text"]
    assert told["response"] == {"text": SAID, "status": "completed"}
    assert told["embedded"] == DIM
    assert told["names"][:2] == ["auto", "auto:best"]
    assert (told["unknown"]["error"], told["unknown"]["status"]) == ("NotFoundError", 404)
    assert told["wrong"]["error"] == "BadRequestError"
    assert told["broken"]["error"] == "APIError"
    assert "broke off" in told["broken"]["message"]
    # Nothing was asked for twice.
    assert len(server.requests) == 7


def test_the_lock_file_pins_contents_and_names_no_host() -> None:
    locked = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))
    wanted = json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"]
    packages = {name: item for name, item in locked["packages"].items() if name}
    assert {name: item["version"] for name, item in packages.items()} == {
        f"node_modules/{name}": version for name, version in wanted.items()
    }
    for item in packages.values():
        assert item["integrity"].startswith("sha512-")
        assert "resolved" not in item
    assert "://" not in json.dumps(locked)

"""docs/gateway.md, its example and the README's gateway section say what is so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from finerouter.gateway.app import PATHS
from finerouter.gateway.overrides import Overrides
from finerouter.gateway.settings import GatewaySettings, KeyTable, PolicyTable
from finerouter.pool import ModelPool
from finerouter.starter import starter_outcomes
from finerouter.training import train
from tests import synthetic
from tests.cli.running import finerouter
from tests.gateway.running import Gateway

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "gateway.md").read_text("utf-8")
REFERENCE = TEXT[TEXT.index("## Every key") :]
TABLES = [
    item.name
    for item in msgspec.structs.fields(GatewaySettings)
    if isinstance(item.type, type) and issubclass(item.type, msgspec.Struct)
]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def tables() -> dict[str, type[msgspec.Struct]]:
    """Every table of gateway.toml by its heading."""
    found: dict[str, Any] = {item.name: item.type for item in fields(GatewaySettings)}
    inner = {f"`[{name}]`": found[name] for name in TABLES}
    return {
        "At the top": GatewaySettings,
        "`[policies.NAME]`": PolicyTable,
        "`[[keys]]`": KeyTable,
        **inner,
    }


def fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def default(item: msgspec.structs.FieldInfo) -> str:
    """A default as the reference writes it."""
    if item.required:
        return "must be given"
    plain = item.default is not msgspec.NODEFAULT and item.default is not None
    return f"`{json.dumps(item.default)}`" if plain else ""


def test_every_key_is_told_with_its_default_and_no_other() -> None:
    told = {
        part.split("\n", 1)[0]: {
            name: value.strip()
            for name, value in re.findall(r"^\| `(\w+)` \| ([^|]*)\|", part, re.MULTILINE)
        }
        for part in REFERENCE.split("\n### ")[1:]
    }
    assert told == {
        name: {item.name: default(item) for item in fields(kind)} for name, kind in tables().items()
    }


def test_all_that_a_request_may_say_is_told() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(x-finerouter-[\w-]+)` \|", TEXT, re.MULTILINE)
    assert dict(rows) == {
        name: f"x-finerouter-{name.replace('_', '-')}" for name in Overrides.__struct_fields__
    }


def test_every_path_is_told() -> None:
    routes = {re.sub(r"\{.*\}", "NAME", path) for path in PATHS}
    told = TEXT[TEXT.index("## Paths") : TEXT.index("## Every key")]
    # The page of the dashboard reads this one.
    assert routes - {"/dashboard/data"} == set(re.findall(r"(/[\w/]+)[`\s]", told))


def test_the_pool_can_be_read(tmp_path: Path) -> None:
    (block,) = blocks("toml")
    (tmp_path / "pool.toml").write_text(block, "utf-8")
    pool = ModelPool.read(tmp_path / "pool.toml")
    assert len(pool["small"].askings) == 2
    assert pool["small"].askings[1].upstream_model == "vendor/small-8b"


def test_the_example_passes_the_check(tmp_path: Path) -> None:
    _, some = starter_outcomes().split(test_size=0.2, seed=0)
    train(some, synthetic.QUICK).save(tmp_path / "router")
    told = finerouter("serve", tmp_path / "router", "--config", DOCS / "gateway.toml", "--check")
    assert told.code == 0, told.err
    assert "best, thrifty, frugal" in told.out


def _of(library: str) -> str:
    return next(block for block in blocks("python") if f"from {library} import" in block)


@pytest.mark.parametrize("library", ["openai", "anthropic"])
def test_the_clients_code_runs(gateway: Gateway, library: str) -> None:
    code = _of(library).replace("http://127.0.0.1:8080", gateway.url)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "You said: What is the capital of France?" in done.stdout


def test_bodies_of_its_curls_are_answered(gateway: Gateway) -> None:
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    told = TEXT + readme + (DOCS / "collecting.md").read_text("utf-8")
    found = re.findall(r"^\$ curl .*?(/v1/\S+).*? -d '(\{.*\})'$", told, re.MULTILINE)
    asked = [(path, body) for path, body in found if path != "/v1/feedback"]
    assert len(asked) == 6
    for path, body in asked:
        assert gateway.call("POST", path, body.encode()).status == 200, body


def test_files_that_it_links_to_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT)
    assert links
    assert not [link for link in links if not (DOCS / link).exists()]

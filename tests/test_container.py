"""Dockerfile and compose.yaml say nothing that is not so. They are not built here: no daemon."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from finerouter.cli import group
from finerouter.gateway.settings_file import read_settings
from finerouter.pool import ModelPool

ROOT = Path(__file__).parents[1]
EXTRAS = ("serve", "postgres", "telemetry")


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, in order; lines that go on are joined."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    return [
        (name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines) if name
    ]


@pytest.fixture(scope="module")
def services() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]


def copied(instructions) -> list[str]:
    """Paths taken from the context."""
    of_context = [
        rest.split() for name, rest in instructions if name == "COPY" and "--from" not in rest
    ]
    return [source for sources in of_context for source in sources[:-1]]


def last(instructions, wanted: str) -> str:
    return [rest for name, rest in instructions if name == wanted][-1]


def test_what_is_copied_exists_and_is_in_the_context(instructions):
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert copied(instructions)
    for source in copied(instructions):
        assert (ROOT / source).exists(), source
        assert source in let_in, source
    assert let_in == set(copied(instructions)), "let in, but not copied"


def test_what_the_build_backend_reads_is_copied(instructions):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {project["readme"], *project["license-files"], "src"} <= set(copied(instructions))


def test_every_package_of_the_extras_is_locked_with_hashes(instructions):
    (lock,) = [source for source in copied(instructions) if source.endswith(".txt")]
    text = (ROOT / lock).read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(p for e in EXTRAS for p in project["optional-dependencies"][e]),
    ]
    for package in wanted:
        name = re.match(r"[\w.-]+", package)[0]
        assert re.search(rf"(?m)^{re.escape(name)}==[^\n]*\\\n +--hash=sha256:", text), name


def test_versions_are_those_that_are_tested():
    def pins(name: str) -> set[str]:
        return set(
            re.findall(r"(?m)^(\S+==\S+(?: ; [^\\]*)?)", (ROOT / "requirements" / name).read_text())
        )

    assert pins("serve.txt") <= pins("dev.txt") | pins("run.txt")


def test_it_runs_the_gateway_as_nobody_in_particular(instructions):
    assert last(instructions, "USER") not in ("0", "root")
    assert json.loads(last(instructions, "ENTRYPOINT")) == ["finerouter"]
    name, *arguments = json.loads(last(instructions, "CMD"))
    shown = CliRunner().invoke(group, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    for option in (part for part in arguments if part.startswith("--")):
        assert option in shown.output


def test_base_image_is_one_that_the_package_supports(instructions):
    bases = {rest.split()[0] for name, rest in instructions if name == "FROM"}
    (base,) = bases
    assert re.fullmatch(r"python:3\.1[1-3]-slim", base)


def test_both_services_say_when_they_are_well(instructions, services):
    health = last(instructions, "HEALTHCHECK")
    compile(json.loads(health[health.index("[") :])[-1], "healthcheck", "exec")
    assert "/healthz" in health
    assert services["database"]["healthcheck"]["test"]
    assert services["gateway"]["depends_on"]["database"]["condition"] == "service_healthy"


def test_the_gateway_can_write_nowhere_but_in_its_volume(instructions, services):
    gateway = services["gateway"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    writable = [v.split(":")[1] for v in gateway["volumes"] if not v.endswith(":ro")]
    assert writable == [last(instructions, "VOLUME")]


def test_what_is_mounted_is_what_the_command_reads(instructions, services):
    command = json.loads(last(instructions, "CMD"))
    mounted = [v.rsplit(":", 2)[1] for v in services["gateway"]["volumes"] if v.endswith(":ro")]
    for path in (part for part in command if part.startswith("/")):
        assert any(path == place or path.startswith(f"{place}/") for place in mounted), path


def test_the_documented_files_load(tmp_path, services):
    text = (ROOT / "docs" / "deploying.md").read_text("utf-8")
    gateway, pool = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "gateway.toml").write_text(gateway, "utf-8")
    (tmp_path / "pool.toml").write_text(pool, "utf-8")
    settings = read_settings(tmp_path / "gateway.toml")
    assert ModelPool.read(settings.pool).models[0].asking is not None
    assert settings.host == "0.0.0.0"
    assert settings.journal.path.startswith("/data/")
    assert settings.journal.postgres_env in services["gateway"]["environment"]


def test_no_password_stands_in_the_file():
    text = (ROOT / "compose.yaml").read_text("utf-8")
    for value in re.findall(r"POSTGRES_PASSWORD: (.*)", text):
        assert value.startswith("${POSTGRES_PASSWORD:?"), value

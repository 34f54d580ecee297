"""What the README says is true: its Python runs, its commands and options exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from finerouter.collecting import GRADERS, JUDGES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [line[2:].split("  #")[0] for line in lines if line.startswith("$ finerouter ")]


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(ROOT / "src")
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "(2, 6) (2, 6)" in done.stdout
    assert (tmp_path / "report.html").stat().st_size > 2_000


@pytest.mark.parametrize(
    "command",
    [
        "import",
        "collect",
        "train",
        "evaluate",
        "crossval",
        "route",
        "tasks",
        "cells",
        "probes",
        "join",
        "serve",
    ],
)
def test_every_option_of_the_readme_exists(command: str) -> None:
    used = {
        option
        for line in commands()
        if line.split()[1] == command
        for option in re.findall(r"(?<!\w)--[a-z-]+", line)
    }
    listed = subprocess.run(
        [sys.executable, "-m", "finerouter", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert commands()
    assert used <= set(re.findall(r"--[a-z-]+", listed))


def test_files_that_the_readme_links_to_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert links
    assert not missing


def test_the_demo_runs_to_its_end() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "finerouter", "demo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for part in ("held-out prompts", "why: ", "Saving: ", "Next, on your own outcomes: "):
        assert part in done.stdout


def test_the_documentation_of_collecting_names_every_grader_and_real_options() -> None:
    text = (ROOT / "docs" / "collecting.md").read_text("utf-8")
    table = text[text.index("## Graders") :]
    assert [name for name in (*GRADERS, *JUDGES, "by-row") if f"| `{name}" not in table.replace(
        ", `", "| `")] == []  # fmt: skip
    listed = subprocess.run(
        [sys.executable, "-m", "finerouter", "collect", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line for line in text.splitlines() if line.startswith("$ finerouter collect")]
    used = {option for line in lines for option in re.findall(r"(?<!\w)--[a-z-]+", line)}
    assert used
    assert used <= set(re.findall(r"--[a-z-]+", listed))

"""What docs/importing.md says is true: its files are read by its commands, its table is whole."""

from __future__ import annotations

import importlib
import pickle
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from finerouter import OutcomeTable
from finerouter.importers import FORMATS, Rules
from finerouter.importers.aliases import read_aliases
from finerouter.importers.prices import PriceTable

PAGE = (Path(__file__).parents[2] / "docs" / "importing.md").read_text("utf-8")
FILES = re.findall(r"```(csv|json|python) (\S+)\n(.*?)```", PAGE, flags=re.DOTALL)
COMMANDS = re.findall(r"^\$ finerouter import (.+)$", PAGE, flags=re.MULTILINE)
command = importlib.import_module("finerouter.cli.importing").command


def write_files(folder: Path) -> None:
    for language, name, content in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if language == "python":
            # Written by ourselves, in this repository.
            path.write_bytes(pickle.dumps(eval(content, {"np": np})))
        else:
            path.write_text(content, "utf-8")


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line.split()[1])
def test_every_example_is_read_by_its_command(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, shlex.split(line))
    assert done.exit_code == 0, (done.output, done.exception)
    table = OutcomeTable.read(tmp_path / "data")
    assert [text.splitlines()[0] for text in table.prompts] == ["What is 2 + 2?"]
    assert np.nanmax(table.score) >= 0.8


def test_every_format_has_an_example_and_a_line_in_the_table() -> None:
    names = {item.name for item in FORMATS}
    assert {line.split()[0] for line in COMMANDS} == names
    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, flags=re.MULTILINE)) == names


def test_the_python_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.startswith("('small', 'large') 1 {'maths':")
    assert len(OutcomeTable.read(tmp_path / "data")) == 1


def test_the_options_of_the_page_exist() -> None:
    shown = CliRunner().invoke(command, ["--help"]).output
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) - {"--output"}
    assert used <= set(re.findall(r"--[a-z-]+", shown))


def test_the_page_states_the_defaults() -> None:
    assert f"more than {Rules().max_bad:.0%}".replace("%", " %") in PAGE
    assert (Rules().scale.worst, Rules().scale.best) == (0, 1)


def test_the_alias_and_price_files_of_the_page_are_read(tmp_path: Path) -> None:
    aliases, prices = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "aliases.toml").write_text(aliases)
    (tmp_path / "prices.toml").write_text(prices)
    assert set(read_aliases(tmp_path / "aliases.toml").values()) == {"gpt-4o"}
    assert PriceTable.read(tmp_path / "prices.toml").day == "2025-11-01"

"""Two collections are compared outcome by outcome, and letter by letter."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from finerouter.collecting.journal import Journal, Kept, Question
from finerouter.starter import starter_outcomes
from finerouter.upstream.apis import Answer
from recipes.starter import reproduce


def collected(folder: Path, rows: list[int], texts: dict[str, str]) -> Path:
    """Shipped outcomes of two arms, and a journal with these texts for the questions' keys."""
    table = starter_outcomes().rows(rows)
    table.select_models(table.models[:2]).write(folder)
    with closing(Journal(folder.with_name(f"{folder.name}.journal.sqlite"))) as journal:
        for key, text in texts.items():
            call = journal.start(Question(key, key.partition(" ")[0], "", 1, None))
            journal.answered(call, Kept(Answer(text, "stop", None), None))
    return folder


def printed(capsys: pytest.CaptureFixture[str], *folders: Path) -> list[str]:
    reproduce.main([str(folder) for folder in folders])
    return capsys.readouterr().out.splitlines()


def test_a_part_agrees_with_what_ships(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, collected(tmp_path / "part", [7, 3, 30], {}))
    assert lines[2].startswith("| smollm2-135m-direct | 3 of 3 | 3 | 3 | - |")
    assert lines[-1].startswith("| all | 6 of 6 | 6 | 6 | - |")


def test_texts_are_compared_where_both_are_collected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = starter_outcomes().models[:2]
    old = {f"{first} a": "yes", f"{first} b": "no", f"{second} a": "maybe", f"{second} c": "4"}
    new = {**old, f"{first} b": "No"}
    del new[f"{second} c"]
    before = collected(tmp_path / "before", [3, 7, 30], old)
    lines = printed(capsys, collected(tmp_path / "now", [30, 7], new), before)
    assert lines[2].startswith(f"| {first} | 2 of 2 | 2 | 2 | 1 |")
    assert lines[3].startswith(f"| {second} | 2 of 2 | 2 | 2 | 1 |")
    assert lines[-1].startswith("| all | 4 of 4 | 4 | 4 | 2 |")

from __future__ import annotations

from pathlib import Path

import pytest

from finerouter.errors import DataError
from finerouter.joining import read_benchmarks


def written(folder: Path, text: str) -> Path:
    path = folder / "scores.csv"
    path.write_text(text, "utf-8")
    return path


def test_scores_are_read_by_benchmark(tmp_path: Path) -> None:
    path = written(tmp_path, "model,benchmark,score\na,exam,70\nb,exam,60.5\na,quiz,1\n")
    assert read_benchmarks(path) == {"exam": {"a": 70.0, "b": 60.5}, "quiz": {"a": 1.0}}


def test_without_benchmarks_the_scores_are_overall(tmp_path: Path) -> None:
    path = written(tmp_path, "model,score\na,0.7\nb,0.6\n")
    assert read_benchmarks(path) == {"overall": {"a": 0.7, "b": 0.6}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model,score\n", "holds no scores; give the columns model"),
        ("model,score\na,good\n", "row 1: score is 'good', not a number"),
        ("model,score\na,nan\n", "row 1: score is 'nan'"),
        ("model,score\na\n", "row 1: score is None"),
        ("model,score\n,1\n", "row 1: field model is empty"),
        ("model,score\na,1\na,2\n", "row 2: 'a' has two scores on 'overall'"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_benchmarks(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        read_benchmarks(tmp_path / "none.csv")

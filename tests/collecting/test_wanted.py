"""A file of what is wanted, and the prompts and models that its rows name."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finerouter.collecting import Prompt, Prompts, read_wanted
from finerouter.errors import DataError
from finerouter.pool import ModelPool

POOL = ModelPool.of(("small", "large"))
FOUND = Prompts(
    prompts=(Prompt("a", "Say A"), Prompt("5", "Say 5"), Prompt("b", "Say A")),
    left_out=(Prompt("c", "Say C"),),
)


def file(folder: Path, *rows: object) -> Path:
    path = folder / "wanted.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_a_row_asks_one_model_or_all(tmp_path: Path) -> None:
    rows = [{"prompt_id": "a", "model": "large", "gain": None}, {"prompt_id": 5, "model": ""}]
    wanted = read_wanted(file(tmp_path, *rows, *rows), FOUND, POOL)
    assert wanted.pairs == (("a", "large"), ("5", "small"), ("5", "large"))


def test_where_ids_were_made_anew_the_text_tells(tmp_path: Path) -> None:
    rows = [{"prompt_id": "made", "prompt": "Say 5"}, {"prompt_id": "a", "prompt": "Say A"}]
    wanted = read_wanted(file(tmp_path, *rows), FOUND, POOL.subset(["small"]))
    assert wanted.pairs == (("5", "small"), ("a", "small"))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_it_may_be_a_table(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"wanted.{suffix}"
    if suffix == "csv":
        path.write_text("prompt_id,model\na,large\nb,\n")
    else:
        pq.write_table(pa.table({"prompt_id": ["a", "b"], "model": ["large", None]}), path)
    pairs = read_wanted(path, FOUND, POOL).pairs
    assert pairs == (("a", "large"), ("b", "small"), ("b", "large"))


def test_rows_of_prompts_that_were_left_out_are_counted(tmp_path: Path) -> None:
    wanted = read_wanted(file(tmp_path, {"prompt_id": "c"}, {"prompt": "Say C"}), FOUND, POOL)
    assert (wanted.pairs, wanted.bad_rows, wanted.left_out) == ((), (), 2)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt_id": "z"}, "line 2: prompt 'z' is not among the prompts"),
        ({"prompt": "Say Z"}, "line 2: prompt 'Say Z' is not among the prompts"),
        ({"prompt_id": "a", "model": "huge"}, "line 2: model 'huge' is not in the pool"),
        ({"model": "small"}, "line 2: has neither prompt_id nor prompt"),
        (["a"], "line 2: is not a JSON object"),
    ],
)
def test_bad_rows_are_named_and_put_up_with_when_few(tmp_path: Path, row, words: str) -> None:
    path = file(tmp_path, {"prompt_id": "a"}, row)
    with pytest.raises(DataError, match=f"1 of 2 rows are bad, more than 1%: {words}"):
        read_wanted(path, FOUND, POOL)
    wanted = read_wanted(path, FOUND, POOL, most_bad=0.5)
    assert wanted.bad_rows == (words,)
    assert wanted.pairs == (("a", "small"), ("a", "large"))

"""Files are read one record at a time, whatever they are called, and bad rows have a place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finerouter.errors import DataError
from finerouter.importers import json_list as json_list_module
from finerouter.importers.findings import Findings
from finerouter.importers.json_list import json_list
from finerouter.importers.records import (
    files_under,
    kind_of,
    nested,
    records,
    split_of,
    stem_without_split,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def read(path: Path) -> tuple[list[tuple[str, Any]], Findings]:
    findings = Findings()
    found = [
        (str(place).removeprefix(f"{path}: "), dict(record))
        for place, record in records(path, findings)
    ]
    return found, findings


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


@given(items=st.lists(json_values, max_size=6), indent=st.sampled_from([None, 0, 2]))
@settings(max_examples=40)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_a_json_list_comes_item_by_item(
    folder: Path, items: list[Any], indent: int | None, chunk: int
) -> None:
    path = write(folder, "list.json", json.dumps(items, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_list_module, "_CHUNK", chunk)
        assert list(json_list(path)) == items


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2", "after item 2 the list is broken off"),
        ('[{"a": 1} {"a": 2}]', "after item 1 the list is broken off or malformed"),
        ('[{"a": 1}, {"a": ]', "item 2 is not JSON"),
        ('[{"a": "b', "item 1 is not JSON"),
        ("{}", "not a JSON list"),
        ("", "not a JSON list"),
        (b'["\xff"]', "not UTF-8"),
    ],
)
def test_a_broken_list_is_refused_at_its_item(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        list(json_list(write(tmp_path, "list.json", text)))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"a": 1}\n{"a": 2}\n', "jsonl"),
        ('{"a": 1}', "jsonl"),
        ('{broken\n{"a": 2}\n', "jsonl"),
        ('{\n "a": 1\n}', "json object"),
        ('  [\n{"a": 1}]', "json list"),
        ("\ufeff[]", "json list"),
        ("a,b\n1,2\n", "csv"),
        (b"PAR1...", "parquet"),
        (b"PK\x03\x04", "zip"),
        (b"\x93NUMPY", "npy"),
        (b"\x80\x04N.", "pickle"),
        ("", "empty"),
        ("  \n", "empty"),
    ],
)
def test_the_content_says_what_a_file_is(tmp_path: Path, content: str | bytes, kind: str) -> None:
    assert kind_of(write(tmp_path, "anything", content)) == kind


def test_lines_that_are_no_objects_are_named_and_passed(tmp_path: Path) -> None:
    lines = [b'{"a": 1}', b"", b"{broken", b"[1]", b'{"a": "\xff"}', b'{"a": 2}']
    found, findings = read(write(tmp_path, "x.jsonl", b"\n".join(lines)))
    assert found == [("line 1", {"a": 1}), ("line 6", {"a": 2})]
    assert (findings.rows, findings.bad) == (5, 3)
    assert [example.split("x.jsonl: ")[1].split(":")[0] for example in findings.examples] == [
        "line 3",
        "line 4",
        "line 5",
    ]


def test_a_csv_row_stands_on_the_line_where_it_begins(tmp_path: Path) -> None:
    text = 'a,b\n"one\ntwo",1\nx,2\n\ny\nz,"q"r,5\n"w ""v""",\n'
    found, findings = read(write(tmp_path, "x.csv", text))
    assert found == [
        ("line 2", {"a": "one\ntwo", "b": "1"}),
        ("line 4", {"a": "x", "b": "2"}),
        ("line 8", {"a": 'w "v"', "b": None}),
    ]
    assert findings.bad == 2
    assert "line 6: 1 cells under 2 column names" in findings.examples[0]
    assert "line 7: " in findings.examples[1]
    assert "mend the quoting" in findings.examples[1]


def test_a_quote_that_nobody_closed_does_not_lose_rows_quietly(tmp_path: Path) -> None:
    """It swallows the rest of the file: each swallowed line counts as a bad row."""
    text = "a,b\n" + "x,1\n" * 100 + '"y,2\n' + "z,3\n" * 50
    found, findings = read(write(tmp_path, "x.csv", text))
    assert len(found) == 100
    assert (findings.rows, findings.bad) == (151, 51)
    with pytest.raises(DataError, match="51 of 151 rows are bad"):
        findings.check("x.csv", 0.05)


def test_very_long_and_very_deep_lines(tmp_path: Path) -> None:
    long, deep = json.dumps({"a": "x" * 200_000}), '{"a":' * 50_000 + "1" + "}" * 50_000
    path = write(tmp_path, "x.jsonl", "\n".join([long, deep, '{"a": 2}']))
    found, findings = read(path)
    assert [len(str(record["a"])) for _, record in found] == [200_000, 1]
    assert "line 2: not JSON" in findings.examples[0]
    path = write(tmp_path, "y.json", f"[{deep}]")
    with pytest.raises(DataError, match="item 1 is nested too deeply"):
        read(path)


def test_a_csv_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3: not UTF-8 nearby"):
        read(write(tmp_path, "x.csv", b"a,b\nx,1\n" + b"y" * 9_000 + b"\xff,2\n"))
    with pytest.raises(DataError, match="line 1: no readable column names"):
        read(write(tmp_path, "y.csv", b"\xff,b\n"))


def test_rows_of_parquet_and_items_of_lists_are_numbered(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, None]}), tmp_path / "x.parquet")
    found, _ = read(tmp_path / "x.parquet")
    assert found == [("row 1", {"a": 1}), ("row 2", {"a": None})]
    found, findings = read(write(tmp_path, "x.json", '[{"a": 1}, 3, {"a": 2}]'))
    assert found == [("item 1", {"a": 1}), ("item 3", {"a": 2})]
    assert "item 2: not a JSON object" in findings.examples[0]


def test_files_of_no_records_are_refused(tmp_path: Path) -> None:
    for content in (b"PK\x03\x04", "{\n}"):
        with pytest.raises(DataError, match="not a file of records"):
            read(write(tmp_path, "x", content))
    with pytest.raises(DataError, match="not a whole Parquet file"):
        read(write(tmp_path, "x.parquet", b"PAR1 cut off"))


def test_a_folder_gives_its_files_in_order_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b/2.csv", "a/1.csv", ".git/0.csv", "a/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [str(file.relative_to(tmp_path)) for file in files_under(tmp_path, ".csv")]
    assert names == ["a/1.csv", "b/2.csv"]
    with pytest.raises(DataError, match=r"holds no \.json or \.npz file"):
        files_under(tmp_path, ".json", ".npz")


@pytest.mark.parametrize(
    ("name", "split", "stem"),
    [
        ("gsm8k-train.json", "train", "gsm8k"),
        ("arc_easy_test.json", "test", "arc_easy"),
        ("validation-00000-of-00002.parquet", "validation", None),
        ("dev.csv", "validation", None),
        ("MATH_prealgebra.json", None, "MATH_prealgebra"),
        ("latest_trained.json", None, "latest_trained"),
    ],
)
def test_file_names_tell_split_and_benchmark(
    name: str, split: str | None, stem: str | None
) -> None:
    assert (split_of(Path(name)), stem_without_split(Path(name))) == (split, stem)


def test_fields_are_found_by_their_path() -> None:
    record = {"a": {"b": {"c": 1}}, "a.b": 2}
    assert [nested(record, path) for path in ("a.b.c", "a.b", "a.x", "a.b.c.d", "z")] == [
        1,
        2,
        None,
        None,
        None,
    ]

"""Pickles of plain data are read, and nothing a pickle names is ever run."""

from __future__ import annotations

import base64
import os
import pickle
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from finerouter.errors import DataError
from finerouter.importers import Choices, import_outcomes
from finerouter.importers.plain_pickle import Frame, first_texts, read_plain_pickle

DATA = Path(__file__).parent / "data"
PANDAS_ROWS = {
    "sample_id": ["maths.val.0", "maths.val.1", "verse.val.0"],
    "prompt": ["['What is 2 + 2?']", "['What is 3 * 3?']", "['Write a line about rain.']"],
    "eval_name": ["maths", "maths", "verse"],
    "small/one": [1.0, 0.0, np.nan],
    "large-two": [1.0, 1.0, 0.5],
    "small/one|model_response": ["['4']", "['6']", None],
    "large-two|model_response": ["['4']", "['9']", "['It falls.']"],
    "small/one|total_cost": [0.0001, 0.0002, np.nan],
    "large-two|total_cost": [0.002, 0.003, 0.004],
    "oracle_model_to_route_to": ["small/one", "large-two", "large-two"],
}
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)
protocols = st.integers(0, pickle.HIGHEST_PROTOCOL)


def reread(folder: Path, value: Any, protocol: int = 4) -> Any:
    path = folder / "value.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    return read_plain_pickle(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pickles")


@given(value=values, protocol=protocols)
def test_plain_values_come_back(folder: Path, value: Any, protocol: int) -> None:
    assert reread(folder, value, protocol) == value


@given(
    array=hnp.arrays(
        dtype=st.sampled_from(["f8", "f4", "i8", "i2", "u1", "?", "<U5", "S3", ">f8", "c16"]),
        shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=4),
    ),
    protocol=protocols,
    fortran=st.booleans(),
)
def test_arrays_come_back(folder: Path, array: np.ndarray, protocol: int, fortran: bool) -> None:
    array = np.asfortranarray(array) if fortran else array
    again = reread(folder, {"held": array}, protocol)["held"]
    np.testing.assert_array_equal(again, array)
    assert again.dtype == array.dtype


def test_arrays_of_objects_numbers_and_ordered_dicts_come_back(folder: Path) -> None:
    held = {
        "objects": np.array(["a", None, 2.5, [1, 2]], dtype=object),
        "number": np.float64(2.5),
        "count": np.int32(7),
        "ordered": OrderedDict(a=1, b=[2]),
        "set": {3},
        "slice": slice(1, 5, 2),
    }
    again = reread(folder, held)
    assert again["objects"].tolist() == ["a", None, 2.5, [1, 2]]
    assert (again["number"], again["count"], again["ordered"]) == (2.5, 7, {"a": 1, "b": [2]})
    assert (again["set"], again["slice"]) == ({3}, slice(1, 5, 2))


@pytest.mark.parametrize("version", ["1_5_3", "2_2_3", "3_1_1"])
def test_frames_that_pandas_wrote_are_read_without_pandas(version: str, tmp_path: Path) -> None:
    path = tmp_path / "frame.pkl"
    path.write_bytes(base64.b64decode((DATA / f"pandas_{version}.pkl.b64").read_text()))
    frame = read_plain_pickle(path)
    assert isinstance(frame, Frame)
    assert len(frame) == 3
    assert list(frame.columns) == list(PANDAS_ROWS)
    for name, cells in PANDAS_ROWS.items():
        np.testing.assert_array_equal(frame.columns[name].tolist(), cells)
    assert "pandas" not in sys.modules


@pytest.mark.parametrize("version", ["1_5_3", "2_2_3", "3_1_1"])
def test_a_frame_is_imported_as_routerbench(version: str, tmp_path: Path) -> None:
    path = tmp_path / "routerbench_0shot.pkl"
    path.write_bytes(base64.b64decode((DATA / f"pandas_{version}.pkl.b64").read_text()))
    table = import_outcomes("routerbench", path).table
    assert table.prompts == ("What is 2 + 2?", "What is 3 * 3?", "Write a line about rain.")
    assert table.models == ("small/one", "large-two")
    assert table.benchmarks == ("maths", "maths", "verse")
    np.testing.assert_array_equal(table.score, [[1, 1], [0, 1], [np.nan, 0.5]])
    np.testing.assert_array_equal(table.cost_usd, [[1e-4, 2e-3], [2e-4, 3e-3], [np.nan, 4e-3]])


class _Calls:
    """Pickled as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def _attacks(mark: Path) -> dict[str, bytes]:
    """Pickles that would make the file `mark`, each by another way."""
    touch = f"touch {mark}"
    by_name = b"cos\nsystem\n(S'" + touch.encode() + b"'\ntR."
    return {
        "os.system": pickle.dumps(_Calls(os.system, touch)),
        "os.system, protocol 0": pickle.dumps(_Calls(os.system, touch), 0),
        "open": pickle.dumps(_Calls(open, str(mark), "w")),
        "exec": pickle.dumps(_Calls(exec, f"open({str(mark)!r}, 'w')")),
        "hidden in a dict": pickle.dumps({"train_score": [1.0], "x": _Calls(os.system, touch)}),
        "written by hand": by_name,
        "instance opcode": b"(S'" + touch.encode() + b"'\nios\nsystem\n.",
        "attribute of an allowed module": b"\x80\x04\x8c\x05numpy\x8c\x0fload\x94\x93\x94.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x94\x8c\x0cndarray.fill\x94\x93\x94.",
        "extension registry": b"\x80\x02\x82\x01.",
        "persistent id": b"\x80\x04\x8c\x01x\x94Q.",
    }


@pytest.mark.parametrize("name", list(_attacks(Path("mark"))))
def test_a_pickle_that_is_no_plain_data_is_refused_and_not_run(name: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "evil.pkl"
    path.write_bytes(_attacks(mark)[name])
    with pytest.raises(DataError, match="plain data"):
        read_plain_pickle(path)
    assert not mark.exists()


@pytest.mark.parametrize("format_", ["routerbench", "routereval", "carrot"])
def test_no_format_runs_a_pickle(format_: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "evil.pkl"
    # With the words that a first look seeks, so that it gets as far as the reading.
    words = {"routerbench": "x|total_cost", "routereval": "train_score", "carrot": "correctness"}
    value = {words[format_]: _Calls(os.system, f"touch {mark}")}
    path.write_bytes(pickle.dumps(value))
    prompts = tmp_path / "prompts.json"
    prompts.write_text("{}")
    choices = Choices(prompts=prompts if format_ != "routerbench" else None)
    with pytest.raises(DataError, match=r"names (posix|nt)\.system, which is not plain data"):
        import_outcomes(format_, path, choices=choices)
    assert not mark.exists()


def test_a_pickle_cannot_change_what_later_ones_mean(tmp_path: Path) -> None:
    """Attributes set on a noted name would outlive the load if its type were shared."""
    path = tmp_path / "poison.pkl"
    # BUILD with slot state on the type itself: setattr(ndarray's note, "name", "x").
    path.write_bytes(
        b"\x80\x04\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94N}\x8c\x04name\x8c\x01xs\x86b."
    )
    with pytest.raises(DataError, match="plain data"):
        read_plain_pickle(path)
    assert reread(tmp_path, {"a": np.arange(3)})["a"].tolist() == [0, 1, 2]


@given(cut=st.integers(0, 200), byte=st.integers(0, 255))
def test_damage_is_refused_or_harmless(folder: Path, cut: int, byte: int) -> None:
    whole = pickle.dumps({"a": np.arange(5.0), "b": ["x", None]})
    at = cut % len(whole)
    path = folder / "damaged.pkl"
    for damaged in (whole[:at], whole[:at] + bytes([byte]) + whole[at + 1 :]):
        path.write_bytes(damaged)
        # Some damage only changes a value; no other exception may come out.
        with suppress(DataError):
            read_plain_pickle(path)


def test_deep_and_circular_pickles_are_refused(tmp_path: Path) -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(DataError, match="nested too deeply"):
        reread(tmp_path, circle)
    path = tmp_path / "deep.pkl"
    path.write_bytes(b"\x80\x04" + b"]" * 60_000 + b"a" * 59_999 + b".")
    with pytest.raises(DataError, match="nested too deeply"):
        read_plain_pickle(path)


def test_texts_near_the_beginning_are_seen_without_loading(tmp_path: Path) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"correctness": _Calls(os.system, f"touch {tmp_path / 'mark'}")}))
    assert "correctness" in first_texts(path)
    assert not (tmp_path / "mark").exists()
    path.write_bytes(b"\x80\x04garbage")
    assert first_texts(path) == set()

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from finerouter import Router
from finerouter.artifact import FORMAT, MANIFEST, TENSORS, load_artifact, save_artifact
from finerouter.errors import ArtifactError, OutputError
from finerouter.version import __version__

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
tensors = st.dictionaries(
    st.text("abc.", min_size=1, max_size=5),
    st.sampled_from([np.float32, np.float64, np.int32, np.uint8]).flatmap(
        lambda kind: arrays(kind, array_shapes(max_dims=3, max_side=4, min_side=0))
    ),
    max_size=3,
)


@pytest.fixture(scope="module")
def folder(router_folder: Path, tmp_path_factory) -> Path:
    """A copy of a saved router, for flipping bytes in."""
    copy = tmp_path_factory.mktemp("copy") / "router"
    shutil.copytree(router_folder, copy)
    return copy


@given(st.dictionaries(st.text(), values, max_size=4), tensors)
def test_what_is_saved_is_loaded(tmp_path_factory, content, arrays_by_name) -> None:
    place = tmp_path_factory.mktemp("artifact") / "a"
    save_artifact(place, content, arrays_by_name)
    found, loaded = load_artifact(place)
    assert found == content
    assert set(loaded) == set(arrays_by_name)
    for name, array in arrays_by_name.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_order_of_names_and_memory_do_not_change_the_bytes(tmp_path: Path) -> None:
    array = np.arange(12.0).reshape(3, 4)
    save_artifact(tmp_path / "one", {"a": 1, "b": 2}, {"x": array, "y": array[0]})
    save_artifact(
        tmp_path / "two", {"b": 2, "a": 1}, {"y": array[0], "x": np.asfortranarray(array)}
    )
    for name in (MANIFEST, TENSORS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def with_flipped_byte(path: Path, at: int, flip: int) -> bytes:
    whole = path.read_bytes()
    at %= len(whole)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
    return whole


positions = st.integers(0, 10**9)
flips = st.integers(1, 255)


@pytest.mark.parametrize("name", [MANIFEST, TENSORS])
@given(at=positions, flip=flips)
def test_a_flipped_byte_is_refused_wherever_it_is(folder, name: str, at: int, flip: int) -> None:
    whole = with_flipped_byte(folder / name, at, flip)
    try:
        with pytest.raises(ArtifactError, match=name):
            load_artifact(folder)
    finally:
        (folder / name).write_bytes(whole)


def test_even_a_flip_that_changes_no_value_is_refused(folder) -> None:
    at = (folder / MANIFEST).read_bytes().index(b"\n ")
    whole = with_flipped_byte(folder / MANIFEST, at, ord("\n") ^ ord(" "))
    try:
        with pytest.raises(ArtifactError, match="damaged"):
            load_artifact(folder)
    finally:
        (folder / MANIFEST).write_bytes(whole)


@pytest.fixture
def copy(router_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(router_folder, tmp_path / "router")
    return tmp_path / "router"


def rewritten(folder: Path, **changes) -> None:
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changes}), "utf-8")


def test_a_newer_format_names_the_version_needed(copy: Path) -> None:
    rewritten(copy, format=FORMAT + 1, needs_finerouter="7.8.9")
    with pytest.raises(ArtifactError, match=r"format 2, which needs finerouter 7\.8\.9") as raised:
        Router.load(copy)
    assert __version__ in str(raised.value)


@pytest.mark.parametrize("other", [0, "one", None, 1.5])
def test_any_other_format_is_refused(copy: Path, other) -> None:
    rewritten(copy, format=other)
    with pytest.raises(ArtifactError, match="train the router again"):
        Router.load(copy)


@pytest.mark.parametrize("name", [MANIFEST, TENSORS])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ArtifactError, match=rf"{name}: cannot be read \(No such file"):
        Router.load(copy)


@pytest.mark.parametrize("name", [MANIFEST, TENSORS])
def test_a_truncated_file_is_named(copy: Path, name: str) -> None:
    whole = (copy / name).read_bytes()
    for kept in (0, 10, len(whole) - 1):
        (copy / name).write_bytes(whole[:kept])
        with pytest.raises(ArtifactError, match=name):
            Router.load(copy)


@pytest.mark.parametrize("content", ["[]", "{}", '"text"', "3"])
def test_a_manifest_of_something_else_is_refused(copy: Path, content: str) -> None:
    (copy / MANIFEST).write_text(content)
    with pytest.raises(ArtifactError, match="is not a router's manifest"):
        Router.load(copy)


def test_an_edited_manifest_is_refused_and_told_how_to_change_prices(copy: Path) -> None:
    text = (copy / MANIFEST).read_text("utf-8")
    (copy / MANIFEST).write_text(text.replace('"tiny"', '"huge"'), "utf-8")
    with pytest.raises(ArtifactError, match="give a pool file instead"):
        Router.load(copy)


def test_a_whole_artifact_of_something_else_is_refused(tmp_path: Path) -> None:
    save_artifact(tmp_path / "a", {"hello": 1}, {})
    with pytest.raises(ArtifactError, match="does not hold a router"):
        Router.load(tmp_path / "a")


def test_a_router_is_not_saved_over_something_else(router: Router, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("keep me")
    with pytest.raises(OutputError, match=f"holds no {MANIFEST}"):
        router.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="give a folder made by finerouter train"):
        Router.load(tmp_path / "nothing")

"""Pickles of plain data to values, without running anything they name.

Takes a path; gives numbers, texts, lists, dicts, NumPy arrays, and pandas frames as `Frame`s.
`pickle_notes.py` writes down what a pickle asks for; from such notes the arrays are built here.
pandas is not needed.

Understood are the frames of pandas 1.3 to 3 with numbers, truth values and texts.
"""

from __future__ import annotations

import io
import pickletools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finerouter.errors import DataError
from finerouter.importers.pickle_notes import Made, NoteTaker

_FIRST_STEPS = 20_000
_MOST_COLUMNS = 100_000
_DTYPE = re.compile(r"[biufcSU]\d+|\?|O8?|[mM]8")


@dataclass(frozen=True, eq=False)
class Frame:
    """A table that pandas wrote: names of columns, and their values."""

    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def read_plain_pickle(path: Path) -> Any:
    """The value of a pickle, or of a .npy file with one, that is plain data.

    Raises:
        DataError: it names anything beyond plain data, or is damaged.
    """
    try:
        with path.open("rb") as file:
            skip_npy_header(file)
            return plain(NoteTaker(file, path).load())
    except DataError:
        raise
    except RecursionError as error:
        raise DataError(f"{path}: the pickle is nested too deeply for plain data") from error
    except Exception as error:
        # A damaged pickle can fail in any way the unpickler can; none of them ran foreign code.
        raise DataError(
            f"{path}: not a pickle of plain data ({error}); save CSV instead"
        ) from error


def first_texts(path: Path) -> set[str]:
    """Texts near the beginning of a pickle, such as keys of its dict, without loading it."""
    found = set()
    try:
        with path.open("rb") as file:
            skip_npy_header(file)
            for _, argument, _ in islice(pickletools.genops(file), _FIRST_STEPS):
                if isinstance(argument, str):
                    found.add(argument)
    except (ValueError, EOFError, OSError):
        pass  # damaged: loading will say so
    return found


def skip_npy_header(file: io.BufferedReader) -> None:
    """Go to the pickle in a .npy file of objects; elsewhere stay at the beginning."""
    if file.peek(6)[:6] != b"\x93NUMPY":
        return
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    read(file)


def plain(value: Any) -> Any:
    """The value with every note of the list replaced by what it means."""
    if isinstance(value, Made):
        return _meaning(value)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple | set | frozenset):
        return type(value)(plain(item) for item in value)
    return value


def _meaning(made: Made) -> Any:
    name = made.name.rsplit(" ", 1)[1]
    if name == "_reconstruct":
        return _array(made.state[1], made.state[2], made.state[3], made.state[4])
    if name == "_frombuffer":
        data, dtype, shape, order = made.arguments
        return _array(shape, dtype, order == "F", bytes(plain(data)))
    if name == "scalar":
        dtype, data = made.arguments
        return _array((1,), dtype, False, plain(data))[0].item()
    if name == "DataFrame":
        return _frame(made.state)
    return _builtin(name, made)


def _builtin(name: str, made: Made) -> Any:
    arguments = plain(made.arguments)
    if name == "encode":
        text, encoding = arguments
        if encoding not in ("latin1", "latin-1"):
            raise ValueError(f"bytes in {encoding}")
        return text.encode("latin1")
    if name == "slice":
        return slice(*arguments)
    if name in ("set", "frozenset"):
        return set(*arguments)
    if name in ("list", "tuple"):
        return list(*arguments)
    if name in ("dict", "OrderedDict"):
        return {**dict(*arguments), **plain(made.state or {})}
    if name in ("_NA", "NAType"):
        return None
    if name == "bytearray":
        data = arguments[0] if arguments else b""
        return data if isinstance(data, bytes) else data.encode("latin1")
    raise ValueError(f"{made.name} where a value should be")


def _array(shape: tuple[int, ...], dtype: Any, fortran: bool, data: Any) -> NDArray[Any]:
    kind = _dtype(dtype)
    if kind.hasobject:
        flat: NDArray[Any] = np.empty(len(data), dtype=object)
        flat[:] = [plain(item) for item in data]
    else:
        flat = np.frombuffer(plain(data), dtype=kind)
    return flat.reshape(shape, order="F" if fortran else "C")


def _dtype(made: Any) -> np.dtype[Any]:
    """A plain dtype: numbers, truth values, texts, or objects."""
    if not isinstance(made, Made) or not made.name.startswith("numpy"):
        raise ValueError("an array of no dtype")
    code = made.arguments[0] if made.arguments else ""
    if not isinstance(code, str) or not _DTYPE.fullmatch(code):
        raise ValueError(f"an array of dtype {code!r}")
    order = made.state[1] if made.state else "="
    return np.dtype(code).newbyteorder(">" if order == ">" else "<" if order == "<" else "=")


def _frame(state: Mapping[str, Any]) -> Frame:
    """A DataFrame's state: a block manager, which holds blocks of rows of the transposed table."""
    manager = state["_mgr"]
    if not manager.arguments:
        raise ValueError("a table of a pandas before 1.3")
    blocks, axes = manager.arguments
    names = [str(name) for name in _index(axes[0])]
    columns: dict[str, NDArray[Any]] = {}
    for values, placement in map(_block, blocks):
        at = range(len(names))[placement] if isinstance(placement, slice) else placement.tolist()
        for row, column in zip(np.atleast_2d(values), at, strict=True):
            columns[names[column]] = row
    return Frame({name: columns[name] for name in names})


def _block(block: Made) -> tuple[NDArray[Any], Any]:
    values, placement, _ = block.arguments
    return _values(values), plain(placement)


def _values(values: Any) -> NDArray[Any]:
    if isinstance(values, Made) and values.name.endswith("StringArray"):
        held = values.state if isinstance(values.state, Mapping) else values.state[1]
        if "_pa_array" in held:
            return _arrow_texts(held["_pa_array"])
        values = held["_ndarray"]
    array = plain(values)
    if not isinstance(array, np.ndarray):
        raise TypeError("a column that is not a NumPy array")
    return array


def _arrow_texts(made: Made) -> NDArray[Any]:
    """Texts kept in Arrow's layout: validity bits, offsets, and all letters in a row.

    Source: https://arrow.apache.org/docs/format/Columnar.html
    """
    if made.name.endswith("chunked_array"):
        return np.concatenate([_arrow_texts(chunk) for chunk in made.arguments[0]])
    kind, length, _, begin, buffers = made.arguments[0][:5]
    wide = {"large_string": np.int64, "string": np.int32}[kind.arguments[0]]
    validity, offsets, letters = (
        None if buffer is None else bytes(plain(buffer.arguments[0])) for buffer in buffers
    )
    at = np.frombuffer(offsets or b"", dtype=wide)[begin : begin + length + 1]
    known = np.ones(length, dtype=bool)
    if validity is not None:
        bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
        known = bits[begin : begin + length].astype(bool)
    texts = np.empty(length, dtype=object)
    for row in np.flatnonzero(known):
        texts[row] = (letters or b"")[at[row] : at[row + 1]].decode()
    return texts


def _index(index: Made) -> Any:
    """The labels of an axis: `_new_Index(class, {"data": ..., ...})`."""
    held = index.arguments[1]  # the class is named, and of no use here
    if "data" in held:
        return _values(held["data"])
    numbers = range(held["start"], held["stop"], held["step"])
    if len(numbers) > _MOST_COLUMNS:
        raise ValueError(f"a table of {len(numbers)} columns")
    return numbers

"""Pickles read as notes of what they ask for: nothing is imported, nothing is called.

A pickle is a program: it names functions to import and call. Here every name is looked up in a
short list of plain data, and what stands on the list is written down as a `Made`, not made. A
pickle that names anything else is refused before that name has any effect.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import IO, Any

from finerouter.errors import DataError

_NUMPY = r"numpy(\.core|\._core)?"
_PLAIN = re.compile(
    "|".join(
        (
            rf"{_NUMPY}\.multiarray (_reconstruct|scalar)",
            rf"{_NUMPY}\.numeric _frombuffer",
            r"numpy (ndarray|dtype)",
            r"numpy\.dtypes \w+DType",
            r"_codecs encode",
            r"builtins (slice|set|frozenset|bytearray|list|dict|tuple|str|int|float|bool|bytes)",
            r"__builtin__ (slice|set|frozenset|bytearray|list|dict|tuple|str|int|float|bool)",
            r"collections OrderedDict",
            r"pandas(\.core\.frame)? DataFrame",
            r"pandas\.core\.internals\.managers BlockManager",
            r"pandas\._libs\.internals _unpickle_block",
            r"pandas\.core\.indexes\.base (_new_Index|Index)",
            r"pandas (Index|RangeIndex|StringDtype)",
            r"pandas\.arrays (ArrowStringArray|StringArray)",
            r"pyarrow\.lib (_restore_array|chunked_array|type_for_alias|py_buffer)",
            r"pandas\.core\.indexes\.range RangeIndex",
            r"pandas\.core\.indexes\.numeric (Int64Index|UInt64Index|Float64Index)",
            r"pandas\.core\.arrays\.string_ (StringDtype|StringArray)",
            r"pandas\._libs\.missing (_NA|NAType)",
            r"pandas\.core\.flags Flags",
        )
    )
)


class Made:
    """A note that a pickle wants something of the list made; nothing was made."""

    __slots__ = ("arguments", "state")
    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> Made:
        """Note the arguments."""
        made = object.__new__(cls)
        made.arguments = arguments
        made.state = None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Entries of an OrderedDict arrive one by one."""
        self.state = {**(self.state or {}), key: value}

    @property
    def name(self) -> str:
        """What was named, such as "numpy ndarray"."""
        return type(self).__name__


class NoteTaker(pickle.Unpickler):
    """Writes down instead of importing and calling.

    `find_class` is the only way by which a pickle reaches code. Each load has types of its own, so
    that a pickle which sets attributes on one changes nothing that outlives the load.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file)
        self.path = path
        self.types: dict[str, type[Made]] = {}

    def find_class(self, module: str, name: str) -> type[Made]:
        """The type that notes down what would be made of this name.

        Raises:
            DataError: the name is not on the list.
        """
        full = f"{module} {name}"
        if not _PLAIN.fullmatch(full):
            raise DataError(
                f"{self.path}: the pickle names {module}.{name}, which is not plain data; it was "
                "not run. Load it where you trust it and save CSV, JSONL or Parquet"
            )
        if full not in self.types:
            self.types[full] = type(full, (Made,), {"__slots__": ()})
        return self.types[full]

    def persistent_load(self, pid: Any) -> Any:
        """Refuse what lies outside the pickle."""
        raise DataError(f"{self.path}: the pickle refers to {pid!r} outside itself; not plain data")

"""A first look at files: enough to tell their format.

Takes a path; gives the names of the files, the kind of a typical one, and its first records. Knows
nothing of formats: each says for itself whether a look fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from finerouter.errors import DataError
from finerouter.importers.findings import Findings
from finerouter.importers.records import files_under, kind_of, records, whole_json

# In a folder of several kinds the earlier say more about what it is.
_SUFFIXES = (".eval", ".jsonl", ".csv", ".parquet", ".pkl", ".pickle", ".npz", ".npy", ".json")
_RECORDS = 20
_FILES = 4
_WHOLE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Peek:
    """What a first look saw.

    Attributes:
        path: what was looked at.
        names: the files of interest, relative to a folder.
        kind: kind of the most telling of them, as `records.kind_of` names it.
        first: that file.
        records: the first records of it and a few like it, empty where they hold none.
        whole: its value, where it is one JSON object.
    """

    path: Path
    names: tuple[str, ...]
    kind: str
    first: Path
    records: tuple[Mapping[str, Any], ...] = ()
    whole: Mapping[str, Any] | None = None

    def has(self, *fields: str) -> bool:
        """Whether some record has all these fields."""
        return any(all(name in record for name in fields) for record in self.records)

    def any(self, test: Callable[[Mapping[str, Any]], bool]) -> bool:
        """Whether some record passes a test."""
        return any(test(record) for record in self.records)

    def named(self, suffix: str) -> bool:
        """Whether a file's name ends like this."""
        return any(name.lower().endswith(suffix) for name in self.names)


def peek(path: Path) -> Peek:
    """Look at a file, or at the first files of the most telling kind in a folder.

    Raises:
        DataError: there is nothing to look at.
    """
    files = files_under(path, *_SUFFIXES)
    telling = sorted(files, key=lambda file: (_rank(file), str(file)))[:_FILES]
    names = tuple(str(file.relative_to(path)) if path.is_dir() else file.name for file in files)
    kind = kind_of(telling[0])
    if kind == "empty":
        raise DataError(f"{telling[0]}: is empty; give a file with outcomes")
    seen = tuple(record for file in telling for record in _first_records(file))
    return Peek(path, names, kind, telling[0], seen, _whole(telling[0], kind))


def fitting_files(
    source: Path,
    fits: Callable[[Peek], bool],
    findings: Findings,
    *suffixes: str,
    companion: str | None = None,
) -> list[Path]:
    """The file itself; of a folder, the files that a first look fits, the others noted.

    Folders of data hold all sorts beside it: settings, lists of models, files of questions.

    Args:
        source: a file, or a folder.
        fits: as in `Format`.
        findings: takes note of files left out.
        suffixes: of the files to look at.
        companion: name of a file that the format reads in its own way.

    Raises:
        DataError: there is no file with such a suffix.
    """
    files = [file for file in files_under(source, *suffixes) if file.name != companion]
    if source.is_file():
        return files
    fitting = [file for file in files if _fits(file, fits)]
    others = [str(file.relative_to(source)) for file in files if file not in set(fitting)]
    if others:
        findings.note(f"left out {len(others)} files of another shape, such as {others[0]}")
    return fitting


def _fits(file: Path, fits: Callable[[Peek], bool]) -> bool:
    try:
        return fits(peek(file))
    except DataError:
        return False


def _first_records(file: Path) -> list[Mapping[str, Any]]:
    if kind_of(file) not in ("jsonl", "json list", "csv", "parquet"):
        return []
    # What is wrong with the file, reading it will say.
    with suppress(DataError):
        return [record for _, record in islice(records(file, Findings()), _RECORDS)]
    return []


def _rank(file: Path) -> int:
    suffix = file.suffix.lower()
    return _SUFFIXES.index(suffix) if suffix in _SUFFIXES else len(_SUFFIXES)


def _whole(path: Path, kind: str) -> Mapping[str, Any] | None:
    # A file of one record is JSONL as well as one object.
    if kind not in ("json object", "jsonl") or path.stat().st_size > _WHOLE_BYTES:
        return None
    if kind == "jsonl" and path.suffix.lower() != ".json":
        return None
    with suppress(DataError):
        value = whole_json(path)
        return value if isinstance(value, Mapping) else None
    return None

"""Files and folders that appear whole or not at all.

Takes a target path; gives a temporary one beside it to write into, and moves it into place. Knows
nothing of what is written.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finerouter.errors import OutputError


@contextmanager
def atomic_file(target: Path, *, private: bool = False) -> Iterator[Path]:
    """Give a temporary path; on success it becomes `target`, on failure it is removed.

    Args:
        target: the file.
        private: whether only its owner may read it.

    Raises:
        OutputError: the folder does not exist, is read-only or full.
    """
    with _mapped(target):
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=_parent(target))
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _sync(temporary)
            temporary.chmod(0o600 if private else 0o644)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path, marker: str, *, private: bool = False) -> Iterator[Path]:
    """Give a temporary folder; on success it becomes `target`.

    An existing target is replaced only when it holds a file called `marker`, that is, when it is
    an earlier result of the same kind, or is empty. Only its owner may enter a `private` one.

    Raises:
        OutputError: the target is something else, or cannot be written.
    """
    with _mapped(target):
        check_replaceable(target, marker)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=_parent(target)))
        try:
            yield temporary
            for path in temporary.iterdir():
                _sync(path)
            temporary.chmod(0o700 if private else 0o755)
            _swap(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _mapped(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{target}: cannot be written ({reason}); nothing was left half-written. "
            "Free space or choose another place, then run again"
        ) from error


def _parent(target: Path) -> Path:
    parent = target.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent


def check_replaceable(target: Path, marker: str) -> None:
    """Check, before long work, that a result of this kind may be written there.

    Raises:
        OutputError: there is something else.
    """
    if not target.exists():
        return
    if target.is_dir() and ((target / marker).is_file() or not any(target.iterdir())):
        return
    raise OutputError(
        f"{target}: exists and holds no {marker}; choose another place for the output"
    )


def _swap(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.replace(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.absolute().parent))
    target.replace(aside / "old")
    try:
        temporary.replace(target)
    except OSError:
        (aside / "old").replace(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

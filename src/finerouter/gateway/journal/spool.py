"""Files in which lines wait for the store, so that a killed process loses none.

Takes lines; gives them back segment by segment. A process has a folder of its own under the spool
and holds a lock on it, which dies with the process: the folders of the dead are adopted. A line
that cannot be written waits in memory, up to a limit. Knows nothing of what the lines say.

What is written lies in the operating system's page cache: it outlives the process, not the power.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

MOST_SPOOL_BYTES = 1 << 30
MOST_MEMORY_BYTES = 64 << 20
SEGMENT_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 20
_LIVE, _NEW = "live-", "new-"


class Segment:
    """Some lines of this process: a file, or memory where there is no file.

    Attributes:
        rows, size: lines and their bytes; what is cut off counts in neither.
        tallied: USD of these lines, by what the journal counts them under.
    """

    def __init__(self, path: Path | None) -> None:
        self.rows = 0
        self.size = 0
        self.tallied: dict[tuple[str, int], float] = {}
        self._path = path
        self._held: deque[bytes] = deque()
        self._torn = False  # ends in half a line that could not be taken back
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._file = -1 if path is None else os.open(path, flags, 0o600)

    def append(self, line: bytes) -> None:
        """Add a line, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        if self._path is None:
            self._held.append(line)
        else:
            self._write(line)
        self.rows += 1
        self.size += len(line)

    @property
    def in_memory(self) -> bool:
        """Whether a kill loses it."""
        return self._path is None

    def _write(self, line: bytes) -> None:
        if self._torn:
            raise OSError("the last line was cut off")
        written = os.write(self._file, line)
        if written != len(line):  # the disk filled up half way
            self._torn = True
            os.ftruncate(self._file, self.size)
            self._torn = False
            raise OSError("the disk is full")

    def sync(self) -> None:
        """Have the lines on the disk itself."""
        if self._path is not None:
            os.fsync(self._file)

    def lines(self) -> Iterator[bytes]:
        """All lines, each with its newline."""
        if self._path is None:
            return iter(tuple(self._held))
        # By the open file: somebody may have removed the folder.
        return _lines(lambda at: os.pread(self._file, _CHUNK_BYTES, at))

    def forget_oldest(self) -> int:
        """Drop the oldest line of a segment in memory; gives its bytes."""
        line = self._held.popleft()
        self.rows -= 1
        self.size -= len(line)
        return len(line)

    def drop(self) -> None:
        """Remove it: its lines are stored, or lost."""
        self.close()
        self._held.clear()
        if self._path is not None:
            with contextlib.suppress(OSError):  # gone, or read-only: stored twice is stored once
                self._path.unlink()

    def close(self) -> None:
        """Let go of its file, which stays."""
        held, self._file = self._file, -1
        if held >= 0:
            os.close(held)


class Spool:
    """The spool of one process; `append` may be called from any thread."""

    def __init__(
        self,
        folder: Path,
        *,
        most_bytes: int = MOST_SPOOL_BYTES,
        most_memory_bytes: int = MOST_MEMORY_BYTES,
    ) -> None:
        self.folder = folder
        self.lost = 0
        self.last_error = ""
        self._most_bytes, self._most_memory_bytes = most_bytes, most_memory_bytes
        self._lock = threading.Lock()
        self._own: Path | None = None
        self._held = -1  # the lock on our folder
        self._number = 0
        self._current: Segment | None = None
        self._memory = Segment(None)
        self._closed: list[Segment] = []
        self.renew()

    @property
    def waiting(self) -> int:
        """Lines that are not stored yet."""
        with self._lock:
            return sum(segment.rows for segment in self._segments())

    def append(self, line: bytes, under: tuple[str, int] | None = None, usd: float = 0.0) -> None:
        """Keep a line; where the disk does not take it, in memory. Never raises, never waits long.

        Args:
            line: with its newline.
            under, usd: what it adds to `Segment.tallied`.
        """
        with self._lock:
            segment = self._put(line)
            if under is not None:
                segment.tallied[under] = segment.tallied.get(under, 0.0) + usd

    def _put(self, line: bytes) -> Segment:
        if self._current is not None:
            try:
                self._current.append(line)
            except OSError as error:
                self.last_error = f"{self.folder}: {error.strerror or error}"
            else:
                return self._current
        self._memory.append(line)
        while self._memory.size > self._most_memory_bytes:
            self._memory.forget_oldest()
            self.lost += 1
        return self._memory

    def append_durably(self, line: bytes) -> bool:
        """Keep a line on the disk itself; False where it is only in memory."""
        with self._lock:
            segment = self._put(line)
        if segment is self._memory:
            return False
        try:
            segment.sync()
        except OSError:
            return False
        return True

    def renew(self) -> None:
        """Begin a new segment, so that the lines until now can be stored."""
        try:
            fresh = self._fresh()
        except OSError as error:
            self.last_error = f"{self.folder}: {error.strerror or error}"
            fresh = None
        with self._lock:
            last, self._current = self._current, fresh
            if last is not None:
                self._closed.append(last)

    def _fresh(self) -> Segment:
        if self._own is None or not self._own.is_dir():
            self._own, self._held = self._claimed()
        self._number += 1
        return Segment(self._own / f"{self._number:09d}.jsonl")

    def _claimed(self) -> tuple[Path, int]:
        """A folder of our own with its lock; it has its name only when it is locked."""
        self._unlock()
        name = uuid.uuid4().hex
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self.folder / (_NEW + name)
        new.mkdir(mode=0o700)
        held = os.open(new, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return new.rename(self.folder / (_LIVE + name)), held

    def take(self) -> list[Segment]:
        """Segments with lines, oldest first, [] where nothing waits; they stay until `done`."""
        with self._lock:
            current = self._current
            if self._memory.rows:
                self._closed.append(self._memory)
                self._memory = Segment(None)
            # While the store takes nothing, segments grow: each is an open file.
            enough = SEGMENT_BYTES if self._closed else 1
        if current is None or current.size >= enough:
            self.renew()
        with self._lock:
            return list(self._closed)

    def done(self, segment: Segment) -> None:
        """A segment's lines are stored."""
        with self._lock:
            self._closed.remove(segment)
        segment.drop()

    def back(self) -> None:
        """The store takes nothing now: keep to the limits; the oldest lines are lost first."""
        with self._lock:
            held = [segment for segment in self._closed if segment.in_memory]
            for segment in held:
                self._closed.remove(segment)
            self._memory = _joined([*held, self._memory])
            gone = self._beyond()
        for segment in gone:
            segment.drop()

    def _beyond(self) -> list[Segment]:
        while self._memory.size > self._most_memory_bytes:
            self._memory.forget_oldest()
            self.lost += 1
        gone = []
        size = sum(segment.size for segment in self._closed)
        while self._closed and size > self._most_bytes:
            gone.append(self._closed.pop(0))
            size -= gone[-1].size
            self.lost += gone[-1].rows
        return gone

    def tallied(self) -> dict[tuple[str, int], float]:
        """USD of the lines that wait, by what they were counted under."""
        sums: dict[tuple[str, int], float] = {}
        with self._lock:
            for segment in self._segments():
                for under, usd in segment.tallied.items():
                    sums[under] = sums.get(under, 0.0) + usd
        return sums

    def lines(self, *, everybody: bool = False) -> Iterator[bytes]:
        """All lines of this process that wait, oldest first; or of its neighbours as well."""
        with self._lock:
            segments = tuple(self._segments())
        for segment in segments:
            with contextlib.suppress(OSError):  # stored and closed meanwhile
                yield from segment.lines()
        for path in sorted(self.folder.glob(f"{_LIVE}*/*.jsonl")) if everybody else ():
            if path.parent != self._own:
                with contextlib.suppress(OSError):
                    yield from _file_lines(path)

    def _segments(self) -> Iterator[Segment]:
        yield from self._closed
        if self._current is not None:
            yield self._current
        yield self._memory

    def orphans(self) -> Iterator[Orphan]:
        """Folders of processes that are gone, each held until it is closed."""
        try:
            paths = sorted(self.folder.glob(f"{_LIVE}*"))
        except OSError:
            return
        for path in paths:
            if path != self._own and (orphan := _adopted(path)) is not None:
                with contextlib.closing(orphan):
                    yield orphan

    def close(self) -> None:
        """Let go; what is not stored stays for the next process, what is in memory is lost."""
        with self._lock:
            self.lost += self._memory.rows
            current, self._current = self._current, None
            own, self._own = self._own, None
        if current is not None:
            current.close() if current.rows else current.drop()
        for segment in self._closed:
            self.lost += segment.rows if segment.in_memory else 0
            segment.close()
        if own is not None:
            with contextlib.suppress(OSError):  # not empty: for the next process
                own.rmdir()
        self._unlock()

    def _unlock(self) -> None:
        if self._held >= 0:
            os.close(self._held)
            self._held = -1


class Orphan:
    """The folder that a dead process left."""

    def __init__(self, folder: Path, held: int) -> None:
        self._folder, self._held = folder, held

    def segments(self) -> list[Path]:
        """Its files, oldest first."""
        return sorted(self._folder.glob("*.jsonl"))

    @staticmethod
    def lines(path: Path) -> Iterator[bytes]:
        """Lines of one of them; the last may be cut off."""
        return _file_lines(path)

    def remove(self) -> None:
        """Its lines are stored."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Let another process have it, if it is still there."""
        os.close(self._held)


def _adopted(path: Path) -> Orphan | None:
    try:
        held = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # its process lives, or another one adopts it
        os.close(held)
        return None
    return Orphan(path, held)


def _file_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    at, rest = 0, b""
    while chunk := read(at):
        at += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest


def _joined(segments: list[Segment]) -> Segment:
    """One segment in memory of several."""
    joined = Segment(None)
    for segment in segments:
        for line in segment.lines():
            joined.append(line)
        for under, usd in segment.tallied.items():
            joined.tallied[under] = joined.tallied.get(under, 0.0) + usd
    return joined

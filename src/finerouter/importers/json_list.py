"""The items of a JSON list, one at a time, for lists larger than memory should hold.

Takes a path; gives the items in order. Reads ahead by a buffer that grows only for an item that
does not fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from finerouter.errors import DataError

_CHUNK = 1 << 20
_SPACE = " \t\r\n"


def json_list(path: Path) -> Iterator[Any]:
    """The items of a file that holds one JSON list.

    Raises:
        DataError: it is not one; names the item at which it breaks.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _Items(file, path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason}); save the file as UTF-8") from error


class _Items:
    """The list in a text file; `text[at:]` is what was read and not yet used."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self.file, self.path = file, path
        self.text, self.at, self.ended = "", 0, False

    def __iter__(self) -> Iterator[Any]:
        self._expect("[", "a list begins with [")
        if self._next_char() == "]":
            return
        number = 1
        while True:
            yield self._item(number)
            mark = self._next_char()
            self.at += 1
            if mark == "]":
                return
            if mark != ",":
                raise DataError(
                    f"{self.path}: after item {number} the list is broken off or malformed; mend it"
                )
            number += 1

    def _item(self, number: int) -> Any:
        self._next_char()
        decoder = json.JSONDecoder()
        while True:
            try:
                value, end = decoder.raw_decode(self.text, self.at)
            except RecursionError as error:
                raise DataError(f"{self.path}: item {number} is nested too deeply") from error
            except ValueError as error:
                if self._read_more():
                    continue
                reason = str(error).split(":")[0]
                raise DataError(
                    f"{self.path}: item {number} is not JSON ({reason}); mend it"
                ) from error
            # A number at the end of the buffer may go on in the next one.
            if end < len(self.text) or not self._read_more():
                self.at = end
                return value

    def _expect(self, mark: str, reason: str) -> None:
        if self._next_char() != mark:
            raise DataError(f"{self.path}: not a JSON list: {reason}")
        self.at += 1

    def _next_char(self) -> str:
        """The next character that is not white space, "" at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._read_more():
                return ""

    def _read_more(self) -> bool:
        # Doubling keeps a very large item from being parsed over and over.
        more = "" if self.ended else self.file.read(max(_CHUNK, len(self.text) - self.at))
        self.ended = not more
        self.text, self.at = self.text[self.at :] + more, 0
        return bool(more)

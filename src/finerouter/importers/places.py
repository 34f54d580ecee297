"""Where in a file something stands, so that a message can name it."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A spot in a file: `kind` says what `number` counts, such as "line" or "item"."""

    file: str
    kind: str
    number: int | str

    def __str__(self) -> str:
        return f"{self.file}: {self.kind} {self.number}"

"""Reads a body whose values may be anything, and notes what is wrong or cannot be translated.

A reader never raises: whatever a client sends, the notes say why it stays where it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Notes = list[str]


class Body:
    """The fields of a body, read one by one.

    Args:
        fields: any JSON values.
        notes: what stands in the way is added to them.
    """

    def __init__(self, fields: Mapping[str, Any], notes: Notes) -> None:
        self.fields = fields
        self.notes = notes

    def text(self, name: str) -> str | None:
        """A text, None where unset."""
        return self._of(name, str, "a text")

    def flag(self, name: str) -> bool | None:
        """True or false, None where unset."""
        return self._of(name, bool, "true or false")

    def table(self, name: str) -> Mapping[str, Any]:
        """A table, empty where unset."""
        return self._of(name, Mapping, "a table") or {}

    def items(self, name: str) -> list[Any]:
        """A list, empty where unset."""
        return self._of(name, list, "a list") or []

    def whole(self, name: str) -> int | None:
        """A whole number, None where unset."""
        return self._number(name, int, "a whole number")

    def number(self, name: str) -> float | None:
        """A number, None where unset."""
        return self._number(name, (int, float), "a number")

    def stops(self, name: str) -> tuple[str, ...]:
        """One text or several, as a tuple."""
        value = self.fields.get(name)
        if isinstance(value, str):
            return (value,)
        found = self.items(name)
        if not all(isinstance(item, str) for item in found):
            self.notes.append(f"{name} holds something that is no text")
            return ()
        return tuple(found)

    def leave(
        self,
        read: Collection[str],
        harmless: Collection[str],
        only: Mapping[str, Collection[Any]],
        api: str,
    ) -> None:
        """Notes every field that would be lost and matters.

        Args:
            read: fields that the caller reads.
            harmless: fields that change nothing of the answer's meaning.
            only: fields with the values that mean the same as leaving them out.
            api: whose fields they are, for the notes.
        """
        for name, value in self.fields.items():
            if value is None or name in read or name in harmless:
                continue
            if name not in only:
                self.notes.append(f"{name} is known to {api} endpoints only")
            elif value not in only[name]:
                self.notes.append(f"{name} = {str(value)[:40]} is known to {api} endpoints only")

    def _of(self, name: str, kind: type, words: str) -> Any:
        value = self.fields.get(name)
        if value is None or isinstance(value, kind):
            return value
        self.notes.append(f"{name} is not {words}")
        return None

    def _number(self, name: str, kind: Any, words: str) -> Any:
        value = self.fields.get(name)
        if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
            return value
        self.notes.append(f"{name} is not {words}")
        return None


def table(value: Any, what: str, notes: Notes) -> Mapping[str, Any]:
    """The value as a table; an empty one, with a note, where it is none."""
    if isinstance(value, Mapping):
        return value
    notes.append(f"{what} is not a table")
    return {}


def word(record: Mapping[str, Any], name: str) -> str:
    """A text inside a table, "" where it is missing or something else."""
    value = record.get(name)
    return value if isinstance(value, str) else ""

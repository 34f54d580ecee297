"""Leaves elements such as `<env>...</env>` out of a text.

Takes a text and names; gives the text without them. Clients choose the text, and it is read on the
event loop: the time this takes grows with the text's length and no faster, whatever stands in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def without_elements(text: str, names: Iterable[str]) -> str:
    """The text without its elements of these names; the first closing tag ends one."""
    kept, position = [], 0
    for start, end in _elements(text, names):
        kept.append(text[position:start])
        position = end
    return "".join((*kept, text[position:]))


def _elements(text: str, names: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where each begins and ends, in order."""
    opened = _openings(text, names, 0)
    while opened:
        name = min(opened, key=opened.__getitem__)
        start, closing = opened[name], f"</{name}>"
        at = text.find(closing, start)
        if at < 0:
            # Nor will a later one be closed: not looked for again, or the time would be quadratic.
            del opened[name]
            continue
        end = at + len(closing)
        yield start, end
        passed = [name for name, where in opened.items() if where < end]
        opened = {name: at for name, at in opened.items() if at >= end}
        opened |= _openings(text, passed, end)


def _openings(text: str, names: Iterable[str], position: int) -> dict[str, int]:
    """Where the next opening tag of each name is; without those that have none."""
    found = ((name, text.find(f"<{name}>", position)) for name in names)
    return {name: at for name, at in found if at >= 0}

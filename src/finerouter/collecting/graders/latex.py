r"""Numbers that LaTeX sets, as they are written without it.

Takes a text; gives what stands in its last \boxed{}, or the text with \frac{3}{4} as 3/4. Knows
nothing of what numbers are good for.
"""

from __future__ import annotations

import re

# Stands for a fraction of anything but numbers: what is in it is no answer by itself.
FORMULA = "\N{OBJECT REPLACEMENT CHARACTER}"
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BOXED = re.compile(r"\\boxed\s*(?=\{)")
_FRACTION = re.compile(r"\\[dt]?frac(?![a-zA-Z])")
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|\\,)(?=\d{3}(?!\d))")
_PLAIN = re.compile(r"\s*([-−]?)\s*(\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)\s*")


def boxed(text: str) -> str | None:
    r"""What stands in the last \boxed{} that is closed, braces and all; None without one."""
    closing = _closing(text)
    opened = [found.end() for found in _BOXED.finditer(text) if found.end() in closing]
    return text[opened[-1] + 1 : closing[opened[-1]]] if opened else None


def without_latex(text: str) -> str:
    r"""The text with its numbers plain: \frac{3}{4} as 3/4, 1{,}000 as 1,000.

    A fraction of anything else becomes `FORMULA`.
    """
    text = _THOUSANDS.sub(",", text)
    closing = _closing(text) if "frac" in text else {}
    parts, at = [], 0
    for found in _FRACTION.finditer(text):
        if found.start() < at:
            continue
        top, middle = _argument(text, found.end(), closing)
        bottom, end = _argument(text, middle, closing)
        if top is None or bottom is None:
            continue
        parts.append(text[at : found.start()])
        # "2\frac{1}{2}" is two and a half.
        parts.append(" " if parts[-1][-1:].isdecimal() else "")
        parts.append(_plain(top, bottom))
        at = end
    return "".join([*parts, text[at:]])


def _closing(text: str) -> dict[int, int]:
    """Where each opened brace is closed, for those that are."""
    opened: list[int] = []
    closing = {}
    for found in _BRACE.finditer(text):
        if found[0] == "{":
            opened.append(found.start())
        elif found[0] == "}" and opened:
            closing[opened.pop()] = found.start()
    return closing


def _argument(text: str, at: int, closing: dict[int, int]) -> tuple[str | None, int]:
    """What a command takes there, a group or one digit, and where that ends."""
    if at in closing:
        return text[at + 1 : closing[at]], closing[at] + 1
    one = text[at : at + 1]
    return (one, at + 1) if one.isdecimal() else (None, at)


def _plain(top: str, bottom: str) -> str:
    above, below = _PLAIN.fullmatch(top), _PLAIN.fullmatch(bottom)
    if above is None or below is None:
        return FORMULA
    sign = "-" if bool(above[1]) != bool(below[1]) else ""
    return f"{sign}{above[2]}/{below[2]}"

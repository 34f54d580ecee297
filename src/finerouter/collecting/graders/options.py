"""What stands behind the colon of a grader's name, such as `tolerance=0.01,stated`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from finerouter.errors import ConfigError


def read_options(
    grader: str, text: str, kinds: Mapping[str, Callable[[str], Any]]
) -> dict[str, Any]:
    """Options of a grader by name; one of kind `bool` is given by its bare name.

    Raises:
        ConfigError: one is unknown, or its value of the wrong kind.
    """
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, given, value = part.partition("=")
        if name not in kinds or bool(given) == (kinds[name] is bool):
            raise _wrong(grader, part, kinds)
        try:
            found[name] = kinds[name](value) if given else True
        except ValueError as error:
            raise _wrong(grader, part, kinds) from error
    return found


def flags(grader: str, text: str, known: Sequence[str]) -> frozenset[str]:
    """Options that are given by their bare names.

    Raises:
        ConfigError: one is unknown.
    """
    return frozenset(read_options(grader, text, dict.fromkeys(known, bool)))


def no_options(grader: str, text: str) -> None:
    """See that a grader without options got none.

    Raises:
        ConfigError: it got some.
    """
    read_options(grader, text, {})


def _wrong(grader: str, part: str, kinds: Mapping[str, Callable[[str], Any]]) -> ConfigError:
    listed = ", ".join(name if kind is bool else f"{name}=..." for name, kind in kinds.items())
    return ConfigError(f"grader {grader}: {part!r} is no option; it takes {listed or 'none'}")

"""What a start of the gateway would meet, found out without starting it.

Takes a setup; gives warnings, or the error that a start would end with. Makes and changes nothing,
listens nowhere, and asks no endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finerouter.gateway.access.checking import open_without_key
from finerouter.gateway.journal.opening import examine
from finerouter.gateway.observing.observer import Observer
from finerouter.gateway.setup import Setup
from finerouter.upstream.keys import Key


def rehearsed(setup: Setup, folder: Path) -> tuple[str, ...]:
    """Do all that a start does and that changes nothing.

    Args:
        setup: what would be served with.
        folder: that the journal's path is relative to.

    Returns:
        Warnings: what the gateway starts with, and what to do about it.

    Raises:
        UserError: the gateway would not start; whether the port is free is not looked at.
    """
    Observer(setup.settings).close()
    return (*examine(setup.settings.journal, folder), *warnings(setup))


def warnings(setup: Setup) -> tuple[str, ...]:
    """What the gateway serves with although it is hardly meant, and what to do about it."""
    unkeyed = open_without_key(setup.settings)
    return (*((unkeyed,) if unkeyed else ()), *_missing_keys(setup))


def _missing_keys(setup: Setup) -> Iterator[str]:
    askings = (asking for model in setup.models.values() for asking in model.askings)
    for name, endpoint in {asking.endpoint.name: asking.endpoint for asking in askings}.items():
        if missing := Key(endpoint.key_env, endpoint.key_file).missing:
            yield f"endpoint {name!r} lacks its key: {missing}"

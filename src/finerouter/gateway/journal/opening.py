"""Which store the settings name, and whether it could be used."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from finerouter.errors import ConfigError, JournalUnavailable
from finerouter.gateway.journal.folders import unwritable
from finerouter.gateway.journal.sqlite_store import SqliteStore
from finerouter.gateway.journal.store import Store
from finerouter.gateway.settings import JournalTable
from finerouter.gateway.settings_file import read_settings


def store_of(settings: JournalTable, folder: Path, *, create: bool = True) -> Store:
    """The store; `create`: whether a file that is not there is made.

    Raises:
        ConfigError: the variable with the database's address is not set.
    """
    if settings.postgres_env is None:
        return SqliteStore(folder / settings.path, create=create)
    address = os.environ.get(settings.postgres_env)
    if not address:
        raise ConfigError(
            f"journal.postgres_env: the environment has no {settings.postgres_env}; set it to the "
            "address of the database, such as postgresql://user@host/name"
        )
    from finerouter.gateway.journal.postgres_store import PostgresStore

    return PostgresStore(address)


def examine(settings: JournalTable, folder: Path) -> tuple[str, ...]:
    """Look whether a journal could be opened; nothing is made or changed.

    Args:
        settings: where it is.
        folder: that paths are relative to.

    Returns:
        What a gateway starts with all the same, and mends or tries again while it serves.

    Raises:
        ConfigError, DataError: as of `Journal.open`.
    """
    found = []
    with closing(store_of(settings, folder, create=False)) as store:
        try:
            store.examine()
        except JournalUnavailable as error:
            found.append(f"journal: {error}")
    spool = spool_of(settings, folder)
    if reason := unwritable(spool):
        found.append(
            f"journal: {spool}: cannot be written ({reason}), so decisions would wait in memory "
            "and a kill would lose them; name a place that can be in [journal]"
        )
    return tuple(found)


def spool_of(settings: JournalTable, folder: Path) -> Path:
    """The folder in which records wait for the store."""
    return folder / f"{settings.path}.spool"


def journal_at(path: Path) -> Store:
    """The store that a journal's file or a gateway.toml names; nothing is made.

    Raises:
        ConfigError: the configuration cannot be read, or names no store that can be had.
        DataError: there is no such file.
    """
    if path.suffix != ".toml":
        return store_of(JournalTable(path=path.name), path.parent, create=False)
    return store_of(read_settings(path).journal, path.parent, create=False)

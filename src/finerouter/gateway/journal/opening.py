"""Which store the settings name."""

from __future__ import annotations

from pathlib import Path

from finerouter.errors import ConfigError
from finerouter.gateway.journal.sqlite_store import SqliteStore
from finerouter.gateway.journal.store import Store
from finerouter.gateway.settings import JournalTable


def store_of(settings: JournalTable, folder: Path, *, create: bool = True) -> Store:
    """The store; `create`: whether a file that is not there is made.

    Raises:
        ConfigError: another store than SQLite is asked for.
    """
    if settings.postgres_env is None:
        return SqliteStore(folder / settings.path, create=create)
    raise ConfigError("journal.postgres_env: only `path` is served yet; leave it out")

"""The gateway as a whole: makes its parts, replaces them on demand, and takes them down.

Takes the router's folder and gateway.toml; gives `Service`. A reload loads everything anew beside
what is running and swaps it in one step; where anything does not load, nothing has changed.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from finerouter.asking import Asking
from finerouter.errors import ConfigError
from finerouter.gateway.access import Access
from finerouter.gateway.conversations import Conversations
from finerouter.gateway.fleet import Fleet
from finerouter.gateway.journal import Journal
from finerouter.gateway.money.budgets import Budgets
from finerouter.gateway.observing.logs import change_level
from finerouter.gateway.observing.observer import Observer
from finerouter.gateway.parts import Admission, Parts
from finerouter.gateway.planning import Planner
from finerouter.gateway.rehearsing import rehearsed, warnings
from finerouter.gateway.settings import GatewaySettings
from finerouter.gateway.settings_file import read_settings
from finerouter.gateway.setup import Setup, load_setup

_logger = logging.getLogger(__name__)
# What a reload cannot change: it is in use until the process ends.
_FIXED = ("host", "port", "journal", "telemetry")


@dataclass(frozen=True)
class Source:
    """Where everything is loaded from.

    Attributes:
        router: folder of the router.
        config: gateway.toml, None for the defaults with `pool`.
        pool: pool file in place of the one that gateway.toml names, None for that one.
        host, port: in place of those of gateway.toml, None likewise.
        allow_remote: whether the router's embeddings endpoint may be used.
    """

    router: Path
    config: Path | None = None
    pool: Path | None = None
    host: str | None = None
    port: int | None = None
    allow_remote: bool = False

    @property
    def folder(self) -> Path:
        """From where relative paths count."""
        return self.config.absolute().parent if self.config else Path.cwd()

    def settings(self) -> GatewaySettings:
        """The settings, with what the command line says in their place.

        Raises:
            ConfigError: gateway.toml is wrong.
        """
        settings = read_settings(self.config) if self.config else GatewaySettings()
        pool = None if self.pool is None else str(self.pool.absolute())
        changes = {"host": self.host, "port": self.port, "pool": pool}
        given = {name: value for name, value in changes.items() if value is not None}
        return msgspec.structs.replace(settings, **given)

    def load(self) -> Setup:
        """Load and check everything; opens no connection.

        Raises:
            UserError: something is missing or does not fit.
        """
        settings = self.settings()
        return load_setup(self.router, settings, allow_remote=self.allow_remote)

    def rehearse(self, setup: Setup) -> tuple[str, ...]:
        """Warnings of a start with what was loaded; see `rehearsing`.

        Raises:
            UserError: it would not start.
        """
        return rehearsed(setup, self.folder)


class Service:
    """The parts that serve now; for one event loop."""

    def __init__(self, source: Source, parts: Parts) -> None:
        self.source = source
        self.parts = parts
        self._reloading = asyncio.Lock()

    @classmethod
    async def start(cls, source: Source, setup: Setup) -> Service:
        """Open the journal and get ready to call endpoints."""
        settings = setup.settings
        journal = await Journal.open(settings.journal, source.folder)
        fleet = Fleet(_askings(setup), settings)
        await fleet.start()
        conversations = Conversations(settings.sticky, journal)
        budgets = Budgets(settings, journal)
        await budgets.start()
        admission = Admission(settings.limits.max_concurrent)
        parts = Parts(
            setup=setup,
            planner=Planner(setup, conversations, fleet, crowded=admission.crowded),
            fleet=fleet,
            conversations=conversations,
            access=Access(settings),
            budgets=budgets,
            admission=admission,
            journal=journal,
            observer=Observer(settings),
        )
        _warn(setup)
        return cls(source, parts)

    async def reload(self) -> None:
        """Load router, pool and settings anew and swap them in.

        Raises:
            UserError: something does not load; what runs goes on unchanged.
        """
        async with self._reloading:
            setup = await asyncio.to_thread(self.source.load)
            self._refuse_fixed(setup.settings)
            old = self.parts
            fleet = old.fleet.replaced(_askings(setup), setup.settings)
            old.admission.most = setup.settings.limits.max_concurrent
            old.conversations.settings = setup.settings.sticky
            self.parts = replace(
                old,
                setup=setup,
                planner=Planner(setup, old.conversations, fleet, crowded=old.admission.crowded),
                fleet=fleet,
                access=old.access.replaced(setup.settings),
                budgets=old.budgets.replaced(setup.settings),
            )
            change_level(setup.settings.log_level)
            _warn(setup)
            _logger.info("reloaded: %d models, %d policies", len(setup.models), len(setup.policies))

    def drain(self) -> None:
        """Take no more requests; those under way go on."""
        self.parts.admission.draining = True

    async def close(self) -> None:
        """Close connections and write down what is still in memory."""
        await self.parts.fleet.close()
        await self.parts.budgets.close()
        await self.parts.journal.close()
        self.parts.observer.close()

    def _refuse_fixed(self, settings: GatewaySettings) -> None:
        running = self.parts.setup.settings
        changed = [name for name in _FIXED if getattr(settings, name) != getattr(running, name)]
        if changed:
            raise ConfigError(
                f"{changed[0]} cannot change while the gateway runs; start it again for that"
            )


def _warn(setup: Setup) -> None:
    for warning in warnings(setup):
        _logger.warning("%s", warning)


def _askings(setup: Setup) -> dict[str, tuple[Asking, ...]]:
    return {name: model.askings for name, model in setup.models.items()}

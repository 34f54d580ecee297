"""Runs the application until it is told to stop: sockets, signals, the end of streams.

SIGHUP loads everything anew; SIGTERM and SIGINT stop taking requests and let those under way end,
for so long as the settings say. A second one stops at once.
"""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Awaitable, Callable
from functools import partial

import uvicorn

from finerouter.errors import FinerouterError
from finerouter.gateway.app import create_app
from finerouter.gateway.connections import Connection
from finerouter.gateway.service import Service, Source
from finerouter.gateway.settings import GatewaySettings, Limits
from finerouter.gateway.setup import Setup

_logger = logging.getLogger(__name__)

# Longer than the idle connections of common clients and proxies live, so that it is they who close.
_KEEP_ALIVE_S = 75


def serve(source: Source, setup: Setup) -> None:
    """Serve until stopped.

    Args:
        source: where everything is loaded from, for reloads.
        setup: what was loaded and checked already.
    """
    running: list[Service] = []

    async def start() -> Service:
        service = await Service.start(source, setup)
        running.append(service)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, service)
        return service

    # Uvicorn sends itself again, at the end, what it was stopped by: that would end the process
    # before its log is written, and as if it had failed.
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, signal.SIG_IGN)
    _Server(server_config(start, setup.settings, running), running).run()


def server_config(
    start: Callable[[], Awaitable[Service]], settings: GatewaySettings, running: list[Service]
) -> uvicorn.Config:
    """How the server is set up.

    Args:
        start: makes the service.
        settings: as they are at the start.
        running: holds the service once it has started; its limits change with reloads.
    """

    def limits() -> Limits:
        return running[0].parts.setup.settings.limits if running else settings.limits

    return uvicorn.Config(
        create_app(start),
        host=settings.host,
        port=settings.port,
        http=partial(Connection, limits=limits),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        # None would wait for ever; 0 does not.
        timeout_graceful_shutdown=math.ceil(settings.limits.drain_s),
        server_header=False,
        date_header=False,
    )


class _Server(uvicorn.Server):
    """Tells the service that it stops, so that balancers look elsewhere at once."""

    def __init__(self, config: uvicorn.Config, running: list[Service]) -> None:
        super().__init__(config)
        self._running = running

    def handle_exit(self, sig: int, frame: object) -> None:
        for service in self._running:
            service.drain()
        # Only a second SIGINT counts as one for uvicorn.
        self.force_exit = self.force_exit or self.should_exit
        super().handle_exit(sig, frame)  # type: ignore[arg-type]


_tasks: set[asyncio.Task[None]] = set()


def _reload(service: Service) -> None:
    task = asyncio.get_running_loop().create_task(_reloaded(service))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _reloaded(service: Service) -> None:
    try:
        await service.reload()
    except FinerouterError as error:
        _logger.error("nothing was reloaded: %s", error)

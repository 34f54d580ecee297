"""Runs the application until it is told to stop: sockets, signals, the end of streams.

SIGHUP loads everything anew; SIGTERM and SIGINT stop taking requests and let those under way end,
for so long as the settings say. A second one stops at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import signal
import socket
from collections.abc import Awaitable, Callable
from functools import partial

import uvicorn
from uvicorn.loops.auto import auto_loop_factory

from finerouter.errors import ConfigError, FinerouterError
from finerouter.gateway.app import create_app
from finerouter.gateway.connections import Connection
from finerouter.gateway.service import Service, Source
from finerouter.gateway.settings import GatewaySettings, Limits
from finerouter.gateway.setup import Setup

_logger = logging.getLogger(__name__)

# Longer than the idle connections of common clients and proxies live, so that it is they who close.
_KEEP_ALIVE_S = 75
_BACKLOG = 2048
# New objects until the youngest are looked at, and how many looks until the older ones are.
_COLLECT_AFTER = (20_000, 20, 20)


def serve(source: Source, setup: Setup, running: list[Service]) -> None:
    """Serve until stopped.

    Args:
        source: where everything is loaded from, for reloads.
        setup: what was loaded and checked already.
        running: the service is put there once it has started.

    Raises:
        ConfigError: the address cannot be listened at; names it.
        FinerouterError: a part does not start, such as the journal.
    """
    # Before anything else is opened, so that a second gateway by mistake touches no journal.
    with (
        _listening(setup.settings.host, setup.settings.port) as listener,
        asyncio.Runner(loop_factory=auto_loop_factory()) as runner,
    ):
        runner.run(_served(source, setup, listener, running))


async def _served(
    source: Source, setup: Setup, listener: socket.socket, running: list[Service]
) -> None:
    service = await Service.start(source, setup)
    running.append(service)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, service)

    async def started() -> Service:
        return service

    # What comes while all is being closed must not end the process before its log is written.
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, signal.SIG_IGN)
    _calm_collector()
    config = server_config(started, setup.settings, running)
    await _Server(config, running).serve(sockets=[listener])


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
        http=partial(Connection, limits=limits),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_drain_s(settings.limits),
        server_header=False,
        date_header=False,
        # Nothing here depends on the client's address.
        proxy_headers=False,
    )


def _drain_s(limits: Limits) -> int:
    # Of the library: None would wait for ever; 0 does not.
    return math.ceil(limits.drain_s)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens at this address.

    Raises:
        ConfigError: it is taken, or not this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise ConfigError(
            f"cannot listen at {host}:{port} ({reason}); end what listens there, "
            "or give another --port or --host"
        ) from error


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    everywhere = host in ("0.0.0.0", "::")
    shown = "127.0.0.1" if everywhere else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _calm_collector() -> None:
    """Have the garbage collector look less often, and not at what stays.

    Nearly all of a request's objects go when it ends, by their counts. By default the collector
    looks for cycles after every 700 new ones, router and libraries included: a tenth of a
    request's time, and pauses in streams. What cycles there are wait a little longer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


class _Server(uvicorn.Server):
    """Tells the service that it stops, so that balancers look elsewhere at once."""

    def __init__(self, config: uvicorn.Config, running: list[Service]) -> None:
        super().__init__(config)
        self._running = running

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say where."""
        await super().startup(sockets)
        for listener in sockets or ():
            _logger.info(
                "answering at %(url)s/v1, dashboard at %(url)s/dashboard; try: "
                'curl %(url)s/v1/route -d \'{"prompt": "What is 2 plus 3?"}\'',
                {"url": _url(listener)},
            )

    def handle_exit(self, sig: int, frame: object) -> None:  # noqa: ARG002 (the library's signature)
        for service in self._running:
            service.drain()
            # As it is now: a reload may have changed it.
            self.config.timeout_graceful_shutdown = _drain_s(service.parts.setup.settings.limits)
        # Not the library's own way, which raises the signal again once all is closed: a gateway
        # that has stopped as it was told has not failed.
        self.force_exit = self.should_exit
        self.should_exit = True


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

"""A real gateway on the loopback interface: its own server, router, journal and pool file.

    with running(folder, router_folder, pool_toml(upstream)) as gateway:
        gateway.post("/v1/chat/completions", {"model": "auto", "messages": [...]})

The server runs in a thread of its own, as the upstreams of tests do.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from finerouter.gateway.record import Feedback, Record
from finerouter.gateway.server import server_config
from finerouter.gateway.service import Service, Source
from tests.loopback import LoopbackUpstream
from tests.synthetic import POOL

Result = TypeVar("Result")


@dataclass(frozen=True)
class Answer:
    """Of the gateway."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[str]:
        """The data of a stream's events."""
        lines = self.body.decode().splitlines()
        return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


@dataclass
class Gateway:
    """A running gateway."""

    port: int
    folder: Path
    services: list[Service]
    loops: list[asyncio.AbstractEventLoop]
    headers: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def service(self) -> Service:
        return self.services[0]

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            reply = connection.getresponse()
            given = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, given, reply.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.call("GET", path, None, headers)

    def post(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer:
        return self.call("POST", path, json.dumps(body).encode(), headers)

    def at_once(self, call: Callable[[], Answer], count: int) -> list[Answer]:
        """The answers of so many calls at the same time."""
        with ThreadPoolExecutor(count) as threads:
            return [future.result() for future in [threads.submit(call) for _ in range(count)]]

    def records(self) -> list[Record]:
        """What the journal holds, the newest first."""

        async def read() -> list[Record]:
            await self.service.parts.journal.flush()
            return await self.service.parts.journal.recent(1_000)

        return self.inside(read())

    def found(self, decision_id: str) -> tuple[Record, list[Feedback]]:
        """One decision of the journal."""
        found = self.inside(self.service.parts.journal.find(decision_id))
        assert found is not None
        return found

    def inside(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What comes of something that has to run where the gateway runs."""
        return asyncio.run_coroutine_threadsafe(work, self.loops[0]).result(10)

    def chat(self, prompt: str, **fields: Any) -> Answer:
        messages = [{"role": "user", "content": prompt}]
        return self.post("/v1/chat/completions", {"model": "auto", "messages": messages, **fields})


def pool_toml(*upstreams: LoopbackUpstream, extra: str = "") -> str:
    """A pool file whose models are all served by each of these upstreams.

    Args:
        upstreams: become the endpoints e0, e1 and so on.
        extra: lines for each endpoint, such as its API.
    """
    lines = []
    for number, upstream in enumerate(upstreams):
        lines += [f"[endpoints.e{number}]", f'base_url = "{upstream.url}"', extra]
    names = json.dumps([f"e{number}" for number in range(len(upstreams))])
    for model in POOL:
        lines += [
            "[[models]]",
            f'model = "{model.model}"',
            f"endpoint = {names}",
            f"input_usd_per_mtok = {model.input_usd_per_mtok}",
            f"output_usd_per_mtok = {model.output_usd_per_mtok}",
            f"context_window = {model.context_window}",
            f"capabilities = {json.dumps(sorted(model.capabilities))}",
        ]
    return "\n".join(lines)


@contextmanager
def running(
    folder: Path,
    router_folder: Path,
    pool: str,
    config: str = "",
    headers: Mapping[str, str] | None = None,
    drain_s: int = 5,
    *,
    allow_remote: bool = False,
) -> Iterator[Gateway]:
    """Start a gateway, and stop it as SIGTERM would.

    Args:
        folder: for its files.
        router_folder: of a trained router.
        pool: content of pool.toml.
        config: content of gateway.toml.
        headers: sent with every call.
        drain_s: at the end, until what is still under way is cut.
        allow_remote: whether the router's embeddings endpoint may be used.
    """
    (folder / "pool.toml").write_text(pool)
    (folder / "gateway.toml").write_text(config)
    source = Source(router_folder, folder / "gateway.toml", port=0, allow_remote=allow_remote)
    setup = source.load()
    services: list[Service] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def start() -> Service:
        services.append(await Service.start(source, setup))
        loops.append(asyncio.get_running_loop())
        return services[0]

    server_settings = server_config(start, setup.settings, services)
    server_settings.port = 0
    server_settings.timeout_graceful_shutdown = drain_s
    server = uvicorn.Server(server_settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    assert server.started, "the gateway did not start; its log says why"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Gateway(port, folder, services, loops, headers or {})
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()

"""A door before one llama.cpp server: a call gets the same answer, whatever was asked before it.

The engine reuses what its cache shares with the call before, and sums of floats depend on how much
that was: at temperature 0 an answer between two equally likely words then falls either way. So the
door lets calls in one at a time, and before each puts back the cache as it was after the call's
fixed part (system prompt and examples) alone, which is computed once and kept in a file.

Takes the address of an engine that has one cache and may save it (serve.py); gives the door's.
Knows nothing of the arms: the fixed part is told from the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web

Json = dict[str, Any]

# The words before the question itself, in every arm that sends plain text.
QUESTION = "Q: "
_MARK = "the question goes here"
_PATIENT = ClientTimeout(total=600)


@contextmanager
def steady(engine: str, port: int) -> Iterator[str]:
    """Open the door while the context is open; gives its address.

    Args:
        engine: address of the engine.
        port: on the loopback interface, 0 for a free one.
    """
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(_app(engine))
    try:
        loop.run_until_complete(_start(runner, port))
        with _running(loop):
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        loop.run_until_complete(runner.cleanup())
        loop.close()


@contextmanager
def _running(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _app(engine: str) -> web.Application:
    app, door = web.Application(), _Door(engine)
    app.cleanup_ctx.append(door.connected)
    app.router.add_route("*", "/{path:.*}", door.handle)
    return app


async def _start(runner: web.AppRunner, port: int) -> None:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()


class _Door:
    """Handles calls in turn; `_saved` has the file of each fixed part met so far."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._saved: dict[str, str] = {}

    async def connected(self, _: web.Application) -> AsyncIterator[None]:
        """Keep connections to the engine while the door is open."""
        async with ClientSession(self._engine, timeout=_PATIENT) as self._client:
            yield

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass a call on; one with a body is a question, and gets the cache of its fixed part."""
        body = await request.json() if request.can_read_body else None
        async with self._turn:
            if body is not None:
                await self._restore(await self._fixed_part(body))
                body |= {"cache_prompt": True, "id_slot": 0}
            return await self._passed_on(request, body)

    async def _fixed_part(self, body: Mapping[str, Any]) -> str:
        """The text before the question, as the model reads it."""
        if "messages" not in body:
            return str(body.get("prompt", "")).rpartition(QUESTION)[0]
        marked = [*body["messages"][:-1], {"role": "user", "content": _MARK}]
        laid_out = await self._post("/apply-template", {"messages": marked})
        return str(laid_out["prompt"]).partition(_MARK)[0]

    async def _restore(self, fixed: str) -> None:
        if fixed not in self._saved:
            self._saved[fixed] = await self._computed(fixed, f"{len(self._saved)}.bin")
        await self._slot("restore", {"filename": self._saved[fixed]})

    async def _computed(self, fixed: str, filename: str) -> str:
        """Compute a fixed part from nothing and save the cache; gives the file's name."""
        await self._slot("erase", {})
        await self._post("/completion", {"prompt": fixed, "n_predict": 0, "cache_prompt": True})
        await self._slot("save", {"filename": filename})
        return filename

    async def _slot(self, action: str, body: Json) -> None:
        await self._post(f"/slots/0?action={action}", body)

    async def _post(self, path: str, body: Json) -> Json:
        async with self._client.post(path, json=body) as response:
            if response.status != 200:
                raise web.HTTPBadGateway(text=f"engine: {path}: {await response.text()}")
            answer: Json = await response.json()
            return answer

    async def _passed_on(self, request: web.Request, body: Json | None) -> web.StreamResponse:
        """The engine's answer, piece by piece; who leaves midway frees the engine."""
        async with self._client.request(request.method, request.rel_url, json=body) as response:
            kind = response.headers.get("content-type", "text/plain")
            answer = web.StreamResponse(status=response.status, headers={"content-type": kind})
            await answer.prepare(request)
            async for piece in response.content.iter_any():
                await answer.write(piece)
            await answer.write_eof()
            return answer

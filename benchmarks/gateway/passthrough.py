"""The least that a gateway of the same framework could do: hand bytes on, route and note nothing.

    python -m benchmarks.gateway.passthrough --port 9002 --upstream http://127.0.0.1:9001

The baseline in the comparison: what Starlette, uvicorn and the aiohttp client take by themselves.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

PATH = "/v1/chat/completions"
HEADERS = {"content-type": "application/json"}


def application(upstream: str) -> Starlette:
    """One route that asks `upstream` the same and relays what comes."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as app.state.session:
            yield

    async def relay(request: Request) -> Response:
        session: aiohttp.ClientSession = request.app.state.session
        answer = await session.post(upstream + PATH, data=await request.body(), headers=HEADERS)
        kind = answer.headers["content-type"]
        if kind.startswith("text/event-stream"):
            return StreamingResponse(_pieces(answer), headers={"content-type": kind})
        async with answer:
            return Response(await answer.read(), answer.status, {"content-type": kind})

    async def ready(_: Request) -> Response:
        return Response()

    routes = [Route(PATH, relay, methods=["POST"]), Route("/ready", ready)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with answer:
        async for piece in answer.content.iter_any():
            yield piece


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    given = parser.parse_args()
    uvicorn.run(
        application(given.upstream),
        port=given.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        backlog=4096,
        timeout_keep_alive=600,
    )


if __name__ == "__main__":
    main()

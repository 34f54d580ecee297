"""Paths to what answers them, as an ASGI application.

Takes a service, or what starts one; gives an ASGI application. What is slow or clever stands
elsewhere. The endpoints are plain ASGI, and the paths of inference do not even go through
Starlette: its layers wrap every call and every piece of every stream, which costs a tenth of a
stream's time and serves paths that are asked less often.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from finerouter.gateway import administration, catalogue, feedback, health, pages, route_call
from finerouter.gateway.asgi import Exchange
from finerouter.gateway.inference import infer
from finerouter.gateway.plain import answering_errors
from finerouter.gateway.service import Service

Handler = Callable[[Service, Exchange], Awaitable[None]]

_INFERENCE = {
    "/v1/chat/completions": "chat",
    "/v1/messages": "messages",
    "/v1/responses": "responses",
    "/v1/embeddings": "embeddings",
}
_HANDLERS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/v1/models", catalogue.models),
    ("GET", "/v1/models/{model:path}", catalogue.model),
    ("POST", "/v1/route", route_call.route),
    ("POST", "/v1/feedback", feedback.feedback),
    ("GET", "/healthz", health.alive),
    ("GET", "/readyz", health.ready),
    ("GET", "/metrics", health.metrics),
    ("GET", "/dashboard", pages.page),
    ("GET", "/dashboard/data", pages.data),
    ("GET", "/admin/endpoints", administration.endpoints),
    ("POST", "/admin/reload", administration.reload),
)

PATHS = (*_INFERENCE, *(path for _, path, _ in _HANDLERS))


def create_app(start: Callable[[], Awaitable[Service]]) -> ASGIApp:
    """The application; `start` makes its service when the server starts."""
    holder: list[Service] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service = await start()
        holder.append(service)
        try:
            yield
        finally:
            await service.close()

    def service() -> Service:
        return holder[0]

    inference = {path: _asgi(service, _inference(api)) for path, api in _INFERENCE.items()}
    # Here for what is not POST: Starlette answers that.
    routes = [Route(path, endpoint, methods=["POST"]) for path, endpoint in inference.items()]
    routes += [
        Route(path, _asgi(service, answering_errors(handler)), methods=[method])
        for method, path, handler in _HANDLERS
    ]
    return _Application(inference, Starlette(routes=routes, lifespan=lifespan))


class _Application:
    """The paths of inference by themselves, and Starlette for everything else."""

    def __init__(self, inference: Mapping[str, ASGIApp], others: ASGIApp) -> None:
        self._inference = inference
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        posted = scope["type"] == "http" and scope["method"] == "POST"
        endpoint = self._inference.get(scope["path"]) if posted else None
        await (endpoint or self._others)(scope, receive, send)


def _inference(api: str) -> Handler:
    async def handler(service: Service, exchange: Exchange) -> None:
        await infer(service.parts, api, exchange)

    return handler


class _Endpoint:
    """An ASGI application of one path; a class, for Starlette wraps functions in its requests."""

    def __init__(self, service: Callable[[], Service], handler: Handler) -> None:
        self._service = service
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._handler(self._service(), Exchange(scope, receive, send))


def _asgi(service: Callable[[], Service], handler: Handler) -> ASGIApp:
    return _Endpoint(service, handler)

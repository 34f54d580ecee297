"""Paths to what answers them, as an ASGI application.

Takes a service, or what starts one; gives a Starlette application. What is slow or clever stands
elsewhere. The endpoints are plain ASGI: a request object and middleware for each call would cost
more than the routing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
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


def create_app(start: Callable[[], Awaitable[Service]]) -> Starlette:
    """The application; `start` makes its service when the server starts."""
    holder: list[Service] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        service = await start()
        app.state.service = service
        holder.append(service)
        try:
            yield
        finally:
            await service.close()

    def service() -> Service:
        return holder[0]

    routes = [
        Route(path, _asgi(service, _inference(api)), methods=["POST"])
        for path, api in _INFERENCE.items()
    ]
    routes += [
        Route(path, _asgi(service, answering_errors(handler)), methods=[method])
        for method, path, handler in _HANDLERS
    ]
    return Starlette(routes=routes, lifespan=lifespan)


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

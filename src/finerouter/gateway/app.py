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
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from finerouter.gateway import administration, catalogue, feedback, health, pages, route_call
from finerouter.gateway.api_errors import error_body
from finerouter.gateway.asgi import Exchange
from finerouter.gateway.inference import infer
from finerouter.gateway.naming import shown
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
    others = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _no_such_path}
    )
    # It would lead to the address in `Host` over plain http, and clients take their keys along.
    others.router.redirect_slashes = False
    return _Application(inference, others)


class _Application:
    """The paths of inference by themselves, and Starlette for everything else."""

    def __init__(self, inference: Mapping[str, ASGIApp], others: ASGIApp) -> None:
        self._inference = inference
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        posted = scope["type"] == "http" and scope["method"] == "POST"
        endpoint = self._inference.get(scope["path"]) if posted else None
        await (endpoint or self._others)(scope, receive, send)


async def _no_such_path(request: Request, error: Exception) -> Response:
    """What Starlette refuses, in the form of the API's errors."""
    assert isinstance(error, HTTPException)
    path: str = request.scope["path"]
    api = "messages" if path.startswith("/v1/messages") else "chat"
    message = f"there is no {shown(path)} here; see docs/gateway.md for the paths"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        message = f"{shown(path)} takes no {shown(request.method)}; use {allowed}"
    body = error_body(api, error.status_code, message)
    return Response(body, error.status_code, error.headers, media_type="application/json")


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

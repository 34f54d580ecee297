"""GET /healthz, /readyz and /metrics: for those who run the gateway."""

from __future__ import annotations

from finerouter.gateway.asgi import Exchange
from finerouter.gateway.observing.metrics import CONTENT_TYPE
from finerouter.gateway.plain import answer_json
from finerouter.gateway.service import Service


async def alive(service: Service, exchange: Exchange) -> None:  # noqa: ARG001 (handlers' signature)
    """The process answers."""
    await answer_json(exchange, {"status": "ok"})


async def ready(service: Service, exchange: Exchange) -> None:
    """Whether requests should be sent here: not stopping, and some model can be asked."""
    parts = service.parts
    usable = any(map(parts.fleet.usable, parts.setup.models))
    if parts.admission.draining:
        await answer_json(exchange, {"status": "stopping"}, 503)
    elif not usable:
        await answer_json(exchange, {"status": "no endpoint can be asked now"}, 503)
    else:
        await answer_json(exchange, {"status": "ok"})


async def metrics(service: Service, exchange: Exchange) -> None:
    """Everything that is counted, as Prometheus reads it."""
    parts = service.parts
    parts.access.caller(exchange.headers, "read", changes=False)
    text = parts.observer.metrics(
        parts.fleet, parts.journal, parts.budgets, parts.admission, parts.planner
    )
    await exchange.answer(200, text, {"content-type": CONTENT_TYPE})

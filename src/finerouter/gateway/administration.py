"""/admin: what only an admin key may see and do."""

from __future__ import annotations

import msgspec

from finerouter.errors import UserError
from finerouter.gateway.access import Refused
from finerouter.gateway.asgi import Exchange
from finerouter.gateway.plain import answer_json
from finerouter.gateway.service import Service


async def endpoints(service: Service, exchange: Exchange) -> None:
    """How every endpoint is doing."""
    service.parts.access.caller(exchange.headers, "admin", changes=False)
    standing = [msgspec.to_builtins(item) for item in service.parts.fleet.standing()]
    await answer_json(exchange, {"endpoints": standing})


async def reload(service: Service, exchange: Exchange) -> None:
    """Load router, pool and settings anew; what does not load changes nothing."""
    service.parts.access.caller(exchange.headers, "admin")
    try:
        await service.reload()
    except UserError as error:
        raise Refused(400, f"nothing was reloaded: {error}", "invalid_request_error") from error
    setup = service.parts.setup
    await answer_json(
        exchange,
        {"models": list(setup.models), "policies": list(setup.policies), "status": "reloaded"},
    )

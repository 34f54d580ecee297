"""GET /v1/models: the names that a request may give, in the form of OpenAI's or Anthropic's API."""

from __future__ import annotations

from typing import Any

from finerouter.errors import PoolError
from finerouter.gateway.access import Caller
from finerouter.gateway.asgi import Exchange
from finerouter.gateway.naming import shown
from finerouter.gateway.plain import answer_json
from finerouter.gateway.service import Service

# Nobody knows when a model was made; clients want a number.
_CREATED = 0
_CREATED_AT = "1970-01-01T00:00:00Z"


async def models(service: Service, exchange: Exchange) -> None:
    """All names."""
    names = _names(service, exchange)
    if "anthropic-version" in exchange.headers:
        await answer_json(exchange, _anthropic_list(names))
    else:
        data = [_openai(service, name) for name in names]
        await answer_json(exchange, {"object": "list", "data": data})


async def model(service: Service, exchange: Exchange) -> None:
    """One of them."""
    name = str(exchange.path_params["model"])
    if name not in _names(service, exchange):
        raise PoolError(f"there is no model {shown(name)}; GET /v1/models lists those there are")
    anthropic = "anthropic-version" in exchange.headers
    await answer_json(exchange, _anthropic(name) if anthropic else _openai(service, name))


def _names(service: Service, exchange: Exchange) -> list[str]:
    """Names that this caller may use."""
    caller: Caller = service.parts.access.caller(exchange.headers, "infer", changes=False)
    setup = service.parts.setup
    return [*setup.virtual_models, *(name for name in setup.models if caller.may_use(name))]


def _openai(service: Service, name: str) -> dict[str, Any]:
    known = service.parts.setup.models.get(name)
    owner = (known.provider if known else "") or "finerouter"
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": owner}


def _anthropic(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": _CREATED_AT}


def _anthropic_list(names: list[str]) -> dict[str, Any]:
    data = [_anthropic(name) for name in names]
    return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}

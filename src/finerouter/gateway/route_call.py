"""POST /v1/route: which model a request would get, and why. Calls nothing and costs nothing."""

from __future__ import annotations

from typing import Any

from finerouter.errors import DataError
from finerouter.gateway.asgi import Exchange
from finerouter.gateway.client_json import client_json
from finerouter.gateway.explaining import explanation
from finerouter.gateway.overrides import overrides
from finerouter.gateway.plain import answer_json, read_json
from finerouter.gateway.planning import Wish
from finerouter.gateway.request import Request, parse
from finerouter.gateway.service import Service
from finerouter.gateway.settings import AUTO


async def route(service: Service, exchange: Exchange) -> None:
    """Answer for a body of any of the three APIs, or for `{"prompt": "..."}`."""
    parts = service.parts
    caller = parts.access.caller(exchange.headers, "route")
    fields = await read_json(service, exchange)
    request = _request(fields)
    wish = Wish(request, caller, overrides(exchange.headers, request.own))
    plan = await parts.planner.plan(wish)
    if plan.choice is None:
        raise DataError(f"{request.model!r} is asked for by name: give {AUTO!r} to see a choice")
    await answer_json(exchange, explanation(plan, parts.setup))


def _request(fields: dict[str, Any]) -> Request:
    fields.setdefault("model", AUTO)
    if "prompt" in fields and "messages" not in fields and "input" not in fields:
        prompt = fields.pop("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise DataError("`prompt` must be a text that is not empty")
        fields["messages"] = [{"role": "user", "content": prompt}]
    if "messages" not in fields and "input" not in fields:
        raise DataError('give {"prompt": "..."}, or a body as for one of the /v1 paths')
    return parse(_api(fields), client_json(fields))


def _api(fields: dict[str, Any]) -> str:
    if "messages" not in fields:
        return "responses"
    return "messages" if "system" in fields else "chat"

"""POST /v1/route: which model a request would get, and why. Calls nothing and costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

_APIS = ("chat", "messages", "responses")
# Parts of a message that Anthropic's API has and chat completions have not.
_ANTHROPIC_PARTS = frozenset(("image", "document", "tool_use", "tool_result", "thinking"))


async def route(service: Service, exchange: Exchange) -> None:
    """Answer for a body of any of the three APIs, or for `{"prompt": "..."}`."""
    parts = service.parts
    caller = parts.access.caller(exchange.headers, "route")
    fields = await read_json(service, exchange)
    request = _request(fields, exchange.headers)
    wish = Wish(request, caller, overrides(exchange.headers, request.own))
    plan = await parts.planner.plan(wish)
    if plan.choice is None:
        raise DataError(f"{request.model!r} is asked for by name: give {AUTO!r} to see a choice")
    hidden = parts.planner.hidden_from(caller)
    await answer_json(exchange, explanation(plan, parts.setup, hidden))


def _request(fields: dict[str, Any], headers: Mapping[str, str]) -> Request:
    fields.setdefault("model", AUTO)
    told = fields.pop("api", None)
    if told is not None and told not in _APIS:
        raise DataError(f"`api` must be one of {', '.join(_APIS)}: the form that the body has")
    if "prompt" in fields and "messages" not in fields and "input" not in fields:
        fields["messages"] = [{"role": "user", "content": _prompt(fields.pop("prompt"))}]
    if "messages" not in fields and "input" not in fields:
        raise DataError('give {"prompt": "..."}, or a body as for one of the /v1 paths')
    return parse(told or _api(fields, headers), client_json(fields))


def _prompt(prompt: Any) -> str:
    if not isinstance(prompt, str) or not prompt.strip():
        raise DataError("`prompt` must be a text that is not empty")
    return prompt


def _api(fields: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """The API whose form a body has, by what only that one has."""
    if "messages" not in fields:
        return "responses"
    anthropic = (
        "anthropic-version" in headers
        or "system" in fields
        or any("input_schema" in tool for tool in _objects(fields.get("tools")))
        or any(
            str(part.get("type")) in _ANTHROPIC_PARTS
            for message in _objects(fields["messages"])
            for part in _objects(message.get("content"))
        )
    )
    return "messages" if anthropic else "chat"


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))

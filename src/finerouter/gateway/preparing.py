"""A request as one endpoint wants it.

Takes a request and a way to ask it; gives path, body and headers. The body is the client's own
bytes with another `model` wherever the endpoint speaks the client's API and the pool entry adds
nothing; else it is translated, and what makes this way of asking (system prompt, examples, effort)
is put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from finerouter.asking import AS_IT_IS, Endpoint
from finerouter.gateway.arming import with_fields, with_turns
from finerouter.gateway.client_json import client_json
from finerouter.gateway.fleet import Prepared
from finerouter.gateway.request import Request
from finerouter.gateway.translating import translation
from finerouter.gateway.translating.identity import holds_our_thoughts
from finerouter.gateway.ways import Way

PATHS = {
    "chat": "/chat/completions",
    "messages": "/messages",
    "responses": "/responses",
    "completions": "/completions",
    "embeddings": "/embeddings",
}
# What a client may tell the provider beside the body.
_PASSED_ON = ("anthropic-beta", "openai-beta", "traceparent", "tracestate")
# What clients of the chat API call the most tokens of an answer.
_LIMITS = ("max_tokens", "max_completion_tokens")
_WITH_USAGE = frozenset(("chat", "completions"))


def prepared(request: Request, way: Way, headers: Mapping[str, str]) -> Prepared:
    """What to send to the endpoint of a way.

    Args:
        request: of the client.
        way: endpoint and API.
        headers: of the client, names in lower case.
    """
    passed = {name: headers[name] for name in _PASSED_ON if name in headers}
    # What is translated is written in the words of one version, whatever the client's is.
    if way.api == request.api == "messages" and headers.get("anthropic-version"):
        passed["anthropic-version"] = headers["anthropic-version"]
    content = _content(request, way)
    return Prepared(PATHS[way.api], content, passed, stream=request.stream, api=way.api)


def _content(request: Request, way: Way) -> bytes:
    asking = way.asking
    usage = _usage_field(request, way)
    as_it_came = way.api == request.api and _adds_nothing(way)
    if as_it_came and not (_has_thoughts(way) and holds_our_thoughts(request.body)):
        changed = _renamed(request.fields, asking.endpoint, way.api)
        return request.forwarded(asking.upstream_model, **usage, **changed)
    parameters = asking.parameters
    if way.api != asking.endpoint.api:
        # Written for the endpoint's main API, in that API's words.
        parameters = replace(parameters, body={})
    fields = with_turns(request.fields, request.api, parameters)
    body = translation(request.api, way.api).request(fields)
    body = with_fields(body, way.api, parameters, asking.endpoint.max_tokens_name)
    return client_json({**body, **usage, "model": asking.upstream_model})


def _has_thoughts(way: Way) -> bool:
    return way.api in ("messages", "responses")


def _adds_nothing(way: Way) -> bool:
    parameters = way.asking.parameters
    return way.api == "embeddings" or parameters is AS_IT_IS or parameters == AS_IT_IS


def _usage_field(request: Request, way: Way) -> dict[str, Any]:
    """Have the tokens told at the end of a stream, for the bill."""
    if not (request.stream and way.api in _WITH_USAGE and way.asking.endpoint.stream_usage):
        return {}
    options = request.fields.get("stream_options")
    given = options if isinstance(options, dict) else {}
    return {"stream_options": {**given, "include_usage": True}}


def _renamed(fields: Mapping[str, Any], endpoint: Endpoint, api: str) -> dict[str, Any]:
    """The most tokens of an answer under the name that the endpoint knows, if it is another one."""
    name = endpoint.max_tokens_name
    # The usual name may only mean that nobody said: such an endpoint gets what the client wrote.
    if api != "chat" or name == "max_tokens":
        return {}
    said = [key for key in _LIMITS if key != name and fields.get(key) is not None]
    return {**dict.fromkeys(said, msgspec.UNSET), name: fields[said[0]]} if said else {}

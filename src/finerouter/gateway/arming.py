"""A pool entry's way of asking, put into a client's body.

Takes a client's body and a pool entry's parameters; gives the body with them in it. Turns are put
in before a translation, in the client's API; the other fields after it, in the endpoint's. What the
client set stands; what it left unset is filled: the entry is one way of asking a model, and that is
the way whose quality the router knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finerouter.asking import Parameters
from finerouter.upstream.apis import DEFAULT_MAX_TOKENS

Json = dict[str, Any]
_TURNS = {"chat": "messages", "messages": "messages", "responses": "input"}
_STOP = {"chat": "stop", "completions": "stop", "messages": "stop_sequences"}
_SEEDED = ("chat", "completions")
_LIMIT = {"messages": "max_tokens", "responses": "max_output_tokens"}
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_SYSTEM = ("system", "developer")
_TEXTS = ("text", "input_text")


def with_turns(fields: Mapping[str, Any], api: str, parameters: Parameters) -> Json:
    """The entry's system prompt, examples and template, in the client's API.

    The system prompt comes before the client's, examples before the first turn, and the template
    around the last text of the user.
    """
    body = dict(fields)
    name = _TURNS[api]
    turns = body.get(name)
    if isinstance(turns, str):
        turns = [{"role": "user", "content": turns}]
    if not isinstance(turns, list):
        return body
    if parameters.template:
        body[name] = turns = _templated(turns, parameters)
    if parameters.examples:
        first = _first_turn(turns)
        body[name] = [*turns[:first], *_examples(parameters), *turns[first:]]
    if parameters.system:
        _put_system(body, api, parameters.system)
    return body


def with_fields(
    body: Mapping[str, Any], api: str, parameters: Parameters, max_tokens_name: str = "max_tokens"
) -> Json:
    """What the body leaves unset of the entry's other parameters, in the endpoint's API."""
    filled = dict(body)
    _fill_limit(filled, api, parameters, max_tokens_name)
    for name in ("temperature", "top_p"):
        _fill(filled, name, getattr(parameters, name))
    if api in _SEEDED:
        _fill(filled, "seed", parameters.seed)
    if api in _STOP:
        _fill(filled, _STOP[api], list(parameters.stop) or None)
    _fill_effort(filled, api, parameters.reasoning_effort)
    if api == "messages" and parameters.thinking_budget and _may_think(body, parameters):
        budget = parameters.thinking_budget
        _fill(filled, "thinking", {"type": "enabled", "budget_tokens": budget})
    for name, value in parameters.body.items():
        _fill(filled, name, value)
    return filled


def _fill(body: Json, name: str, value: Any) -> None:
    if value is not None and body.get(name) is None:
        body[name] = value


def _fill_limit(body: Json, api: str, parameters: Parameters, name: str) -> None:
    # The endpoint's own name for it is that of its chat API.
    name = _LIMIT.get(api, name)
    said = next((key for key in (name, *_LIMITS) if body.get(key) is not None), None)
    if said is None:
        default = DEFAULT_MAX_TOKENS + (parameters.thinking_budget or 0)
        _fill(body, name, parameters.max_tokens or (default if api == "messages" else None))
    elif said != name and name != "max_tokens":
        # The endpoint said what it calls it; its usual name may only mean that nobody said.
        body[name] = body.pop(said)


def _fill_effort(body: Json, api: str, effort: str | None) -> None:
    if effort is None or api == "completions":
        return
    if api == "chat":
        _fill(body, "reasoning_effort", effort)
        return
    holder = "output_config" if api == "messages" else "reasoning"
    said = body.get(holder) or {}
    if isinstance(said, dict) and said.get("effort") is None:
        body[holder] = {**said, "effort": effort}


def _may_think(body: Mapping[str, Any], parameters: Parameters) -> bool:
    """Whether the API takes a thinking budget beside what the client itself asks for."""
    limit, temperature = body.get("max_tokens"), body.get("temperature")
    room = not isinstance(limit, int) or limit > (parameters.thinking_budget or 0)
    choice = body.get("tool_choice")
    forced = isinstance(choice, dict) and choice.get("type") in ("any", "tool")
    return room and temperature in (None, 1) and not forced and not _amid_tools(body)


def _amid_tools(body: Mapping[str, Any]) -> bool:
    """Whether tools' results come last: their calls would have to begin with a thought."""
    turns = body.get("messages")
    content = turns[-1].get("content") if isinstance(turns, list) and turns else None
    blocks = content if isinstance(content, list) else []
    return any(isinstance(block, dict) and block.get("type") == "tool_result" for block in blocks)


def _put_system(body: Json, api: str, system: str) -> None:
    if api == "responses":
        body["instructions"] = _before(system, body.get("instructions"))
    elif api == "messages":
        body["system"] = _before(system, body.get("system"))
    else:
        turns = body["messages"]
        first = turns[0] if turns and _role(turns[0]) in _SYSTEM else None
        # Many chat templates take one system prompt only.
        content = _before(system, first.get("content") if first else None)
        rest = turns[1:] if first else turns
        body["messages"] = [{**(first or {"role": "system"}), "content": content}, *rest]


def _before(system: str, said: Any) -> Any:
    if isinstance(said, list):
        return [{"type": "text", "text": system}, *said]
    return f"{system}\n\n{said}" if said else system


def _examples(parameters: Parameters) -> list[Json]:
    turns: list[Json] = []
    for text, reply in parameters.examples:
        turns += (
            {"role": "user", "content": parameters.filled(text)},
            {"role": "assistant", "content": reply},
        )
    return turns


def _first_turn(turns: list[Any]) -> int:
    return next((n for n, turn in enumerate(turns) if _role(turn) not in _SYSTEM), len(turns))


def _templated(turns: list[Any], parameters: Parameters) -> list[Any]:
    for number in range(len(turns) - 1, -1, -1):
        turn = turns[number]
        if _role(turn) == "user" and (content := _filled(turn.get("content"), parameters)):
            return [*turns[:number], {**turn, "content": content}, *turns[number + 1 :]]
    return turns


def _filled(content: Any, parameters: Parameters) -> Any:
    """The content with the template around its last text; None where it has none."""
    if isinstance(content, str):
        return parameters.filled(content)
    parts = content if isinstance(content, list) else []
    for number in range(len(parts) - 1, -1, -1):
        part = parts[number]
        if (
            isinstance(part, dict)
            and part.get("type") in _TEXTS
            and isinstance(part.get("text"), str)
        ):
            text = {**part, "text": parameters.filled(part["text"])}
            return [*parts[:number], text, *parts[number + 1 :]]
    return None


def _role(turn: Any) -> Any:
    return turn.get("role") if isinstance(turn, dict) else None

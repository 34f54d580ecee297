"""A chat request read into the neutral form, and written from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finerouter.gateway.translating.careful import Body, Notes, table, word
from finerouter.gateway.translating.contents import parts_of
from finerouter.gateway.translating.neutral import (
    Ask,
    Call,
    Choice,
    Form,
    Image,
    Part,
    Result,
    Text,
    Tool,
    Turn,
    merged,
    texts,
)
from finerouter.gateway.translating.protocol import Json

# Of these four the first is a best effort, the others change what is said.
_SAMPLING = ("seed", "frequency_penalty", "presence_penalty", "logit_bias")
_READ = frozenset(
    (
        *("model", "messages", "tools", "tool_choice", "parallel_tool_calls", "max_tokens"),
        *("max_completion_tokens", "temperature", "top_p", "stop", "reasoning_effort", "user"),
        *("verbosity", "response_format", "safety_identifier", "stream", *_SAMPLING),
    )
)
_HARMLESS = frozenset(
    (
        *("stream_options", "metadata", "service_tier", "prompt_cache_key", "prediction"),
        *("prompt_cache_options", "prompt_cache_retention"),
    )
)
_ONLY = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "store": (False,),
    "modalities": (["text"],),
    "functions": ([],),
}
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_NAME_CHARS = 64


def read(fields: Mapping[str, Any], notes: Notes) -> Ask:
    """What a chat body asks; notes say what of it would be lost."""
    body = Body(fields, notes)
    body.leave(_READ, _HARMLESS, _ONLY, "chat")
    limit = body.whole("max_completion_tokens")
    return Ask(
        turns=tuple(_turn(turn, notes) for turn in body.items("messages")),
        tools=tuple(_tool(tool, notes) for tool in body.items("tools")),
        choice=_choice(fields.get("tool_choice"), notes),
        parallel=body.flag("parallel_tool_calls"),
        max_tokens=body.whole("max_tokens") if limit is None else limit,
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        stop=body.stops("stop"),
        effort=body.text("reasoning_effort"),
        verbosity=body.text("verbosity"),
        form=_form(body.table("response_format"), notes),
        user=body.text("safety_identifier") or body.text("user"),
        stream=bool(body.flag("stream")),
        sampling={name: fields[name] for name in _SAMPLING if fields.get(name) is not None},
    )


def _turn(message: Any, notes: Notes) -> Turn:
    turn = table(message, "a message", notes)
    role, content = word(turn, "role"), turn.get("content")
    parts = parts_of(content, _part, notes)
    if role == "tool":
        return Turn("user", (Result(word(turn, "tool_call_id"), _shown(parts)),))
    if role not in _ROLES:
        notes.append(f"a message's role {role!r} is known to chat endpoints only")
        return Turn("user", ())
    if role == "assistant":
        parts += _said(turn, notes)
    return Turn(_ROLES[role], parts)


def _said(turn: Mapping[str, Any], notes: Notes) -> tuple[Part, ...]:
    """What an assistant's message holds beside its content."""
    for name in ("function_call", "audio"):
        if turn.get(name) is not None:
            notes.append(f"{name} in a message is known to chat endpoints only")
    refusal = word(turn, "refusal")
    calls = Body(turn, notes).items("tool_calls")
    return (*((Text(refusal),) if refusal else ()), *(_call(call, notes) for call in calls))


def _call(record: Any, notes: Notes) -> Call:
    call = table(record, "a tool call", notes)
    if call.get("type", "function") != "function":
        notes.append(f"a tool call of type {call['type']!r} is known to chat endpoints only")
    function = table(call.get("function", {}), "a tool call's function", notes)
    return Call(word(call, "id"), word(function, "name"), word(function, "arguments"))


def _part(part: Mapping[str, Any], notes: Notes) -> Part | None:
    kind = part.get("type")
    if kind in ("text", "refusal"):
        return Text(word(part, kind))
    if kind == "image_url":
        return Image(word(table(part.get("image_url"), "image_url", notes), "url"))
    notes.append(f"a part of type {kind!r} in a message is known to chat endpoints only")
    return None


def _shown(parts: tuple[Part, ...]) -> tuple[Text | Image, ...]:
    return tuple(part for part in parts if isinstance(part, Text | Image))


def _tool(record: Any, notes: Notes) -> Tool:
    tool = table(record, "a tool", notes)
    if tool.get("type") != "function":
        notes.append(f"a tool of type {tool.get('type')!r} is known to chat endpoints only")
        return Tool("", "", {})
    function = table(tool.get("function"), "a tool's function", notes)
    schema = Body(function, notes).table("parameters") or {"type": "object", "properties": {}}
    strict = function.get("strict") is True
    return Tool(word(function, "name"), word(function, "description"), schema, strict)


def _choice(value: Any, notes: Notes) -> Choice | None:
    if value is None:
        return None
    if value in ("auto", "none", "required"):
        return Choice("any" if value == "required" else value)
    if isinstance(value, Mapping) and value.get("type") == "function":
        return Choice("tool", word(table(value.get("function"), "tool_choice", notes), "name"))
    notes.append("this tool_choice is known to chat endpoints only")
    return None


def _form(record: Mapping[str, Any], notes: Notes) -> Form | None:
    kind = record.get("type", "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return Form()
    if kind != "json_schema":
        notes.append(f"response_format of type {kind!r} is known to chat endpoints only")
        return None
    inner = table(record.get("json_schema"), "json_schema", notes)
    return Form(
        schema=Body(inner, notes).table("schema"),
        name=word(inner, "name") or "answer",
        description=word(inner, "description"),
        strict=inner.get("strict") is True,
    )


def refusals(ask: Ask) -> list[str]:
    """What a chat endpoint cannot be asked."""
    notes = []
    results = [part for turn in ask.turns for part in turn.parts if isinstance(part, Result)]
    if any(isinstance(part, Image) for result in results for part in result.parts):
        notes.append("chat endpoints take no images in a tool's result")
    said = [part for turn in ask.turns if turn.role != "user" for part in turn.parts]
    if any(isinstance(part, Image) for part in said):
        notes.append("chat endpoints take images from the user only")
    if any(len(tool.name) > _NAME_CHARS for tool in ask.tools):
        notes.append(f"chat endpoints take tools' names of {_NAME_CHARS} characters at most")
    return notes


def write(ask: Ask) -> Json:
    """The body of a chat request."""
    body: Json = {"messages": _messages(ask)}
    optional = {
        "max_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "stop": list(ask.stop) or None,
        "reasoning_effort": ask.effort,
        "verbosity": ask.verbosity,
        "response_format": _written_form(ask.form) if ask.form else None,
        "user": ask.user,
        "stream": ask.stream or None,
        **ask.sampling,
        **(_written_tools(ask) if ask.tools else {}),
    }
    return {**body, **{name: value for name, value in optional.items() if value is not None}}


def _messages(ask: Ask) -> list[Json]:
    messages: list[Json] = []
    for turn in merged(ask.turns, ("system", "assistant")):
        if turn.role == "system":
            messages.append({"role": "system", "content": "\n\n".join(texts(turn.parts))})
        elif turn.role == "assistant":
            messages.append(_assistant(turn))
        else:
            messages += _user(turn)
    return messages


def _assistant(turn: Turn) -> Json:
    calls = [part for part in turn.parts if isinstance(part, Call)]
    message: Json = {"role": "assistant", "content": "".join(texts(turn.parts))}
    if calls:
        message["content"] = message["content"] or None
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments or "{}"},
            }
            for call in calls
        ]
    return message


def _user(turn: Turn) -> list[Json]:
    """Results first: they have to follow the calls at once."""
    results = [part for part in turn.parts if isinstance(part, Result)]
    others = [part for part in turn.parts if isinstance(part, Text | Image)]
    messages: list[Json] = [
        {"role": "tool", "tool_call_id": result.call_id, "content": _result_text(result)}
        for result in results
    ]
    if others or not results:
        messages.append({"role": "user", "content": _content(others)})
    return messages


def _result_text(result: Result) -> str:
    text = "\n".join(texts(result.parts))
    # There is no flag for it, and the model has to know.
    said = not result.failed or text.lower().startswith("error")
    return text if said else f"Error: {text}" if text else "Error"


def _content(parts: list[Text | Image]) -> str | list[Json]:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image_url", "image_url": {"url": part.url}}
        for part in parts
    ]


def _written_tools(ask: Ask) -> Json:
    choice = ask.choice
    return {
        "tools": [_written_tool(tool) for tool in ask.tools],
        "tool_choice": _written_choice(choice) if choice else None,
        "parallel_tool_calls": ask.parallel,
    }


def _written_tool(tool: Tool) -> Json:
    function: Json = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _written_choice(choice: Choice) -> str | Json:
    if choice.kind == "tool":
        return {"type": "function", "function": {"name": choice.name}}
    return "required" if choice.kind == "any" else choice.kind


def _written_form(form: Form) -> Json:
    if form.schema is None:
        return {"type": "json_object"}
    inner: Json = {"name": form.name, "schema": form.schema}
    if form.description:
        inner["description"] = form.description
    if form.strict:
        inner["strict"] = True
    return {"type": "json_schema", "json_schema": inner}

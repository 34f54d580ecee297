"""A messages request read into the neutral form, and written from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from finerouter.gateway.client_json import client_json
from finerouter.gateway.translating.careful import Body, Notes, table, word
from finerouter.gateway.translating.contents import parts_of
from finerouter.gateway.translating.messages.schema import closed, open_objects
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
)
from finerouter.gateway.translating.protocol import Json

_READ = frozenset(
    (
        *("model", "messages", "system", "max_tokens", "stop_sequences", "temperature", "top_p"),
        *("tools", "tool_choice", "metadata", "stream", "output_config", "context_management"),
    )
)
# How its model thinks is the pool entry's affair, so `thinking` is not asked of others.
_HARMLESS = frozenset(
    ("cache_control", "diagnostics", "service_tier", "speed", "thinking", "workspace_id")
)
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_DATA_URL = re.compile(r"data:([\w/+.-]+);base64,")
_BAD_ID = re.compile(r"[^a-zA-Z0-9_-]")
_BAD_NAME = re.compile(r"[^a-zA-Z0-9_-]|^$")
_HIGHEST_TEMPERATURE = 1.0


def read(fields: Mapping[str, Any], notes: Notes) -> Ask:
    """What a messages body asks; notes say what of it would be lost."""
    body = Body(fields, notes)
    body.leave(_READ, _HARMLESS, {}, "messages")
    output, choice = body.table("output_config"), body.table("tool_choice")
    Body(output, notes).leave(("effort", "format"), (), {}, "messages")
    _context_management(body.table("context_management"), notes)
    system = parts_of(fields.get("system"), _part, notes)
    turns = tuple(_turn(turn, notes) for turn in body.items("messages"))
    return Ask(
        turns=((Turn("system", system),) if system else ()) + turns,
        tools=tuple(_tool(tool, notes) for tool in body.items("tools")),
        choice=_choice(choice, notes),
        parallel=False if choice.get("disable_parallel_tool_use") is True else None,
        max_tokens=body.whole("max_tokens"),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        stop=body.stops("stop_sequences"),
        effort=Body(output, notes).text("effort"),
        form=_form(Body(output, notes).table("format"), notes),
        user=word(body.table("metadata"), "user_id") or None,
        stream=bool(body.flag("stream")),
    )


def _context_management(record: Mapping[str, Any], notes: Notes) -> None:
    # Thoughts of the history are not sent on in any case.
    Body(record, notes).leave(("edits",), (), {}, "messages")
    edits = Body(record, notes).items("edits")
    kinds = [word(table(edit, "an edit of context_management", notes), "type") for edit in edits]
    if any(not kind.startswith("clear_thinking") for kind in kinds):
        notes.append("context_management is known to messages endpoints only")


def _turn(record: Any, notes: Notes) -> Turn:
    turn = table(record, "a message", notes)
    role = word(turn, "role")
    if role not in ("user", "assistant", "system"):
        notes.append(f"a message's role {role!r} is known to messages endpoints only")
        role = "user"
    return Turn(role, parts_of(turn.get("content"), _part, notes))


def _part(block: Mapping[str, Any], notes: Notes) -> Part | None:
    kind = block.get("type")
    if kind == "text":
        return Text(word(block, "text"))
    if kind == "image":
        return _image(block, notes)
    if kind == "tool_use":
        return _call(block, notes)
    if kind == "tool_result":
        shown = parts_of(block.get("content"), _part, notes)
        parts = tuple(part for part in shown if isinstance(part, Text | Image))
        return Result(word(block, "tool_use_id"), parts, block.get("is_error") is True)
    if kind not in ("thinking", "redacted_thinking"):
        notes.append(f"a block of type {kind!r} is known to messages endpoints only")
    return None


def _image(block: Mapping[str, Any], notes: Notes) -> Image:
    source = table(block.get("source"), "an image's source", notes)
    if block.get("transformations"):
        notes.append("an image's transformations are known to messages endpoints only")
    if source.get("type") == "url":
        return Image(word(source, "url"))
    if source.get("type") != "base64":
        notes.append(f"an image from a {source.get('type')!r} is known to messages endpoints only")
    return Image(f"data:{word(source, 'media_type')};base64,{word(source, 'data')}")


def _call(block: Mapping[str, Any], notes: Notes) -> Call:
    if block.get("toolset_name") is not None:
        notes.append("a call of a toolset is known to messages endpoints only")
    given = Body(block, notes).table("input")
    return Call(word(block, "id"), word(block, "name"), client_json(given).decode())


def _tool(record: Any, notes: Notes) -> Tool:
    tool = table(record, "a tool", notes)
    if tool.get("type") not in (None, "custom"):
        notes.append(f"the built-in tool {tool['type']!r} is known to messages endpoints only")
        return Tool("", "", {})
    if tool.get("defer_loading") or tool.get("allowed_callers") not in (None, ["direct"]):
        notes.append("tools that are not always there are known to messages endpoints only")
    schema = Body(tool, notes).table("input_schema")
    if examples := Body(tool, notes).items("input_examples"):
        schema = {**schema, "examples": examples}
    strict = tool.get("strict") is True
    return Tool(word(tool, "name"), word(tool, "description"), schema, strict)


def _choice(record: Mapping[str, Any], notes: Notes) -> Choice | None:
    if not record:
        return None
    kind = word(record, "type")
    if kind not in ("auto", "any", "none", "tool"):
        notes.append(f"tool_choice of type {kind!r} is known to messages endpoints only")
    return Choice(kind, word(record, "name"))


def _form(record: Mapping[str, Any], notes: Notes) -> Form | None:
    if not record:
        return None
    if record.get("type") != "json_schema":
        notes.append(f"a format of type {record.get('type')!r} is known to messages endpoints only")
    return Form(schema=Body(record, notes).table("schema"), strict=True)


def refusals(ask: Ask) -> list[str]:
    """What a messages endpoint cannot be asked."""
    notes = [
        f"{name} is nothing that messages endpoints know"
        for name in ("frequency_penalty", "presence_penalty", "logit_bias")
        if ask.sampling.get(name)
    ]
    if ask.verbosity not in (None, "medium"):
        notes.append("verbosity is nothing that messages endpoints know")
    if ask.effort not in (None, "none", "minimal", *_EFFORTS):
        notes.append(f"messages endpoints know no reasoning effort {ask.effort!r}")
    if any(_BAD_NAME.search(tool.name) for tool in ask.tools):
        notes.append("messages endpoints take tools' names of letters, digits, - and _ only")
    return notes + _form_refusals(ask.form) + _turn_refusals(ask)


def _form_refusals(form: Form | None) -> list[str]:
    if form is None:
        return []
    if form.schema is None:
        return ["messages endpoints promise JSON only if they are given a schema"]
    if open_objects(form.schema):
        return ["messages endpoints take no schema whose objects may hold further properties"]
    return []


def _turn_refusals(ask: Ask) -> list[str]:
    notes = []
    for turn in ask.turns:
        for part in turn.parts:
            if isinstance(part, Call) and _input(part.arguments) is None:
                notes.append(f"the arguments of a call of {part.name!r} are no JSON object")
            if isinstance(part, Image) and turn.role != "user":
                notes.append("messages endpoints take images from the user only")
            if isinstance(part, Image):
                notes += _image_refusals(part)
            if isinstance(part, Result):
                for inner in part.parts:
                    notes += _image_refusals(inner) if isinstance(inner, Image) else []
    if not _ends_with_user(ask):
        notes.append("the user's last message is empty, which messages endpoints refuse")
    return notes


def _image_refusals(image: Image) -> list[str]:
    if image.url.startswith(("https://", "http://")):
        return []
    found = _DATA_URL.match(image.url)
    if found and found[1] in _IMAGE_TYPES:
        return []
    kind = found[1] if found else image.url[:16]
    return [f"messages endpoints take images of {', '.join(_IMAGE_TYPES)} only, not {kind!r}"]


def _ends_with_user(ask: Ask) -> bool:
    turns = _spoken(ask)
    return bool(turns) and turns[-1].role == "user"


def write(ask: Ask) -> Json:
    """The body of a messages request; `max_tokens` is left to whoever knows the pool entry."""
    system = [
        {"type": "text", "text": part.text}
        for turn in ask.turns
        for part in turn.parts
        if turn.role == "system" and isinstance(part, Text) and not _blank(part)
    ]
    optional = {
        "system": system[0]["text"] if len(system) == 1 else system or None,
        "max_tokens": ask.max_tokens,
        # As Anthropic's own compatible endpoint does with temperatures of OpenAI's range.
        "temperature": _lowered(ask.temperature),
        "top_p": ask.top_p,
        "stop_sequences": [stop for stop in ask.stop if stop.strip()] or None,
        "metadata": {"user_id": ask.user} if ask.user else None,
        "thinking": {"type": "disabled"} if ask.effort == "none" else None,
        "output_config": _output_config(ask),
        "stream": ask.stream or None,
        **(_written_tools(ask) if ask.tools else {}),
    }
    body: Json = {"messages": _messages(ask)}
    return {**body, **{name: value for name, value in optional.items() if value is not None}}


def _lowered(temperature: float | None) -> float | None:
    return None if temperature is None else min(temperature, _HIGHEST_TEMPERATURE)


def _output_config(ask: Ask) -> Json | None:
    config: Json = {}
    if ask.effort and ask.effort != "none":
        config["effort"] = "low" if ask.effort == "minimal" else ask.effort
    if ask.form and ask.form.schema is not None:
        config["format"] = {"type": "json_schema", "schema": closed(ask.form.schema)}
    return config or None


def _messages(ask: Ask) -> list[Json]:
    messages = []
    for turn in _spoken(ask):
        blocks = _blocks(turn)
        only = blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else None
        messages.append({"role": turn.role, "content": only or blocks})
    return messages


def _spoken(ask: Ask) -> list[Turn]:
    """Turns that say something, those of one side next to each other made one."""
    said = (
        turn for turn in ask.turns if turn.role != "system" and not all(map(_blank, turn.parts))
    )
    return merged(tuple(said), ("user", "assistant"))


def _blank(part: Part) -> bool:
    """Whether it is a text of nothing but spaces, which the API refuses."""
    return isinstance(part, Text) and not part.text.strip()


def _blocks(turn: Turn) -> list[Json]:
    """Results first, as the API wants them."""
    said = [part for part in turn.parts if not _blank(part)]
    results = [_block(part) for part in said if isinstance(part, Result)]
    return results + [_block(part) for part in said if not isinstance(part, Result)]


def _block(part: Part) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "image", "source": _source(part.url)}
    if isinstance(part, Call):
        given = _input(part.arguments) or {}
        return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": given}
    return _result(part)


def _result(result: Result) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": _id(result.call_id)}
    shown = [part for part in result.parts if not _blank(part)]
    if shown:
        only = shown[0].text if len(shown) == 1 and isinstance(shown[0], Text) else None
        block["content"] = only or [_block(part) for part in shown]
    if result.failed:
        block["is_error"] = True
    return block


def _source(url: str) -> Json:
    if found := _DATA_URL.match(url):
        return {"type": "base64", "media_type": found[1], "data": url[found.end() :]}
    return {"type": "url", "url": url}


def _id(text: str) -> str:
    """Some servers give calls ids that this API refuses; call and result stay a pair."""
    return _BAD_ID.sub("_", text) or "call"


def _input(arguments: str) -> Json | None:
    """The arguments as an object, None where they are none."""
    try:
        value = msgspec.json.decode(arguments) if arguments.strip() else {}
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return value if isinstance(value, dict) else None


def _written_tools(ask: Ask) -> Json:
    return {"tools": [_written_tool(tool) for tool in ask.tools], "tool_choice": _written(ask)}


def _written_tool(tool: Tool) -> Json:
    written: Json = {"name": tool.name, "input_schema": tool.schema}
    if tool.description:
        written["description"] = tool.description
    if tool.strict:
        written.update(strict=True, input_schema=closed(tool.schema))
    return written


def _written(ask: Ask) -> Json | None:
    choice = ask.choice or (Choice("auto") if ask.parallel is False else None)
    if choice is None:
        return None
    written: Json = {"type": choice.kind}
    if choice.kind == "tool":
        written["name"] = choice.name
    if ask.parallel is False and choice.kind != "none":
        written["disable_parallel_tool_use"] = True
    return written

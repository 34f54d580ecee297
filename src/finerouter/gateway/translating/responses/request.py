"""A responses request read into the neutral form, and written from it."""

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
    texts,
)
from finerouter.gateway.translating.protocol import Json

_READ = frozenset(
    (
        *("model", "input", "instructions", "max_output_tokens", "temperature", "top_p", "tools"),
        *("tool_choice", "parallel_tool_calls", "reasoning", "text", "user", "safety_identifier"),
        *("stream", "include"),
    )
)
_HARMLESS = frozenset(
    (
        *("metadata", "service_tier", "stream_options", "truncation", "max_tool_calls"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
        "background_options",
    )
)
_ONLY = {
    "store": (False,),
    "background": (False,),
    "top_logprobs": (0,),
    "context_management": ([],),
}
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}


def read(fields: Mapping[str, Any], notes: Notes) -> Ask:
    """What a responses body asks; notes say what of it would be lost."""
    body = Body(fields, notes)
    body.leave(_READ, _HARMLESS, _ONLY, "responses")
    if any("logprobs" in str(item) for item in body.items("include")):
        notes.append("log probabilities are known to responses endpoints only")
    reasoning, text = Body(body.table("reasoning"), notes), Body(body.table("text"), notes)
    reasoning.leave(
        ("effort",),
        ("summary", "generate_summary", "context"),
        {"mode": ("standard",)},
        "responses",
    )
    text.leave(("format", "verbosity"), (), {}, "responses")
    return Ask(
        turns=_turns(body, notes),
        tools=tuple(_tool(tool, notes) for tool in body.items("tools")),
        choice=_choice(fields.get("tool_choice"), notes),
        parallel=body.flag("parallel_tool_calls"),
        max_tokens=body.whole("max_output_tokens"),
        temperature=body.number("temperature"),
        top_p=body.number("top_p"),
        effort=reasoning.text("effort"),
        verbosity=text.text("verbosity"),
        form=_form(text.table("format"), notes),
        user=body.text("safety_identifier") or body.text("user"),
        stream=bool(body.flag("stream")),
    )


def _turns(body: Body, notes: Notes) -> tuple[Turn, ...]:
    said, instructions = body.fields.get("input"), body.text("instructions")
    first = (Turn("system", (Text(instructions),)),) if instructions else ()
    if isinstance(said, str):
        return (*first, Turn("user", (Text(said),)))
    turns = (_item(table(item, "an item of input", notes), notes) for item in body.items("input"))
    return first + tuple(turn for turn in turns if turn is not None)


def _item(item: Mapping[str, Any], notes: Notes) -> Turn | None:
    kind = item.get("type", "message")
    if item.get("namespace") is not None or item.get("async"):
        notes.append("calls with a namespace or in the background stay with responses endpoints")
    if kind == "message" and word(item, "role") in _ROLES:
        return Turn(_ROLES[item["role"]], parts_of(item.get("content"), _part, notes))
    if kind == "function_call":
        call = Call(word(item, "call_id"), word(item, "name"), word(item, "arguments"))
        return Turn("assistant", (call,))
    if kind == "function_call_output":
        shown = parts_of(item.get("output"), _part, notes)
        parts = tuple(part for part in shown if isinstance(part, Text | Image))
        return Turn("user", (Result(word(item, "call_id"), parts),))
    # Thoughts are not sent to another model, encrypted or not.
    if kind != "reasoning":
        notes.append(f"an item of type {kind!r} is known to responses endpoints only")
    return None


def _part(part: Mapping[str, Any], notes: Notes) -> Part | None:
    kind = part.get("type")
    if isinstance(kind, str) and kind in _TEXTS:
        return Text(word(part, _TEXTS[kind]))
    if kind == "input_image" and word(part, "image_url"):
        return Image(word(part, "image_url"))
    notes.append(f"a part of type {kind!r} in a message is known to responses endpoints only")
    return None


def _tool(record: Any, notes: Notes) -> Tool:
    tool = table(record, "a tool", notes)
    if tool.get("type") != "function":
        notes.append(f"the tool {tool.get('type')!r} is known to responses endpoints only")
        return Tool("", "", {})
    if tool.get("defer_loading") or tool.get("async"):
        notes.append("tools that are not always there are known to responses endpoints only")
    schema = Body(tool, notes).table("parameters") or {"type": "object", "properties": {}}
    strict = tool.get("strict") is True
    return Tool(word(tool, "name"), word(tool, "description"), schema, strict)


def _choice(value: Any, notes: Notes) -> Choice | None:
    if value is None:
        return None
    if value in ("auto", "none", "required"):
        return Choice("any" if value == "required" else value)
    if isinstance(value, Mapping) and value.get("type") == "function":
        return Choice("tool", word(value, "name"))
    notes.append("this tool_choice is known to responses endpoints only")
    return None


def _form(record: Mapping[str, Any], notes: Notes) -> Form | None:
    kind = record.get("type", "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return Form()
    if kind != "json_schema":
        notes.append(f"a text format of type {kind!r} is known to responses endpoints only")
        return None
    return Form(
        schema=Body(record, notes).table("schema"),
        name=word(record, "name") or "answer",
        description=word(record, "description"),
        strict=record.get("strict") is True,
    )


def refusals(ask: Ask) -> list[str]:
    """What a responses endpoint cannot be asked."""
    notes = [
        f"{name} is nothing that responses endpoints know"
        for name in ("frequency_penalty", "presence_penalty", "logit_bias")
        if ask.sampling.get(name)
    ]
    if ask.stop:
        notes.append("responses endpoints know no stop sequences")
    return notes


def write(ask: Ask) -> Json:
    """The body of a responses request; nothing is stored at the provider."""
    body: Json = {"input": _written_input(ask), "store": False}
    text: Json = {"verbosity": ask.verbosity} if ask.verbosity else {}
    if ask.form:
        text["format"] = _written_form(ask.form)
    optional = {
        "max_output_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "reasoning": {"effort": ask.effort} if ask.effort else None,
        "text": text or None,
        "safety_identifier": ask.user,
        "stream": ask.stream or None,
        **(_written_tools(ask) if ask.tools else {}),
    }
    return {**body, **{name: value for name, value in optional.items() if value is not None}}


def _written_input(ask: Ask) -> list[Json]:
    return [item for turn in ask.turns for item in _items(turn)]


def _items(turn: Turn) -> list[Json]:
    """Results first, then what is said, then calls: the order in which they can follow."""
    results = [_output(part) for part in turn.parts if isinstance(part, Result)]
    calls = [_written_call(part) for part in turn.parts if isinstance(part, Call)]
    said = [part for part in turn.parts if isinstance(part, Text | Image)]
    message = [_message(turn.role, said)] if said else []
    return [*results, *message, *calls]


def _message(role: str, said: list[Text | Image]) -> Json:
    if role == "user":
        return {"role": "user", "content": [_written_part(part) for part in said]}
    between = "\n\n" if role == "system" else ""
    return {"role": role, "content": between.join(texts(tuple(said)))}


def _written_part(part: Text | Image) -> Json:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    return {"type": "input_image", "image_url": part.url, "detail": "auto"}


def _written_call(call: Call) -> Json:
    return {
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments or "{}",
    }


def _output(result: Result) -> Json:
    text = "\n".join(texts(result.parts))
    if result.failed and not text.lower().startswith("error"):
        # There is no flag for it, and the model has to know.
        text = f"Error: {text}" if text else "Error"
    images = [_written_part(part) for part in result.parts if isinstance(part, Image)]
    output = [_written_part(Text(text)), *images] if images else text
    return {"type": "function_call_output", "call_id": result.call_id, "output": output}


def _written_tools(ask: Ask) -> Json:
    choice = ask.choice
    written: Any = choice.kind if choice else None
    if choice and choice.kind == "tool":
        written = {"type": "function", "name": choice.name}
    return {
        "tools": [_written_tool(tool) for tool in ask.tools],
        "tool_choice": "required" if written == "any" else written,
        "parallel_tool_calls": ask.parallel,
    }


def _written_tool(tool: Tool) -> Json:
    written: Json = {"type": "function", "name": tool.name, "parameters": tool.schema}
    if tool.description:
        written["description"] = tool.description
    return {**written, "strict": tool.strict}


def _written_form(form: Form) -> Json:
    if form.schema is None:
        return {"type": "json_object"}
    written: Json = {"type": "json_schema", "name": form.name, "schema": form.schema}
    if form.description:
        written["description"] = form.description
    return {**written, "strict": form.strict}

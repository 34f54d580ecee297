"""A responses stream written from blocks: every event that the client libraries wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from finerouter.gateway.api_errors import error_event
from finerouter.gateway.sse import Event, encode
from finerouter.gateway.translating.neutral import OUR_REASONING, Call, Refusal, Text, new_id
from finerouter.gateway.translating.pieces import CALL, REFUSAL, THOUGHT
from finerouter.gateway.translating.protocol import Json
from finerouter.gateway.translating.responses.answer import (
    begun,
    call_item,
    content_part,
    finished,
    message_item,
    thought_item,
)
from finerouter.upstream.usage import Usage


class ResponsesWriter:
    """Writes events as a responses client reads them; every block is an item of the output."""

    def __init__(self, model: str, asked: Mapping[str, Any]) -> None:
        self._response = begun(model, asked)
        self._number = 0
        self._output: list[Json] = []
        self._kind = ""
        self._item_id = ""
        self._call = Call("", "", "")
        self._grown: list[str] = []

    def begin(self, usage: Usage | None) -> bytes:
        """The stream begins."""
        del usage
        created = self._event("response.created", response=self._response)
        return created + self._event("response.in_progress", response=self._response)

    def open(self, kind: str, call_id: str, name: str) -> bytes:
        """A block begins."""
        self._kind, self._grown = kind, []
        self._call = Call(call_id, name, "")
        prefix = {CALL: "fc_", THOUGHT: OUR_REASONING}.get(kind, "msg_")
        self._item_id = new_id(prefix)
        added = self._here("response.output_item.added", item=self._begun_item())
        if kind == CALL:
            return added
        if kind == THOUGHT:
            part = {"type": "summary_text", "text": ""}
            return added + self._summary("part.added", part=part)
        return added + self._content("content_part.added", part=self._part(""))

    def grow(self, text: str) -> bytes:
        """More of the open block."""
        self._grown.append(text)
        if self._kind == CALL:
            return self._here("response.function_call_arguments.delta", delta=text)
        if self._kind == THOUGHT:
            return self._summary("text.delta", delta=text)
        if self._kind == REFUSAL:
            return self._content("refusal.delta", delta=text)
        return self._content("output_text.delta", delta=text, logprobs=[])

    def close(self) -> bytes:
        """The open block is whole."""
        text = "".join(self._grown)
        item, last = self._whole(text)
        self._output.append(item)
        done = {"output_index": len(self._output) - 1, "item": item}
        return last + self._event("response.output_item.done", **done)

    def end(self, reason: str, usage: Usage | None) -> bytes:
        """The answer is whole."""
        response = finished(self._response, self._output, reason, usage)
        return self._event(f"response.{response['status']}", response=response)

    def fail(self, message: str, kind: str) -> bytes:
        """The answer breaks off."""
        return error_event("responses", message, kind, sequence_number=self._number)

    def _begun_item(self) -> Json:
        if self._kind == CALL:
            return call_item(self._item_id, self._call, "in_progress")
        if self._kind == THOUGHT:
            return thought_item(self._item_id, None)
        return message_item(self._item_id, [], "in_progress")

    def _whole(self, text: str) -> tuple[Json, bytes]:
        """The item that is done, and the events that say so of its parts."""
        if self._kind == CALL:
            call = Call(self._call.id, self._call.name, text)
            done = self._here(
                "response.function_call_arguments.done", name=call.name, arguments=text
            )
            return call_item(self._item_id, call, "completed"), done
        if self._kind == THOUGHT:
            part = {"type": "summary_text", "text": text}
            done = self._summary("text.done", text=text) + self._summary("part.done", part=part)
            return thought_item(self._item_id, text), done
        part = self._part(text)
        done = self._words_done(text) + self._content("content_part.done", part=part)
        return message_item(self._item_id, [part], "completed"), done

    def _words_done(self, text: str) -> bytes:
        if self._kind == REFUSAL:
            return self._content("refusal.done", refusal=text)
        return self._content("output_text.done", text=text, logprobs=[])

    def _part(self, text: str) -> Json:
        return content_part(Refusal(text) if self._kind == REFUSAL else Text(text))

    def _content(self, name: str, **fields: Any) -> bytes:
        return self._here(f"response.{name}", content_index=0, **fields)

    def _summary(self, name: str, **fields: Any) -> bytes:
        return self._here(f"response.reasoning_summary_{name}", summary_index=0, **fields)

    def _here(self, event: str, /, **fields: Any) -> bytes:
        """An event of the item that is open."""
        if "item" not in fields:
            fields["item_id"] = self._item_id
        return self._event(event, output_index=len(self._output), **fields)

    def _event(self, event: str, /, **fields: Any) -> bytes:
        body = {"type": event, "sequence_number": self._number, **fields}
        self._number += 1
        return encode(Event(event, msgspec.json.encode(body)))

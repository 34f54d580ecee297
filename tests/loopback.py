"""A real HTTP server on the loopback interface: stands in for endpoints, misbehaves on demand.

    with serving() as upstream:
        upstream.answer = lambda chat: "42"                      # what the models say
        upstream.faults = [Fault.status(429, retry_after="1")]   # for the next calls, in turn
        upstream.misbehave = lambda call: FAULTS["hang_up"] if call.number % 5 == 0 else None

Speaks chat completions, completions and Anthropic messages, each whole or streamed, embeddings and
the list of models. Keeps every call and counts what it would bill. Knows nothing of the client.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

DIM = 8
_HUGE_BYTES = 1 << 20


@dataclass(frozen=True)
class Reply:
    """One canned answer; a status of 0 hangs up without any."""

    status: int = 200
    body: str | bytes = "{}"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A request as it came."""

    number: int  # from 1, in the order they came
    path: str
    headers: dict[str, str]  # names in lower case
    body: dict[str, Any]
    raw: bytes

    @property
    def prompt(self) -> str:
        """The text that is asked about; "" where the body has the wrong form for one."""
        if "messages" not in self.body:
            return str(self.body.get("prompt", ""))
        try:
            content = self.body["messages"][-1]["content"]
        except (LookupError, TypeError):
            return ""
        return content if isinstance(content, str) else json.dumps(content)


@dataclass(frozen=True)
class Fault:
    """One way of misbehaving.

    `before` happens in place of an answer, `midway` after the first part of it.
    """

    kind: str
    status_code: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def status(cls, code: int, *, retry_after: str | None = None) -> Fault:
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return cls("status", code, headers)

    @classmethod
    def error_inside(cls, code: int | str) -> Fault:
        """An error in place of an answer, under status 200; of this code."""
        return cls("error_inside", headers={"code": str(code)})

    @classmethod
    def slow(cls, seconds: float) -> Fault:
        """The answer begins late."""
        return cls("slow", seconds=seconds)

    @classmethod
    def stall(cls, seconds: float) -> Fault:
        """The answer begins in time and goes on late."""
        return cls("stall", seconds=seconds)

    @classmethod
    def linger(cls, seconds: float) -> Fault:
        """All of the answer comes, its end never does: the connection breaks after a while."""
        return cls("linger", seconds=seconds)


# Every fault that needs no number; "empty" has a body of no bytes, "close" hangs up politely,
# "bare" ends after the headers, "comments" come before the first event.
FAULTS = {
    kind: Fault(kind)
    for kind in (
        "hang_up", "hang_up_midway", "garbage", "half_character", "huge", "wrong_type", "empty",
        "close", "bare", "endless_headers", "broken_error", "comments",
    )
}  # fmt: skip


@dataclass(frozen=True)
class ToolUse:
    """A call of a tool, in place of words."""

    name: str
    arguments: dict[str, Any]
    id: str = "call_1"


def embedding(text: str) -> list[float]:
    """Numbers in [-1, 1] that depend on every character."""
    return [
        byte / 127.5 - 1.0
        for byte in hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIM]
    ]


def chat_reply(content: str | None) -> Reply:
    message = {"role": "assistant", "content": content}
    return Reply(body=json.dumps({"choices": [{"index": 0, "message": message}]}))


class LoopbackUpstream:
    """The server's state; tests read and set it from their own thread.

    Attributes:
        requests: every call, in order.
        billed: calls that were worked on to their end, by (model, prompt).
        billed_tokens: what these took, as "input" and "output".
        replies: canned answers for the next calls; these come first of all.
        chat: a rule from a prompt to a canned answer, or None for the usual form of `answer`.
        answer: a rule from a call to what the model says.
        uses: a rule from a call to the tools that the model calls, in place of saying anything.
        faults: for the next calls, one each; None lets a call through.
        misbehave: a rule from a call to its fault, when `faults` is used up.
        key: the only key it takes, None for any and none.
        report_usage: whether answers tell their tokens.
        delay_s: before every answer.
        under_way, most_under_way: calls being answered now, and at most so far.
        left_alone: calls whose caller went away while they were waited for.
    """

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[Call] = []
        self.billed: Counter[tuple[str, str]] = Counter()
        self.billed_tokens: Counter[str] = Counter()
        self.replies: list[Reply] = []
        self.chat: Callable[[str], Reply] | None = None
        self.answer: Callable[[Call], str] = lambda call: f"You said: {call.prompt}"
        self.uses: Callable[[Call], list[ToolUse]] = lambda _: []
        self.faults: list[Fault | None] = []
        self.misbehave: Callable[[Call], Fault | None] = lambda _: None
        self.key: str | None = None
        self.report_usage = True
        self.delay_s = 0.0
        self.under_way = 0
        self.most_under_way = 0
        self.left_alone = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._respond(request, await self._call(request))
        finally:
            self.under_way -= 1

    async def _call(self, request: web.Request) -> Call:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = json.loads(raw or "{}")
        call = Call(len(self.requests) + 1, request.path, headers, body, raw)
        self.requests.append(call)
        return call

    async def _respond(self, request: web.Request, call: Call) -> web.StreamResponse:
        if self.replies:
            return _canned(request, self.replies.pop(0))
        fault = self.faults.pop(0) if self.faults else self.misbehave(call)
        if not self._lets_in(call):
            return _error(401, f"incorrect API key provided: {call.headers.get('authorization')}")
        late_s = fault.seconds if fault and fault.kind == "slow" else 0
        await self._pause(request, self.delay_s + late_s)
        if fault and fault.kind in _BEFORE:
            return await _BEFORE[fault.kind](request, fault)
        if request.method == "GET" and call.path == "/v1/models":
            return web.json_response({"object": "list", "data": []})
        if self.chat and "messages" in call.body:
            return _canned(request, self.chat(call.prompt))
        return await self._answer(request, call, fault)

    async def _pause(self, request: web.Request, seconds: float) -> None:
        """Sleep, but notice when the caller goes."""
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0:
            if request.transport is None or request.transport.is_closing():
                self.left_alone += 1
                raise ConnectionResetError("the caller has gone")
            await asyncio.sleep(min(left, 0.005))

    def _lets_in(self, call: Call) -> bool:
        given = call.headers.get("x-api-key") or call.headers.get("authorization", "")
        return self.key is None or given.removeprefix("Bearer ") == self.key

    async def _answer(
        self, request: web.Request, call: Call, fault: Fault | None
    ) -> web.StreamResponse:
        speak = _SPOKEN.get(call.path.removeprefix("/v1"))
        if speak is None:
            return _error(404, f"no such path: {call.path}")
        self.billed[str(call.body.get("model")), call.prompt] += 1
        pieces = speak(self, call)
        streamed = bool(call.body.get("stream"))
        kind = "text/event-stream" if streamed else "application/json"
        return await _sent(request, pieces, kind, fault, self._pause)


def _canned(request: web.Request, reply: Reply) -> web.Response:
    if reply.status == 0:
        return _hang_up(request)
    body = reply.body.encode() if isinstance(reply.body, str) else reply.body
    return web.Response(
        status=reply.status, body=body, headers={"content-type": "application/json"} | reply.headers
    )


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "loopback"}}
    return web.json_response(body, status=status, headers=headers)


def _hang_up(request: web.Request) -> web.Response:
    assert request.transport
    request.transport.abort()
    return web.Response()


async def _sent(
    request: web.Request,
    pieces: list[bytes],
    kind: str,
    fault: Fault | None,
    pause: Callable[[web.Request, float], Awaitable[None]],
) -> web.StreamResponse:
    """The pieces of an answer, spoilt as the fault says."""
    what = fault.kind if fault else ""
    pieces = _SPOILT.get(what, lambda same: same)(pieces)
    if fault and what == "error_inside":
        pieces = _error_inside(fault.headers["code"], "event" in kind)
    response = web.StreamResponse()
    response.content_type = "text/html" if what == "wrong_type" else kind
    await response.prepare(request)
    for at, piece in enumerate(pieces):
        if at == 1 and what == "stall":
            await pause(request, fault.seconds if fault else 0)
        if (what, at) in (("hang_up_midway", 1), ("bare", 0)):
            # What was written has to be on its way before the connection goes.
            await asyncio.sleep(0.01)
            return _hang_up(request)
        await response.write(piece)
    if what == "linger":
        await pause(request, fault.seconds if fault else 0)
        return _hang_up(request)
    await response.write_eof()
    return response


async def _told_status(_: web.Request, fault: Fault) -> web.StreamResponse:
    return _error(fault.status_code, "on demand", fault.headers)


async def _aborted(request: web.Request, _: Fault) -> web.StreamResponse:
    return _hang_up(request)


async def _closed(request: web.Request, _: Fault) -> web.StreamResponse:
    assert request.transport
    request.transport.close()
    return web.Response()


async def _broken_error(request: web.Request, fault: Fault) -> web.StreamResponse:
    response = web.StreamResponse(status=fault.status_code)
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b'{"error": {"message": "on dem')
    await asyncio.sleep(0.01)
    return _hang_up(request)


async def _endless_headers(request: web.Request, _: Fault) -> web.StreamResponse:
    transport = request.transport
    assert transport
    transport.write(b"HTTP/1.1 200 OK\r\n")
    while not transport.is_closing():
        transport.write(b"x-more: and more\r\n" * 100)
        await asyncio.sleep(0.001)
    return web.Response()


_BEFORE: dict[str, Callable[[web.Request, Fault], Awaitable[web.StreamResponse]]] = {
    "status": _told_status,
    "hang_up": _aborted,
    "close": _closed,
    "broken_error": _broken_error,
    "endless_headers": _endless_headers,
}


def _error_inside(code: str, streamed: bool) -> list[bytes]:
    told = json.dumps({"error": {"code": int(code) if code.isdecimal() else code, "message": "x"}})
    return [f"data: {told}\n\n".encode()] if streamed else [told.encode()]


_SPOILT: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "garbage": lambda _: [b"\x00\xff this is ", b"no JSON"],
    "half_character": lambda pieces: [*pieces[:-1], pieces[-1][:1] + "é".encode()[:1]],
    "huge": lambda pieces: [*pieces, b" " * _HUGE_BYTES],
    "wrong_type": lambda _: [b"<html><body>", b"Sign in to go on</body></html>"],
    "empty": lambda _: [],
    "comments": lambda pieces: [b": PROCESSING\n\n", b": PROCESSING\r\n\r\n", *pieces],
}


def _whole(answer: dict[str, Any]) -> list[bytes]:
    data = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")
    return [data[: len(data) // 2], data[len(data) // 2 :]]


def _tokens(text: str) -> int:
    return max(1, len(text.encode("utf-8", "surrogatepass")) // 4)


def _usage(self: LoopbackUpstream, call: Call, text: str) -> dict[str, Any] | None:
    read, said = _tokens(call.raw.decode("utf-8", "replace")), _tokens(text)
    self.billed_tokens["input"] += read
    self.billed_tokens["output"] += said
    if not self.report_usage:
        return None
    return {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said}


def _chat(self: LoopbackUpstream, call: Call) -> list[bytes]:
    uses = self.uses(call)
    text = "" if uses else self.answer(call)
    usage = _usage(self, call, text)
    head = {"id": f"chat-{call.number}", "created": 1, "model": call.body.get("model")}
    if call.body.get("stream"):
        return _chat_stream({**head, "object": "chat.completion.chunk"}, call, text, uses, usage)
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if uses:
        calls = [_chat_call(use, json.dumps(use.arguments)) for use in uses]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": _finish(uses)}
    return _whole({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _chat_stream(
    head: dict[str, Any],
    call: Call,
    text: str,
    uses: list[ToolUse],
    usage: dict[str, Any] | None,
) -> list[bytes]:
    """As OpenAI does it: the tokens in an event of their own for those who asked for them."""
    deltas: list[dict[str, Any]] = [] if uses else [{"content": word} for word in _words(text)]
    for at, use in enumerate(uses):
        deltas.append({"tool_calls": [{"index": at, **_chat_call(use, "")}]})
        pieces = [{"arguments": piece} for piece in _halves(json.dumps(use.arguments))]
        deltas += [{"tool_calls": [{"index": at, "function": piece}]} for piece in pieces]
    deltas[0] = {"role": "assistant", **deltas[0]}
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": _finish(uses)})
    events: list[dict[str, Any]] = [{**head, "choices": [choice]} for choice in choices]
    if (call.body.get("stream_options") or {}).get("include_usage"):
        events.append({**head, "choices": [], "usage": usage})
    else:
        events[-1]["usage"] = usage
    return [f"data: {json.dumps(event)}\n\n".encode() for event in events] + [b"data: [DONE]\n\n"]


def _chat_call(use: ToolUse, arguments: str) -> dict[str, Any]:
    function = {"name": use.name, "arguments": arguments}
    return {"id": use.id, "type": "function", "function": function}


def _finish(uses: list[ToolUse]) -> str:
    return "tool_calls" if uses else "stop"


def _completions(self: LoopbackUpstream, call: Call) -> list[bytes]:
    text = self.answer(call)
    usage = _usage(self, call, text)
    if call.body.get("stream"):
        choices = [{"index": 0, "text": word, "finish_reason": None} for word in _words(text)]
        choices.append({"index": 0, "text": "", "finish_reason": "stop"})
        events: list[dict[str, Any]] = [{"choices": [choice]} for choice in choices]
        events[-1]["usage"] = usage
        return [f"data: {json.dumps(e)}\n\n".encode() for e in events] + [b"data: [DONE]\n\n"]
    choice = {"index": 0, "text": text, "finish_reason": "stop"}
    return _whole({"choices": [choice], "usage": usage})


def _messages(self: LoopbackUpstream, call: Call) -> list[bytes]:
    uses = self.uses(call)
    text = "" if uses else self.answer(call)
    usage = _usage(self, call, text)
    tokens = usage and {
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
    }
    head = {
        "id": f"msg-{call.number}",
        "type": "message",
        "role": "assistant",
        "model": call.body.get("model"),
        "stop_reason": None,
        "stop_sequence": None,
        "usage": tokens,
    }
    reason = "tool_use" if uses else "end_turn"
    if call.body.get("stream"):
        return _message_events(head, text, uses, {"stop_reason": reason, "stop_sequence": None})
    content: list[dict[str, Any]] = [_tool_block(use, use.arguments) for use in uses]
    content = content or [{"type": "text", "text": text}]
    return _whole({**head, "content": content, "stop_reason": reason})


def _message_events(
    head: dict[str, Any], text: str, uses: list[ToolUse], stop: dict[str, Any]
) -> list[bytes]:
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**head, "content": []}}]
    if not uses:
        deltas = [{"type": "text_delta", "text": word} for word in _words(text)]
        events += _block_events(0, {"type": "text", "text": ""}, deltas)
    for at, use in enumerate(uses):
        pieces = _halves(json.dumps(use.arguments))
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        events += _block_events(at, _tool_block(use, {}), deltas)
    events += [
        {"type": "message_delta", "delta": stop, "usage": head["usage"]},
        {"type": "message_stop"},
    ]
    return [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]


def _block_events(
    at: int, block: dict[str, Any], deltas: list[dict[str, str]]
) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": at, "content_block": block},
        *({"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": at},
    ]


def _tool_block(use: ToolUse, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": use.id, "name": use.name, "input": arguments}


def _halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def _embeddings(_: LoopbackUpstream, call: Call) -> list[bytes]:
    given = call.body.get("input")
    texts = [str(text) for text in (given if isinstance(given, list) else [given])]
    packed = call.body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": at,
            "embedding": _packed(embedding(text)) if packed else embedding(text),
        }
        for at, text in enumerate(texts)
    ]
    read = sum(map(_tokens, texts))
    usage = {"prompt_tokens": read, "total_tokens": read}
    # Out of order on purpose: `index` says what belongs where.
    return _whole(
        {"object": "list", "data": data[::-1], "model": call.body.get("model"), "usage": usage}
    )


def _packed(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def _words(text: str) -> list[str]:
    words = text.split(" ")
    return [*(f"{word} " for word in words[:-1]), words[-1]]


_SPOKEN = {
    "/chat/completions": _chat,
    "/completions": _completions,
    "/messages": _messages,
    "/embeddings": _embeddings,
}


@contextmanager
def serving() -> Iterator[LoopbackUpstream]:
    """A server on a free port, in a thread of its own, until the context ends."""
    upstream = LoopbackUpstream()
    loop = asyncio.new_event_loop()

    async def start() -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(upstream.handle), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        upstream.port = runner.addresses[0][1]
        return runner

    async def stop(runner: web.ServerRunner) -> None:
        await runner.cleanup()
        # Answers that are late on purpose are never given.
        late = asyncio.all_tasks() - {asyncio.current_task()}
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    runner = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        asyncio.run_coroutine_threadsafe(stop(runner), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

"""A dummy endpoint of the chat API that costs next to nothing: raw ASGI, answers made beforehand.

    python -m benchmarks.gateway.upstream --port 9001 --delay-ms 0 --hold-s 0

Answers whole or in `CHUNKS` pieces, with usage where it is asked for. With `--delay-ms` a piece is
due so long after the one before; `--hold-s` is slept after the first one, which makes idle streams.
Knows nothing of who asks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from msgspec import Struct
from msgspec import json as fast_json

CHUNKS = 20
WORDS = "The answer to that is a matter of some care and so it is given here piece by piece now"
USAGE = {"prompt_tokens": 70, "completion_tokens": CHUNKS, "total_tokens": 70 + CHUNKS}

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


class Asked(Struct):
    """What matters of a request."""

    stream: bool = False
    stream_options: dict[str, Any] | None = None


def _whole() -> bytes:
    message = {"role": "assistant", "content": WORDS}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps(_object("chat.completion", [choice]) | {"usage": USAGE}).encode()


def _object(kind: str, choices: list[Any]) -> dict[str, Any]:
    head = {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": "dummy"}
    return head | {"choices": choices}


def _event(choices: list[Any], **more: Any) -> bytes:
    content = _object("chat.completion.chunk", choices) | more
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def _piece(number: int) -> bytes:
    delta = {"content": WORDS.split()[number] + " "}
    if number == 0:
        delta["role"] = "assistant"
    return _event([{"index": 0, "delta": delta, "finish_reason": None}])


ANSWER = _whole()
PIECES = [_piece(number) for number in range(CHUNKS)]
FINISH = _event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
USED = _event([], usage=USAGE)
DONE = b"data: [DONE]\n\n"
MODELS = json.dumps({"object": "list", "data": [{"id": "dummy", "object": "model"}]}).encode()
JSON_HEADERS = [(b"content-type", b"application/json")]
STREAM_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8")]


class Upstream:
    """The ASGI application."""

    def __init__(self, delay_s: float, hold_s: float) -> None:
        self._delay_s = delay_s
        self._hold_s = hold_s

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request; whatever is not POST gets the list of models."""
        body = await _read(receive)
        if scope["method"] != "POST":
            await _answer(send, MODELS)
            return
        asked = fast_json.decode(body, type=Asked)
        if not asked.stream:
            await _answer(send, ANSWER)
            return
        await self._stream(send, with_usage=bool((asked.stream_options or {}).get("include_usage")))

    async def _stream(self, send: Send, *, with_usage: bool) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        due = time.perf_counter()
        for number, piece in enumerate(PIECES):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            # To a time, not for a time: timers count whole milliseconds, and twenty roundings in
            # a row would weigh more than what is measured.
            due += self._hold_s if self._hold_s and number == 0 else self._delay_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        last = FINISH + (USED if with_usage else b"") + DONE
        await send({"type": "http.response.body", "body": last})


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, body: bytes) -> None:
    headers = [*JSON_HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--hold-s", type=float, default=0.0)
    given = parser.parse_args()
    uvicorn.run(
        Upstream(given.delay_ms / 1e3, given.hold_s),
        port=given.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        backlog=4096,
        timeout_keep_alive=600,
    )


if __name__ == "__main__":
    main()

"""A real HTTP server on the loopback interface, standing in for an OpenAI-compatible endpoint.

Takes replies to give out one after another; when they are used up, it embeds like a small model
would, and chats by a rule that a test may set. Keeps every request. Knows nothing of the client.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

DIM = 8


@dataclass(frozen=True)
class Reply:
    """One canned answer; a status of 0 hangs up without any."""

    status: int = 200
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]  # names in lower case
    body: dict[str, Any]


def embedding(text: str) -> list[float]:
    """Numbers in [-1, 1] that depend on every character."""
    return [byte / 127.5 - 1.0 for byte in hashlib.sha256(text.encode()).digest()[:DIM]]


def embeddings_reply(texts: list[str]) -> Reply:
    data = [{"index": index, "embedding": embedding(text)} for index, text in enumerate(texts)]
    # Out of order on purpose: `index` says what belongs where.
    return Reply(body=json.dumps({"data": data[::-1]}))


def chat_reply(content: str | None) -> Reply:
    message = {"role": "assistant", "content": content}
    return Reply(body=json.dumps({"choices": [{"index": 0, "message": message}]}))


class LoopbackServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.chat: Callable[[str], Reply] = lambda _: Reply(status=404)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackServer
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds that a kept connection may idle
    disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's delayed ACK

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.path, headers, body))
        self._answer(self._next_reply(body))

    def _next_reply(self, body: dict[str, Any]) -> Reply:
        if self.server.replies:
            return self.server.replies.pop(0)
        if "messages" in body:
            return self.server.chat(body["messages"][-1]["content"])
        return embeddings_reply(body["input"])

    def _answer(self, reply: Reply) -> None:
        if reply.status == 0:
            self.close_connection = True
            return
        data = reply.body.encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Keep the test's output clean."""


@contextmanager
def serving() -> Iterator[LoopbackServer]:
    with LoopbackServer() as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

"""Requests that are nearly right: bodies, headers, methods, paths, raw bytes; all from a seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

ROUTES = (
    "/v1/chat/completions",
    "/v1/messages",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/route",
    "/v1/feedback",
    "/admin/reload",
)
_TOOL = {"name": "look", "description": "d", "parameters": {"type": "object"}}
_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
_TEXT = "What is 17 plus 25 times 3?"
# Bodies that are right, with much in them.
RIGHT: dict[str, list[dict[str, Any]]] = {
    "/v1/chat/completions": [
        {"model": "auto", "messages": [{"role": "user", "content": _TEXT}]},
        {
            "model": "auto",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": _TEXT}, _PICTURE]},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "look", "arguments": "{}"},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "42"},
            ],
            "tools": [{"type": "function", "function": _TOOL}],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "temperature": 0.5,
            "max_tokens": 20,
            "stop": ["a"],
            "stream": True,
            "stream_options": {"include_usage": True},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
            "logit_bias": {"5": 1},
            "finerouter": {"cost_weight": 5, "models": ["tiny", "coder"], "session": "s"},
        },
    ],
    "/v1/messages": [
        {
            "model": "auto",
            "max_tokens": 20,
            "messages": [{"role": "user", "content": _TEXT}],
            "stream": True,
        },
        {
            "model": "coder",
            "max_tokens": 20,
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": _TEXT}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "x"},
                        {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": [1]}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "c1", "content": [_PICTURE]},
                    ],
                },
            ],
            "tools": [{"name": "look", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "auto"},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "metadata": {"user_id": "u"},
        },
    ],
    "/v1/responses": [
        {"model": "auto", "input": _TEXT},
        {
            "model": "auto",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": _TEXT}]},
                {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "42"},
                {"type": "reasoning", "id": "r", "summary": []},
            ],
            "tools": [{"type": "function", **_TOOL}],
            "text": {"format": {"type": "json_object"}},
            "max_output_tokens": 20,
            "reasoning": {"effort": "low"},
            "stream": True,
        },
    ],
    "/v1/embeddings": [{"model": "tiny", "input": ["a", "b"]}],
    "/v1/route": [
        {"prompt": _TEXT},
        {"messages": [{"role": "user", "content": _TEXT}], "finerouter": {"min_quality": 0.5}},
        {"input": _TEXT, "model": "auto:best"},
    ],
    "/v1/feedback": [
        {"decision_id": "0" * 32, "score": 0.5, "source": "a", "note": "b"},
        {"decision_id": "0" * 32, "thumbs": "up"},
    ],
    "/admin/reload": [{}],
}
_DEEP: Any = []
for _ in range(60):
    _DEEP = [_DEEP]
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, 2**63, 2**64 - 1, 2**70, -(2**70), 10**400, "", " ", "auto",
    "tiny", "coder", "x" * 3_000, "\ud800", "a\udfffb", "\x00", "\u202e", "é", [], {}, [[]], [{}],
    [None], [1, "a"], {"type": "text"}, {"type": None}, {"type": [], "text": {}}, {"role": "user"},
    {"": ""}, {"type": "image", "source": {}}, {"\ud800": 1}, _DEEP, 0.1, "1e999", "-0",
)  # fmt: skip
_HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "x-finerouter-cost-weight",
        ("5", "nan", "inf", "-1", "1e999", "", "é", "0x5", "9" * 400),
    ),
    ("x-finerouter-min-quality", ("0.5", "2", "nan", "a")),
    ("x-finerouter-max-cost-usd", ("0", "1e-9", "-0", "1_0")),
    ("x-finerouter-models", ("tiny", ",,", "a,b", "tiny, coder", "é", "x" * 5_000)),
    ("x-finerouter-policy", ("best", "", "none", "é\x80")),
    ("x-finerouter-session", ("s", "", "\xff\xfe", "a\tb", "'; DROP TABLE decisions; --")),
    ("traceparent", ("garbage", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\xff", "00-1-2")),
    ("tracestate", ("a=b", "\xff" * 100, "=")),
    ("anthropic-beta", ("x", "\xe9\x80", "a" * 3_000)),
    ("anthropic-version", ("2023-06-01", "")),
    ("content-type", ("application/json", "text/plain", "multipart/form-data", "\xff", "")),
    ("content-encoding", ("gzip", "br", "identity")),
    ("accept", ("text/html", "\xff")),
    ("accept-encoding", ("gzip", "*;q=0")),
    ("expect", ("100-continue", "200-maybe")),
    ("upgrade", ("websocket", "h2c")),
    ("connection", ("close", "upgrade", "keep-alive, x")),
    ("host", ("localhost", "127.0.0.1:1", "[::1", "evil.example", "", "\xff")),
    ("origin", ("https://evil.example", "null", "\xff", "http://[")),
    ("authorization", ("", "Bearer", "Bearer ", "Basic AAAA", "Bearer fr-\xff", "bearer fr-x")),
    ("x-api-key", ("", "fr-", "fr-\xff", "sk-x")),
    ("cookie", ("a=b; " * 100,)),
)
_METHODS = ("POST", "POST", "POST", "POST", "POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS")
_PATHS = (
    "/v1/models", "/v1/models/", "/v1/models/tiny", "/v1/models/%ff%fe", "/v1/models/..%2f..",
    "/v1/models/a/b/c", "/v1/models/%00", "/dashboard", "/dashboard/", "/dashboard/data",
    "/dashboard/data?hours=nan", "/dashboard/data?hours=-1", "/dashboard/data?hours=1e400",
    "/dashboard/data?hours=" + "9" * 500, "/dashboard/data?hours=0x1&hours=2",
    "/dashboard/data?%ff", "/dashboard/data?hours=1e-320",
    "/metrics", "/metrics?a=b", "/healthz", "/readyz",
    "/admin/endpoints", "/admin/reload", "//v1/models", "/v1//models", "/..", "/%2e%2e/etc/passwd",
    "/favicon.ico", "/v1/chat/completions/", "/V1/MODELS", "/v1/models?" + "a=b&" * 500, "*",
    "http://evil.example/v1/models", "/v1/models#x", "/\u00e9", "/v1/models/" + "a" * 3_000,
)  # fmt: skip


@dataclass(frozen=True)
class Odd:
    """One request.

    Attributes:
        raw: all bytes that are sent.
        method: of HTTP.
        about: what it is, for people.
    """

    raw: bytes
    method: str = "POST"
    about: str = field(default="", compare=False)


def odd_requests(seed: int, key: str, count: int) -> Iterator[Odd]:
    """So many requests; most of them with this gateway key."""
    rng = random.Random(seed)
    kinds: tuple[Callable[[random.Random, str], Odd], ...] = (
        *(_changed_body,) * 6, _odd_headers, _odd_path, _odd_bytes, _odd_length,
    )  # fmt: skip
    for _ in range(count):
        yield rng.choice(kinds)(rng, key)


def _changed_body(rng: random.Random, key: str) -> Odd:
    """A right body, changed in one to three places."""
    path = rng.choice(ROUTES)
    body = copy.deepcopy(rng.choice(RIGHT[path]))
    for _ in range(rng.randint(1, 3)):
        _change(rng, body)
    return _sent("POST", path, _written(body), {"authorization": f"Bearer {key}"})


def _change(rng: random.Random, body: Any) -> None:
    places = list(_places(body))
    if not places:
        return
    holder, name = rng.choice(places)
    what = rng.random()
    if what < 0.15:
        del holder[name]
    elif what < 0.25 and isinstance(holder, dict):
        holder[rng.choice(("unknown", "type", "role", "content", "input", "stream", "n"))] = (
            rng.choice(VALUES)
        )
    else:
        holder[name] = copy.deepcopy(rng.choice(VALUES))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        for name in value:
            yield value, name
            yield from _places(value[name])
    elif isinstance(value, list):
        for at in range(len(value)):
            yield value, at
            yield from _places(value[at])


def _written(body: Any) -> bytes:
    """JSON; lone surrogates stay escaped."""
    return json.dumps(body).encode()


def _odd_headers(rng: random.Random, key: str) -> Odd:
    path = rng.choice(ROUTES[:5])
    headers = {"authorization": f"Bearer {key}"}
    for name, values in rng.sample(_HEADERS, rng.randint(1, 4)):
        headers[name] = rng.choice(values)
    return _sent("POST", path, _written(rng.choice(RIGHT[path])), headers)


def _odd_path(rng: random.Random, key: str) -> Odd:
    path = rng.choice((*_PATHS, *ROUTES))
    method = rng.choice(_METHODS) if rng.random() < 0.6 else "GET"
    body = b"" if rng.random() < 0.5 else b"{}"
    return _sent(method, path, body, {"authorization": f"Bearer {key}"})


def _odd_bytes(rng: random.Random, key: str) -> Odd:
    """A body that is no JSON, or odd JSON."""
    path = rng.choice(ROUTES)
    right = _written(rng.choice(RIGHT[path]))
    depth = rng.choice((50, 300, 700, 900, 940, 960, 980, 1_000, 20_000))
    body = rng.choice(
        (
            b"", b"null", b"[]", b'"a"', b"NaN", b'{"model": NaN}', b"\xff\xfe", b"\xef\xbb\xbf{}",
            right[: rng.randrange(len(right))], right + b"x", right.replace(b"user", b"us\xffer"),
            right[:-1] + b', "x": 1e999}', right[:-1] + b', "x": ' + b"9" * 5_000 + b"}",
            right[:-1] + b', "model": "auto", "model": "tiny"}',
            right[:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}",
            right[:-1] + b', "tools": ' + b'[{"a":' * depth + b"1" + b"}]" * depth + b"}",
            b"[" * depth + b"]" * depth, b'{"a":' * depth,
            right[:-1] + b', "x": "\\ud800", "y": 1e999}',
            right[:-1] + b', "x": "\\ud800", "y": ' + b"[" * depth + b"]" * depth + b"}",
        )
    )  # fmt: skip
    return _sent("POST", path, body, {"authorization": f"Bearer {key}"})


def _odd_length(rng: random.Random, key: str) -> Odd:
    """Lengths that are wrong, missing or given twice, and chunks."""
    path = rng.choice(ROUTES[:3])
    body = _written(rng.choice(RIGHT[path]))
    size = str(len(body)).encode()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    framing, sent = rng.choice(
        (
            (b"content-length: " + size + b"\r\ncontent-length: " + size, body),
            (b"content-length: " + size + b"\r\ncontent-length: 5", body),
            (b"content-length: 0", body),
            (b"content-length: -5", body),
            (b"content-length: 5x", body),
            (b"content-length: " + b"9" * 30, b""),
            (b"content-length: 99999999999", b""),
            (b"x-none: 1", body),
            (b"transfer-encoding: chunked", chunked),
            (b"transfer-encoding: chunked", b"zz\r\n" + chunked),
            (b"transfer-encoding: chunked\r\ncontent-length: 5", chunked),
            (b"transfer-encoding: gzip, chunked", chunked),
            (b"transfer-encoding: gzip", body),
            (b"transfer-encoding: chunked", b"5;ext=" + b"a" * 100 + b"\r\n{    \r\n0\r\n\r\n"),
        )
    )
    head = _head("POST", path, {"authorization": f"Bearer {key}"})
    return Odd(head + framing + b"\r\n\r\n" + sent, about=f"{path} {framing[:60]!r}")


def _sent(method: str, path: str, body: bytes, headers: dict[str, str]) -> Odd:
    head = _head(method, path, headers)
    raw = head + b"content-length: %d\r\n\r\n" % len(body) + body
    return Odd(raw, method, f"{method} {path[:80]} {headers} {body[:4_000]!r}")


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    given = {"host": "localhost", **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1", "replace")

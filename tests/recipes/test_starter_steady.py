"""The door before an engine gives the same answer in any order; the engine alone does not."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from aiohttp import web

from recipes.starter.steady import steady

QUESTIONS = ("Is gold a metal?", "Is gold heavy?", "What is 2 plus 2?", "What is 2 plus 3?")
FIXED = ("Q: What is 1?\nA: 1\n\n", "Q: Say no.\nA: no\n\nQ: Say yes.\nA: yes\n\n", "")
Json = dict[str, Any]


@dataclass(frozen=True)
class Cache:
    """What an engine keeps, and how that came about."""

    text: str
    made: str


class Engine:
    """Stands in for llama.cpp with one slot: its answers tell what was computed on what."""

    def __init__(self) -> None:
        self.cached = Cache("Q: What is 1? what an earlier run left", "elsewhere")
        self.files: dict[str, Cache] = {}
        self.paths: list[str] = []
        self.at_once = self.most_at_once = 0
        self.goes_on = threading.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(0.001)
        self.paths.append(request.path_qs)
        body = await request.json() if request.can_read_body else {}
        answer = self._answer(request.path_qs, body)
        self.at_once -= 1
        if body.get("stream"):
            return await self._streamed(request)
        return web.json_response(answer, status=200 if answer else 400)

    async def _streamed(self, request: web.Request) -> web.StreamResponse:
        """Two pieces, the second when the test says so."""
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: first\n\n")
        while not self.goes_on.is_set():
            await asyncio.sleep(0.001)
        await response.write(b"data: second\n\n")
        return response

    def _answer(self, path: str, body: Json) -> Json:
        match path:
            case "/apply-template":
                turns = [f"<{turn['role']}>{turn['content']}" for turn in body["messages"]]
                return {"prompt": "".join(turns) + "<assistant>"}
            case "/slots/0?action=erase":
                self.cached = Cache("", "nothing")
            case "/slots/0?action=save":
                self.files[body["filename"]] = self.cached
            case "/slots/0?action=restore":
                self.cached = self.files[body["filename"]]
            case "/v1/models":
                return {"data": []}
            case "/v1/chat/completions":
                return self._computed(self._answer("/apply-template", body)["prompt"])
            case "/completion" | "/v1/completions" if len(body["prompt"]) < 1000:
                return self._computed(body["prompt"])
            case _:
                return {}
        return {"done": True}

    def _computed(self, text: str) -> Json:
        pairs = zip(self.cached.text, text, strict=False)
        shared = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))
        made = f"{text[shared:]!r} on {text[:shared]!r} of {self.cached.made}"
        self.cached = Cache(f"{text} and the answer", made)
        return {"text": made}


@pytest.fixture
def engine() -> Iterator[tuple[Engine, str]]:
    stand_in, loop = Engine(), asyncio.new_event_loop()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", stand_in.handle)
    runner = web.AppRunner(app)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield stand_in, f"http://127.0.0.1:{runner.addresses[0][1]}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(runner.cleanup())
    loop.close()


def ask(address: str, path: str, body: Json | None = None) -> Json:
    content = None if body is None else json.dumps(body).encode()
    request = Request(address + path, content, {"content-type": "application/json"})
    with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
        return json.load(response)


def calls() -> list[tuple[str, Json]]:
    texts = [
        ("/v1/completions", {"prompt": f"{fixed}Q: {question}\nA:"})
        for question in QUESTIONS
        for fixed in FIXED
    ]
    system = {"role": "system", "content": "Be brief."}
    turns = [
        ("/v1/chat/completions", {"messages": [*first, {"role": "user", "content": question}]})
        for question in QUESTIONS
        for first in ([system], [])
    ]
    return [*texts, *turns]


def answers(address: str, order: list[int]) -> list[str]:
    found = {at: ask(address, *calls()[at])["text"] for at in order}
    return [found[at] for at in sorted(order)]


def test_answers_do_not_depend_on_the_order(engine: tuple[Engine, str]) -> None:
    order = list(range(len(calls())))
    shuffled = order[::2] + order[1::2][::-1]
    bare = engine[1]
    assert answers(bare, order) != answers(bare, shuffled)
    with steady(bare, 0) as address:
        first = answers(address, order)
        assert answers(address, shuffled) == first
    with steady(bare, 0) as address:
        assert answers(address, order[::-1]) == first


def test_a_fixed_part_is_computed_once_and_from_nothing(engine: tuple[Engine, str]) -> None:
    stand_in, bare = engine
    with steady(bare, 0) as address:
        answers(address, list(range(len(calls()))))
    # Three of plain text, one of them empty, and a chat's with and without a system prompt.
    assert stand_in.paths.count("/completion") == 5
    assert stand_in.paths.count("/slots/0?action=erase") == 5
    assert stand_in.paths.count("/slots/0?action=restore") == len(calls())


def test_a_stream_comes_piece_by_piece(engine: tuple[Engine, str]) -> None:
    stand_in, bare = engine
    content = json.dumps({"prompt": "Q: Why?\nA:", "stream": True}).encode()
    with steady(bare, 0) as address:
        request = Request(
            f"{address}/v1/completions", content, {"content-type": "application/json"}
        )
        with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
            assert response.readline() == b"data: first\n"
            stand_in.goes_on.set()
            assert b"data: second" in response.read()


def test_calls_are_let_in_one_at_a_time(engine: tuple[Engine, str]) -> None:
    stand_in, bare = engine
    with steady(bare, 0) as address:
        order = list(range(len(calls())))
        one_by_one = answers(address, order)
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda at: answers(address, [at])[0], order))
    assert together == one_by_one
    assert stand_in.most_at_once == 1


def test_what_is_no_question_passes(engine: tuple[Engine, str]) -> None:
    stand_in, bare = engine
    with steady(bare, 0) as address:
        assert ask(address, "/v1/models") == {"data": []}
    assert stand_in.paths == ["/v1/models"]


def test_a_refusal_is_passed_on(engine: tuple[Engine, str]) -> None:
    with steady(engine[1], 0) as address:
        with pytest.raises(HTTPError, match="400"):
            ask(address, "/v1/completions", {"prompt": "long " * 1000})
        with pytest.raises(HTTPError, match="502"):
            ask(address, "/v1/completions", {"prompt": "long " * 1000 + "Q: Why?"})
        assert ask(address, "/v1/completions", {"prompt": "short"})["text"]


def test_a_port_in_use_is_said_and_nothing_stays_open(engine: tuple[Engine, str]) -> None:
    taken = int(engine[1].rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"), steady(engine[1], taken):
        pass

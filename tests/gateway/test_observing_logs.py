"""Log lines: their form, and what never stands in them."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.asking import Endpoint
from finerouter.gateway.access import new_key
from finerouter.gateway.observing import logs as module
from finerouter.gateway.observing.logs import Logs, configure_logs, dropped_lines, log_request
from finerouter.gateway.observing.secrets import HIDDEN, Secrets, endpoint_keys
from tests.gateway.records import answered

Setup = Callable[..., tuple[Logs, io.StringIO]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def configured() -> Iterator[Setup]:
    """Configures the log to a stream of its own, and leaves logging as it was."""
    root = logging.getLogger()
    level, made = root.level, []

    def configure(stream: Any = None, **options: Any) -> tuple[Logs, Any]:
        stream = io.StringIO() if stream is None else stream
        logs = configure_logs("info", stream=stream, **options)
        made.append(logs)
        return logs, stream

    yield configure
    for logs in made:
        logs.close()
    root.setLevel(level)


def lines(logs: Logs, stream: io.StringIO) -> list[dict[str, Any]]:
    logs.close()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_line_of_json(configured: Setup) -> None:
    logs, stream = configured()
    log_request(answered())
    (line,) = lines(logs, stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "finerouter.gateway.requests",
        "message": "request",
        "decision_id": "0" * 31 + "1",
        "key": "team",
        "api": "chat",
        "requested": "auto",
        "policy": "best",
        "task": "arithmetic",
        "model": "small",
        "endpoint": "near",
        "status": 200,
        "outcome": "ok",
        "streamed": False,
        "attempts": 1,
        "input_tokens": 100,
        "output_tokens": 50,
        "cost_usd": 0.25,
        "routing_ms": 0.3,
        "first_byte_ms": 300.0,
        "latency_ms": 2000.0,
    }


def test_no_line_holds_a_prompt(configured: Setup) -> None:
    for people in (True, False):
        logs, stream = configured(people=people)
        log_request(answered())
        logs.close()
        assert stream.getvalue()
        assert "secret prompt" not in stream.getvalue()


def test_what_went_wrong_fits_a_line(configured: Setup) -> None:
    for people in (True, False):
        logs, stream = configured(people=people)
        log_request(answered(outcome="error", error="x" * 400_000))
        logs.close()
        assert "xxx" in stream.getvalue()
        assert len(stream.getvalue()) < 2_000


def test_other_loggers_and_uvicorn_join_in(configured: Setup) -> None:
    logs, stream = configured()
    logging.getLogger("uvicorn.error").info("Started %s", "server")
    logging.getLogger("uvicorn.access").info("GET /healthz")
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("finerouter.gateway").exception("it broke")
    logging.getLogger("finerouter.gateway").debug("unseen")
    first, second = lines(logs, stream)
    assert (first["logger"], first["message"]) == ("uvicorn.error", "Started server")
    assert (second["level"], second["message"]) == ("error", "it broke")
    assert "KeyError: 'x'" in second["exception"]


def test_people_get_words(configured: Setup) -> None:
    logs, stream = configured(Terminal())
    log_request(answered())
    log_request(answered(outcome="error", status=502, model="", error="nobody\nanswered\x1b[2J"))
    logs.close()
    good, bad = stream.getvalue().splitlines()
    assert "200 ok, chat 'auto' (arithmetic) -> small in 2.00 s for 0.250000 USD" in good
    # What others wrote cannot forge a line or steer the terminal.
    assert bad.endswith(r": nobody\nanswered\x1b[2J")


def test_the_level_of_the_settings_holds(configured: Setup) -> None:
    stream = io.StringIO()
    logs = configure_logs("warning", stream=stream)
    log_request(answered())
    logging.getLogger("finerouter").warning("look out")
    assert [line["message"] for line in lines(logs, stream)] == ["look out"]
    configured()


def test_to_configure_again_replaces_the_stream(configured: Setup) -> None:
    first, old = configured()
    second, new = configured()
    logging.getLogger("finerouter").info("once")
    assert lines(second, new)[0]["message"] == "once"
    assert old.getvalue() == ""
    first.close()


def test_a_reader_that_is_stuck_holds_nobody_up(
    configured: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 5)
    let_go = threading.Event()

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            assert let_go.wait(30)
            return super().write(text)

    logs, stream = configured(Stuck())
    for number in range(50):
        logging.getLogger("finerouter").info("line %d", number)
    assert dropped_lines() == logs.dropped >= 44
    let_go.set()
    assert len(lines(logs, stream)) == 50 - logs.dropped


def test_a_reader_that_is_gone_breaks_nothing(configured: Setup) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:  # noqa: ARG002
            raise BrokenPipeError

    logs, _ = configured(Gone())
    logging.getLogger("finerouter").info("to nobody")
    logs.close()
    assert logs.dropped == 1


KEYS = [
    new_key("a").key,
    "sk-proj-abcDEF123456_789xyz",
    "sk-ant-api03-AbCdEf0123456789",
    "gsk_abcdefghijklmnop",
    "AIzaSyA1234567890abcdefghij",
]


# Named, for ours is new each time.
@pytest.mark.parametrize("key", KEYS, ids=["ours", "openai", "anthropic", "groq", "google"])
@pytest.mark.parametrize(
    "around", ["{}", "key={}.", '{{"a": "{}"}}', "Bearer {}", "(x-api-key: {})"]
)
def test_keys_are_known_by_their_look(key: str, around: str) -> None:
    hidden = Secrets().hidden(around.format(key))
    assert key not in hidden
    assert HIDDEN in hidden


def test_what_follows_the_name_of_a_header_is_a_key() -> None:
    hide = Secrets().hidden
    assert hide("authorization: Bearer abcdefgh.ijkl") == f"authorization: {HIDDEN}"
    assert "plainsecret" not in hide("x-api-key: plainsecret")
    assert hide("postgresql://me:pass@db/x") == f"postgresql://{HIDDEN}@db/x"


@pytest.mark.parametrize(
    "text",
    [
        "models small and large, task sk-learn, 12 attempts",
        "https://api.example.com/v1 timed out after 30 s",
        "a bearer of news",
        '{"decision_id":"0123456789abcdef0123456789abcdef"}',
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert Secrets().hidden(text) == text


@given(st.text(min_size=4, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_the_endpoints_own_keys_are_hidden_whatever_they_look_like(
    key: str, before: str, after: str
) -> None:
    if key not in HIDDEN and HIDDEN not in key:
        hidden = Secrets(lambda: [key]).hidden(f"{before}{key}{after}")
        assert key not in hidden.split(HIDDEN)


def test_keys_of_endpoints_are_read_where_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "from-the-environment")
    monkeypatch.delenv("NO_KEY", raising=False)
    (tmp_path / "key").write_text("from-a-file\n", "utf-8")
    url = "http://127.0.0.1:1/v1"
    endpoints = [
        Endpoint("a", url, key_env="SOME_KEY"),
        Endpoint("b", url, key_env="NO_KEY"),
        Endpoint("c", url, key_file=str(tmp_path / "key")),
        Endpoint("d", url, key_file=str(tmp_path / "missing")),
        Endpoint("e", url),
    ]
    assert sorted(endpoint_keys(endpoints)) == ["from-a-file", "from-the-environment"]


def test_lines_pass_through_it(configured: Setup) -> None:
    logs, stream = configured(known_keys=lambda: ["hunter2hunter2"])
    logging.getLogger("finerouter").error("the endpoint said %s and %s", "hunter2hunter2", KEYS[0])
    log_request(answered(outcome="error", error=f"401: bad key {KEYS[1]}"))
    logs.close()
    for key in ("hunter2hunter2", KEYS[0], KEYS[1]):
        assert key not in stream.getvalue()
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == [
        "error",
        "info",
    ]

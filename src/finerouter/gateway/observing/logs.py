"""Log lines: JSON on stderr, or plain words where a person looks on.

Takes the process's log records; writes each as one line, without keys. A line per request says what
became of it and never what was asked. Lines are written by a thread of their own: a terminal or a
pipe that is full must not hold up requests. What there is no room for is dropped and counted.
"""

from __future__ import annotations

import atexit
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TextIO

import msgspec

from finerouter.gateway.observing.secrets import Secrets
from finerouter.gateway.record import Record

REQUESTS = logging.getLogger("finerouter.gateway.requests")
_MOST_WAITING = 10_000
_CLOSE_S = 5.0
_MOST_ERROR_CHARS = 1_000
_Hide = Callable[[str], str]
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Logs:
    """The log of a process, from `configure_logs` until `close`."""

    def __init__(self, stream: TextIO, write: Callable[[logging.LogRecord], str]) -> None:
        self.dropped = 0
        self._stream = stream
        self._write = write
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="finerouter-log", daemon=True)
        self._thread.start()

    def take(self, record: logging.LogRecord) -> None:
        """Have a line written; never waits."""
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what is waiting, for a while at most, and leave the process's logging."""
        atexit.unregister(self.close)
        root = logging.getLogger()
        for handler in _handlers():
            if handler.logs is self:
                root.removeHandler(handler)
        try:
            self._waiting.put(None, timeout=_CLOSE_S)
        except queue.Full:
            return
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        while (record := self._waiting.get()) is not None:
            try:
                self._stream.write(self._write(record) + "\n")
                if self._waiting.empty():
                    self._stream.flush()
            except (OSError, ValueError):  # nobody reads any more, and where would that be told?
                self.dropped += 1


class _Handler(logging.Handler):
    """Hands records over; what is formatted at once is only what could change until then."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self.logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        if record.args:
            record.msg, record.args = record.getMessage(), None
        self.logs.take(record)


def dropped_lines() -> int:
    """Lines of this process's log for which there was no room."""
    return sum(handler.logs.dropped for handler in _handlers())


def _handlers() -> list[_Handler]:
    return [item for item in logging.getLogger().handlers if isinstance(item, _Handler)]


def configure_logs(
    level: str,
    *,
    stream: TextIO | None = None,
    people: bool | None = None,
    known_keys: Callable[[], Iterable[str]] = tuple,
) -> Logs:
    """Send the log of the whole process, uvicorn's included, to one stream.

    Args:
        level: such as "info".
        stream: None for stderr.
        people: whether lines are for people, None for whether the stream is a terminal.
        known_keys: gives the keys of the endpoints, which no line may hold.
    """
    stream = sys.stderr if stream is None else stream
    people = stream.isatty() if people is None else people
    form = _for_people if people else _as_json
    logs = Logs(stream, partial(form, hide=Secrets(known_keys).hidden))
    root = logging.getLogger()
    for handler in _handlers():
        handler.logs.close()
    root.addHandler(_Handler(logs))
    root.setLevel(level.upper())
    atexit.register(logs.close)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # each request has its own line already
    return logs


def change_level(level: str) -> None:
    """From now on leave out what is below this level; only where the log is ours."""
    if _handlers():
        logging.getLogger().setLevel(level.upper())


def log_request(record: Record) -> None:
    """One line about a request that has ended: what became of it, and nothing of what was asked."""
    if REQUESTS.isEnabledFor(logging.INFO):
        REQUESTS.info("request", extra={"of_request": record})


def _as_json(record: logging.LogRecord, *, hide: _Hide) -> str:
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
    }
    request = getattr(record, "of_request", None)
    if isinstance(request, Record):
        line |= {"message": "request", **_fields(request, hide)}
    else:
        line["message"] = hide(record.getMessage())
    if record.exc_info:
        line["exception"] = hide("".join(traceback.format_exception(*record.exc_info)))
    return _encode(line).decode()


def _for_people(record: logging.LogRecord, *, hide: _Hide) -> str:
    moment = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
    request = getattr(record, "of_request", None)
    text = _sentence(request) if isinstance(request, Record) else record.getMessage()
    # What others wrote must not look like lines of ours, or steer the terminal.
    line = f"{moment} {record.levelname.lower():7} {_printable(hide(text))}"
    if record.exc_info:
        line += "\n" + hide("".join(traceback.format_exception(*record.exc_info)).rstrip())
    return line


def _fields(record: Record, hide: _Hide) -> dict[str, Any]:
    """What a request's line says; what is unknown is left out.

    Only two of the texts come from outside, and only they could hold a key: to look through the
    whole line would take longer than all the rest of it.
    """
    tokens = record.tokens
    fields = {
        "decision_id": record.decision_id,
        "key": record.key,
        "api": record.api,
        "requested": hide(record.requested[:200]),
        "policy": record.policy,
        "task": record.task,
        "model": record.model,
        "endpoint": record.endpoint,
        "status": record.status,
        "outcome": record.outcome,
        "error": hide(record.error[:_MOST_ERROR_CHARS]) if record.error else None,
        "streamed": record.streamed,
        "attempts": len(record.attempts),
        "input_tokens": tokens.input if tokens else None,
        "output_tokens": tokens.output if tokens else None,
        "cost_usd": record.cost_usd,
        "routing_ms": _rounded(record.routing_ms),
        "first_byte_ms": _rounded(record.first_byte_ms),
        "latency_ms": _rounded(record.latency_ms),
    }
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _sentence(record: Record) -> str:
    latency = "" if record.latency_ms is None else f" in {record.latency_ms / 1e3:.2f} s"
    cost = "" if record.cost_usd is None else f" for {record.cost_usd:.6f} USD"
    task = f" ({record.task})" if record.task else ""
    what = f"{record.api} {record.requested[:80]!r}{task} -> {record.model or 'nobody'}"
    trouble = f": {record.error[:_MOST_ERROR_CHARS]}" if record.error else ""
    return f"{record.status} {record.outcome}, {what}{latency}{cost}{trouble}"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)

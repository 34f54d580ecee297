r"""Records and feedback as lines of the spool, and back.

A line is a letter that says what it is, JSON, and a newline; JSON holds no raw newline, so what
does not end in one was cut off. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from finerouter.gateway.record import Feedback, Record

_RECORD, _FEEDBACK = b"r", b"f"
# A number of NumPy's is no reason to lose a record.
_encode = msgspec.json.Encoder(enc_hook=float).encode
_decode_record = msgspec.json.Decoder(Record).decode
_decode_feedback = msgspec.json.Decoder(Feedback).decode
_Kept = TypeVar("_Kept", Record, Feedback)


@dataclass
class Decoded:
    """What some lines held, and how many of them could not be read."""

    records: list[Record] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    unreadable: int = 0


def record_line(record: Record) -> bytes:
    """The line of a record."""
    return b"r%b\n" % to_json(record)


def feedback_line(feedback: Feedback) -> bytes:
    """The line of a feedback."""
    return b"f%b\n" % to_json(feedback)


def to_json(value: Record | Feedback) -> bytes:
    """JSON of a record or feedback; what cannot be written as UTF-8 becomes question marks."""
    try:
        return _encode(value)
    except UnicodeEncodeError:  # half a surrogate pair, which a client's JSON can carry
        return _encode(_storable(msgspec.to_builtins(value)))


def record_of(text: bytes | str) -> Record:
    """The record of `to_json`.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    try:
        return _decode_record(text)
    except msgspec.ValidationError:
        return msgspec.convert(_without_gaps(msgspec.json.decode(text)), Record)


def feedback_of(text: bytes | str) -> Feedback:
    """The feedback of `to_json`.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    return _decode_feedback(text)


def decoded(lines: Iterable[bytes]) -> Decoded:
    """Read lines, each with its newline.

    A line without one was cut off by a kill before anybody was told that it is kept; it is left
    out and not counted.
    """
    found = Decoded()
    for line in lines:
        try:
            _add(found, line)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            found.unreadable += 1
    return found


def _add(found: Decoded, line: bytes) -> None:
    if not line.endswith(b"\n"):
        return
    kind, text = line[:1], line[1:-1]
    if kind == _RECORD:
        found.records.append(record_of(text))
    elif kind == _FEEDBACK:
        found.feedback.append(feedback_of(text))
    else:
        raise ValueError("neither record nor feedback")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value


def _without_gaps(record: Any) -> Any:
    """A record whose NaN and infinities JSON took for null: its lists without these rows."""
    for name, numbers in (("estimates", ("quality", "quality_std")), ("attempts", ("latency_ms",))):
        rows = record.get(name) or ()
        record[name] = [row for row in rows if all(row.get(key) is not None for key in numbers)]
    return record

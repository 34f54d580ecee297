"""Pieces of a stream put in order: one block at a time, each opened, grown and closed.

Chat endpoints may tell of several calls alternately, and never say that one is done; clients of the
other APIs read blocks one after the other. A call whose arguments are not whole yet keeps the later
ones waiting.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from finerouter.gateway.translating.pieces import CALL, Argued, Called, Failed, Piece, Said, Settled
from finerouter.upstream.usage import Usage


class StreamWriter(Protocol):
    """One stream of a client, written; every method gives the bytes of its events."""

    def begin(self, usage: Usage | None) -> bytes:
        """Before anything else; `usage` is what is known already."""
        ...

    def open(self, kind: str, call_id: str, name: str) -> bytes:
        """A block of words, thoughts, a refusal or a call begins."""
        ...

    def grow(self, text: str) -> bytes:
        """More of the open block."""
        ...

    def close(self) -> bytes:
        """The open block is whole."""
        ...

    def end(self, reason: str, usage: Usage | None) -> bytes:
        """The answer is whole."""
        ...

    def fail(self, message: str, kind: str) -> bytes:
        """The answer breaks off."""
        ...


class _Waiting:
    """A call that began while another was open."""

    def __init__(self, call: Called) -> None:
        self.call = call
        self.arguments: list[str] = []
        self.settled = False


class Blocks:
    """Hands pieces to a writer in the order of blocks."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer
        self._kind = ""
        self._open: _Waiting | None = None  # the open call, with what it was given so far
        self._waiting: dict[str, _Waiting] = {}

    def feed(self, piece: Piece) -> bytes:
        """The events after one more piece."""
        if isinstance(piece, Said):
            return self._say(piece)
        if isinstance(piece, Called):
            self._waiting[piece.key] = _Waiting(piece)
            return self._advance()
        if isinstance(piece, Argued):
            return self._argue(piece)
        if isinstance(piece, Settled):
            return self._settle(piece.key)
        return self._fail(piece)

    def end(self, reason: str, usage: Usage | None) -> bytes:
        """The events that close everything."""
        return self._close_all() + self._writer.end(reason, usage)

    def _fail(self, piece: Failed) -> bytes:
        return self._writer.fail(piece.message, piece.kind)

    def _say(self, piece: Said) -> bytes:
        opened = b""
        if piece.kind != self._kind:
            opened = self._close_all() + self._writer.open(piece.kind, "", "")
            self._kind = piece.kind
        return opened + self._writer.grow(piece.text)

    def _argue(self, piece: Argued) -> bytes:
        current = self._open
        if current and piece.key == current.call.key:
            current.arguments.append(piece.text)
            return self._writer.grow(piece.text) if piece.text else b""
        if piece.key in self._waiting:
            self._waiting[piece.key].arguments.append(piece.text)
        return b""

    def _settle(self, key: str) -> bytes:
        if self._open and key == self._open.call.key:
            self._open.settled = True
            return self._close() + self._advance()
        if key in self._waiting:
            self._waiting[key].settled = True
        return b""

    def _advance(self) -> bytes:
        """Closes what is whole and opens the next call, until one is open that is not whole."""
        written = b""
        while self._waiting and (self._open is None or _whole(self._open)):
            written += self._close() + self._next()
        return written

    def _next(self) -> bytes:
        call = self._waiting.pop(next(iter(self._waiting)))
        self._open, self._kind = call, CALL
        given = "".join(call.arguments)
        opened = self._writer.open(CALL, call.call.id, call.call.name)
        return opened + (self._writer.grow(given) if given else b"")

    def _close_all(self) -> bytes:
        written = self._close()
        while self._waiting:
            written += self._next() + self._close()
        return written

    def _close(self) -> bytes:
        if not self._kind:
            return b""
        # A call without arguments is JSON too.
        empty = self._open is not None and not "".join(self._open.arguments)
        self._kind, self._open = "", None
        return (self._writer.grow("{}") if empty else b"") + self._writer.close()


def _whole(call: _Waiting) -> bool:
    """Whether its arguments can be all of them: JSON that is not cut off."""
    if call.settled:
        return True
    try:
        msgspec.json.decode("".join(call.arguments))
    except msgspec.DecodeError:
        return False
    return True

"""A completions stream read into pieces."""

from __future__ import annotations

from typing import Any

from finerouter.gateway.sse import Event
from finerouter.gateway.translating.chat.answer import reason
from finerouter.gateway.translating.chat.stream import DONE
from finerouter.gateway.translating.pieces import TEXT, Piece, Said, decoded, failure
from finerouter.upstream.usage import Usage, openai_usage


class CompletionsReader:
    """Reads the chunks of a completions endpoint."""

    def __init__(self) -> None:
        self.finished = False
        self.reason = ""
        self._usage: Any = None

    @property
    def usage(self) -> Usage | None:
        """Tokens as far as they are known."""
        return openai_usage(self._usage)

    def feed(self, event: Event) -> list[Piece]:
        """What an event says."""
        if event.data == DONE:
            self.finished = True
            return []
        chunk = decoded(event)
        if chunk.get("error"):
            return [failure(chunk["error"])]
        self._usage = chunk.get("usage") or self._usage
        choice = (chunk.get("choices") or [{}])[0]
        if choice.get("finish_reason"):
            self.reason = reason(choice["finish_reason"], called=False)
        return [Said(TEXT, choice["text"])] if choice.get("text") else []

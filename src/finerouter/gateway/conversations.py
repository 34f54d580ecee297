"""Which model a conversation is on.

Takes turns; gives the keys by which a conversation is found again. Every request repeats the turns
before it, so the hash of a request's turns is a prefix of the next one's. Remembers the newest
conversations in memory and asks the journal for those that another process served.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from finerouter.gateway.conversation import Conversation
from finerouter.gateway.settings import StickyTable
from finerouter.gateway.turns import Turn

# A client that edits its history forks the conversation; further back than this is another one.
_MOST_PREFIXES = 8
# To ask the others is a courtesy: a database that hangs must not hold up an answer, nor every one
# of the next.
_LOOK_S, _PAUSE_S = 0.5, 5.0


class Shared(Protocol):
    """Where conversations of other processes are found; the journal is."""

    def remember(self, conversation: Conversation) -> None:
        """Tell the others."""

    async def conversation(self, prefixes: Sequence[str]) -> Conversation | None:
        """The newest of the first prefix that is known."""


def prefixes(caller: str, session: str | None, turns: Sequence[Turn]) -> tuple[str, list[str]]:
    """The key to remember a request by, and those to look for it, the likeliest first.

    Args:
        caller: name of the gateway key; conversations of two keys are never one.
        session: name that the client gave the conversation, None for none.
        turns: of the request.
    """
    digest = hashlib.blake2b(caller.encode("utf-8", "surrogatepass"), digest_size=16)
    if session is not None:
        digest.update(b"\x00session\x00" + session.encode("utf-8", "surrogatepass"))
        return digest.hexdigest(), [digest.hexdigest()]
    ends: list[str] = []
    last = ""
    for turn in turns:
        said = f"\x00{turn.role}\x00{turn.other_bytes}\x00{turn.text}"
        digest.update(said.encode("utf-8", "surrogatepass"))
        if turn.role in ("user", "tool"):
            # Results of tools that were called at once come in at once: one request ends there.
            if turn.role == last == "tool":
                ends.pop()
            ends.append(digest.hexdigest())
        last = turn.role
    earlier = ends[-2 : -2 - _MOST_PREFIXES : -1]
    # Only what a model has answered before can be on it.
    answered = any(turn.role == "assistant" for turn in turns)
    return digest.hexdigest(), earlier if answered else []


class Conversations:
    """The newest conversations of this process, and a way to the others'."""

    def __init__(
        self, settings: StickyTable, shared: Shared, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._shared = shared
        self._clock = clock
        self._known: OrderedDict[str, Conversation] = OrderedDict()
        self._look_again_s = 0.0

    async def find(self, keys: Sequence[str]) -> Conversation | None:
        """The conversation of the first key that is known and not too old."""
        if not keys or not self.settings.keep_s:
            return None
        found = next((self._known[key] for key in keys if key in self._known), None)
        if found is None:
            found = await self._elsewhere(keys)
        if found is None or self._clock() - found.seen_s > self.settings.keep_s:
            return None
        return found if found.model else None

    async def _elsewhere(self, keys: Sequence[str]) -> Conversation | None:
        """What another process remembers, None where that does not come at once."""
        if self._clock() < self._look_again_s:
            return None
        try:
            async with asyncio.timeout(_LOOK_S):
                return await self._shared.conversation(keys)
        except TimeoutError:
            self._look_again_s = self._clock() + _PAUSE_S
            return None

    def remember(self, key: str, model: str, endpoint: str, cached_tokens: int) -> None:
        """Keep a conversation on the model that has just answered it."""
        if not self.settings.keep_s:
            return
        now = self._clock()
        entry = Conversation(
            prefix=key, model=model, endpoint=endpoint, cached_tokens=cached_tokens, seen_s=now
        )
        self._known[key] = entry
        self._known.move_to_end(key)
        while len(self._known) > self.settings.most:
            self._known.popitem(last=False)
        self._shared.remember(entry)

    def release(self, key: str) -> None:
        """Let a conversation go: its model did not serve it well."""
        self.remember(key, "", "", 0)

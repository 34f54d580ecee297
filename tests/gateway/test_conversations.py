"""Conversations are found again, and forgotten in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from finerouter.gateway.conversation import Conversation
from finerouter.gateway.conversations import Conversations, prefixes
from finerouter.gateway.settings import StickyTable
from finerouter.gateway.turns import Turn

OPENING = (Turn("system", "Be brief."), Turn("user", "Hello"))
FOLLOWING = (*OPENING, Turn("assistant", "Hi"), Turn("user", "How are you?"))
THIRD = (*FOLLOWING, Turn("assistant", "Fine"), Turn("tool", "42"))


class Memory:
    """What the journal does for processes, in this one."""

    def __init__(self) -> None:
        self.entries: dict[str, Conversation] = {}
        self.asked = 0

    def remember(self, conversation: Conversation) -> None:
        self.entries[conversation.prefix] = conversation

    async def conversation(self, prefixes: Sequence[str]) -> Conversation | None:
        self.asked += 1
        return next((self.entries[key] for key in prefixes if key in self.entries), None)


class Hanging(Memory):
    """A database that takes connections and says nothing."""

    async def conversation(self, prefixes: Sequence[str]) -> Conversation | None:
        await super().conversation(prefixes)
        await asyncio.sleep(60)
        return None


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def found(conversations: Conversations, keys: list[str]) -> str | None:
    conversation = asyncio.run(conversations.find(keys))
    return conversation.model if conversation else None


def test_a_following_request_finds_the_one_before() -> None:
    first, none = prefixes("key", None, OPENING)
    second, earlier = prefixes("key", None, FOLLOWING)
    assert none == []
    assert earlier == [first]
    assert prefixes("key", None, THIRD)[1] == [second, first]


def test_many_results_of_tools_at_once_are_one_step_back() -> None:
    first = prefixes("key", None, OPENING)[0]
    results = [Turn("tool", str(number)) for number in range(30)]
    second, earlier = prefixes("key", None, (*OPENING, Turn("assistant", ""), *results))
    assert earlier == [first]
    more = (*OPENING, Turn("assistant", ""), *results, Turn("assistant", "Hi"), Turn("user", "?"))
    assert prefixes("key", None, more)[1] == [second, first]


def test_conversations_of_two_keys_or_with_other_words_are_two() -> None:
    first = prefixes("key", None, OPENING)[0]
    assert prefixes("other", None, FOLLOWING)[1] != [first]
    changed = (Turn("system", "Be long."), *FOLLOWING[1:])
    assert prefixes("key", None, changed)[1] != [first]
    # Where one text ends and the next begins counts too.
    assert (
        prefixes("", None, [Turn("user", "ab"), Turn("user", "c")])[0]
        != (prefixes("", None, [Turn("user", "a"), Turn("user", "bc")])[0])
    )


def test_a_session_by_name_needs_no_history() -> None:
    key, earlier = prefixes("key", "s1", OPENING)
    assert earlier == [key] == prefixes("key", "s1", FOLLOWING)[1]
    assert prefixes("key", "s2", OPENING)[0] != key


def test_the_likeliest_prefix_counts_first() -> None:
    conversations = Conversations(StickyTable(), Memory())
    conversations.remember("old", "small", "e", 10)
    conversations.remember("new", "large", "e", 10)
    assert found(conversations, ["new", "old"]) == "large"
    assert found(conversations, ["other"]) is None


def test_another_process_is_asked_only_for_what_is_not_known_here() -> None:
    memory = Memory()
    Conversations(StickyTable(), memory).remember("key", "small", "e", 10)
    here = Conversations(StickyTable(), memory)
    assert found(here, ["key"]) == "small"
    here.remember("mine", "large", "e", 10)
    asked = memory.asked
    assert found(here, ["mine"]) == "large"
    assert memory.asked == asked


def test_old_ones_and_released_ones_are_forgotten() -> None:
    clock = Clock()
    conversations = Conversations(StickyTable(keep_s=60), Memory(), clock=clock)
    conversations.remember("key", "small", "e", 10)
    clock.now += 61
    assert found(conversations, ["key"]) is None
    conversations.remember("key", "small", "e", 10)
    conversations.release("key")
    assert found(conversations, ["key"]) is None


def test_memory_is_bounded() -> None:
    memory = Memory()
    conversations = Conversations(StickyTable(most=10), memory)
    for number in range(50):
        conversations.remember(str(number), "small", "e", 10)
    memory.entries.clear()
    assert [key for key in map(str, range(50)) if found(conversations, [key])] == [
        str(number) for number in range(40, 50)
    ]


def test_turned_off_it_remembers_nothing() -> None:
    memory = Memory()
    conversations = Conversations(StickyTable(keep_s=0), memory)
    conversations.remember("key", "small", "e", 10)
    assert not memory.entries
    assert found(conversations, ["key"]) is None


def test_a_database_that_hangs_holds_up_one_request_for_a_moment_and_no_other() -> None:
    shared, clock = Hanging(), Clock()
    conversations = Conversations(StickyTable(), shared, clock=clock)
    assert found(conversations, ["a"]) is None
    assert found(conversations, ["b"]) is None
    assert shared.asked == 1
    clock.now += 6
    assert found(conversations, ["c"]) is None
    assert shared.asked == 2

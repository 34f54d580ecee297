"""A conversation and the model it is on."""

from __future__ import annotations

from msgspec import Struct


class Conversation(Struct, frozen=True, kw_only=True):
    """What is remembered of a conversation after each turn.

    Attributes:
        prefix: hash of its turns so far, or of the name that the client gave it.
        model, endpoint: that answered; "" where it was let go.
        cached_tokens: that the provider has in its prompt cache by now, about.
        seen_s: seconds since 1970 of the last turn.
    """

    prefix: str
    model: str
    endpoint: str
    cached_tokens: int
    seen_s: float

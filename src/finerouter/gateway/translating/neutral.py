"""What requests and answers say, whatever API they say it in.

Every API is read into these values and written from them: a new API is one reader and one writer,
not a translation for each of the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from finerouter.upstream.usage import Usage

# Marks of thoughts that the gateway made out of another API's: no endpoint takes them back.
OUR_SIGNATURE = "finerouter"
OUR_REASONING = "rs_finerouter_"


class Text(Struct, frozen=True):
    """Words; maybe none."""

    text: str


class Image(Struct, frozen=True):
    """A picture by its address, which may be a data URL."""

    url: str


class Call(Struct, frozen=True):
    """A tool that the model wants run; `arguments` as the JSON text that it wrote."""

    id: str
    name: str
    arguments: str


class Result(Struct, frozen=True):
    """What came of a call."""

    call_id: str
    parts: tuple[Text | Image, ...]
    failed: bool = False


class Thought(Struct, frozen=True):
    """Of an answer only: thoughts are not sent to another model."""

    text: str


class Refusal(Struct, frozen=True):
    """Words of an answer that say no."""

    text: str


Part = Text | Image | Call | Result


class Turn(Struct, frozen=True):
    """What one side said; role "system", "user" or "assistant". Results are the user's."""

    role: str
    parts: tuple[Part, ...]


class Tool(Struct, frozen=True):
    """A function that the client runs; `schema` of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]
    strict: bool = False


class Choice(Struct, frozen=True):
    """Which tools to call: "auto", "none", "any", or "tool" for the one of that name."""

    kind: str
    name: str = ""


class Form(Struct, frozen=True):
    """The form that the answer must have; without a schema any JSON object."""

    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    description: str = ""
    strict: bool = False


class Ask(Struct, frozen=True, kw_only=True):
    """A request.

    Attributes:
        turns: in order; system turns may stand anywhere.
        tools, choice, parallel: what may be called, and whether several at once; None if unsaid.
        max_tokens: of the answer, thoughts included; temperature, top_p, stop: as everywhere.
        effort: of reasoning, in OpenAI's words; verbosity: of the answer, likewise.
        form: of the answer, None for any.
        user: whoever asks, for the provider's safety checks.
        stream: whether the answer is wanted in pieces.
        sampling: further fields that OpenAI's chat and completions share, as they are.
    """

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: Choice | None = None
    parallel: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    effort: str | None = None
    verbosity: str | None = None
    form: Form | None = None
    user: str | None = None
    stream: bool = False
    sampling: Mapping[str, Any] = {}


STOP, LENGTH, CALLS, FILTER = "stop", "length", "tool_calls", "content_filter"


class Answer(Struct, frozen=True):
    """A whole answer; `reason` is why it ended, one of the four above."""

    parts: tuple[Text | Thought | Refusal | Call, ...]
    reason: str
    usage: Usage | None


def new_id(prefix: str) -> str:
    """An id that nothing else has."""
    return prefix + uuid.uuid4().hex


def texts(parts: tuple[Any, ...]) -> list[str]:
    """The texts among parts that say something."""
    return [part.text for part in parts if isinstance(part, Text) and part.text]


def merged(turns: tuple[Turn, ...], roles: tuple[str, ...]) -> list[Turn]:
    """Turns with those next to each other made one, where their role is one of `roles`."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and turn.role in roles and joined[-1].role == turn.role:
            turn = Turn(turn.role, joined.pop().parts + turn.parts)
        joined.append(turn)
    return joined

"""A completions request written from the neutral form: turns become one text.

A base model continues a text, so history is written as examples are: what the user said, a space,
what was answered, an empty line. The pool entry's examples and template are turns by then.
"""

from __future__ import annotations

from finerouter.gateway.translating.neutral import Ask, Text, Turn, merged, texts
from finerouter.gateway.translating.protocol import Json


def refusals(ask: Ask) -> list[str]:
    """What a completions endpoint cannot be asked."""
    notes = []
    if ask.tools:
        notes.append("completions endpoints know no tools")
    if ask.form:
        notes.append("completions endpoints know no response format")
    if ask.effort not in (None, "none"):
        notes.append("completions endpoints know no reasoning effort")
    if ask.verbosity not in (None, "medium"):
        notes.append("completions endpoints know no verbosity")
    if any(not isinstance(part, Text) for turn in ask.turns for part in turn.parts):
        notes.append("completions endpoints take texts only: no images, no tools' calls")
    return notes


def write(ask: Ask) -> Json:
    """The body of a completions request."""
    optional = {
        "max_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "stop": list(ask.stop) or None,
        "user": ask.user,
        "stream": ask.stream or None,
        **ask.sampling,
    }
    return {
        "prompt": "".join(map(_written, merged(ask.turns, ("user", "assistant")))),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _written(turn: Turn) -> str:
    text = "\n".join(texts(turn.parts))
    return {"system": f"{text}\n\n", "assistant": f" {text}\n\n"}.get(turn.role, text)

"""Which text of a conversation carries its task.

Takes turns; gives the text that is routed. A system prompt says how to answer rather than what is
asked, is the same for very many requests, and would drown the question: on the starter set one
prepended to the prompts changed more than half of the decisions. So it is left out unless asked
for, and so is what tools gave back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from finerouter.gateway.elements import without_elements
from finerouter.gateway.settings import TextTable
from finerouter.gateway.turns import Turn

_CUT = "\n...\n"
# Characters of a turn that are searched for elements to drop, or twice `max_chars` if that is more;
# after so many no older turn is: a body of many megabytes must not hold up the event loop.
_MOST_SEEN = 256_000


def task_text(turns: Sequence[Turn], settings: TextTable) -> str:
    """The text to route: the last user turns, older ones only while there is too little.

    "" where no user says anything.
    """
    said = _last_said(turns, settings)
    text = "\n".join(reversed(said))
    if settings.system_chars and text:
        system = next((turn.text for turn in turns if turn.role == "system"), "")
        text = f"{system[: settings.system_chars]}\n{text}".strip()
    return text


def _last_said(turns: Sequence[Turn], settings: TextTable) -> list[str]:
    """Texts of user turns, the newest first."""
    said: list[str] = []
    chars = 0
    for turn in _spoken(turns, settings):
        said.append(_shortened(turn, settings.max_chars - chars))
        chars += len(said[-1])
        enough = chars >= max(1, settings.enough_chars) or len(said) == settings.max_turns
        if enough or chars >= settings.max_chars:
            break
    return said


def _spoken(turns: Sequence[Turn], settings: TextTable) -> Iterable[str]:
    most, seen = max(_MOST_SEEN, 2 * settings.max_chars), 0
    for turn in reversed(turns):
        if turn.role == "user" and seen < most:
            text = _shortened(turn.text, most)
            seen += len(text)
            if text := without_elements(text, settings.drop_tags).strip():
                yield text


def _shortened(text: str, chars: int) -> str:
    """Head and tail of a text that is too long: what is wanted stands at either end."""
    if len(text) <= chars:
        return text
    half = max(0, chars - len(_CUT)) // 2
    return f"{text[:half]}{_CUT}{text[-half:]}" if half else text[:chars]

"""The answer names the right one of the prompt's `choices`, no other, and does not deny it.

A choice may have several words. Of choices within each other the longest counts: "not toxic" does
not name "toxic".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from finerouter.collecting.graders.grade import Grade, Grader, Pointwise
from finerouter.collecting.graders.options import no_options
from finerouter.collecting.graders.reading import WRAPPING, answer_line, shown
from finerouter.collecting.prompts import Prompt

Words = tuple[str, ...]


def build(option: str) -> Grader:
    """The grader; it takes no options."""
    no_options("label", option)
    return Pointwise(score, needs=("reference", "choices"), check=_unusable)


def score(prompt: Prompt, text: str) -> Grade:
    """1 where a reference is the only choice named."""
    choices = {_words(choice): choice for choice in choices_of(prompt)}
    named, rest = _named(_words(answer_line(text)), choices)
    # "No, it is not" is a plain no, whereas "not positive" says nothing exact.
    denied = "not" in rest and ("no",) not in choices
    right = len(named) == 1 and named <= set(map(_words, prompt.references)) and not denied
    told = ", ".join(sorted(choices[words] for words in named))
    return Grade.of(right, reason=f"names {told or 'none of the choices'}")


def choices_of(prompt: Prompt) -> Sequence[str]:
    """The prompt's choices: a list, or one written as JSON or with bars between (CSV).

    Raises:
        TypeError: they are no list.
    """
    choices = prompt.fields["choices"]
    if isinstance(choices, str):
        try:
            choices = json.loads(choices)
        except ValueError:
            choices = choices.split("|")
    if not isinstance(choices, list | tuple):
        raise TypeError(f"its choices {shown(str(choices))} are no list")
    return [str(choice) for choice in choices]


def _named(words: Words, choices: Iterable[Words]) -> tuple[set[Words], list[str]]:
    """The choices that stand in a text, and the words between them."""
    longest_first = sorted(filter(None, choices), key=len, reverse=True)
    named, rest, at = set(), [], 0
    while at < len(words):
        found = next((each for each in longest_first if words[at : at + len(each)] == each), None)
        if found is None:
            rest.append(words[at])
        else:
            named.add(found)
        at += len(found or "1")
    return named, rest


def _words(text: str) -> Words:
    words = (word.strip(WRAPPING).casefold() for word in re.split(r"[\s,/]+", text))
    return tuple(word for word in words if word)


def _unusable(prompt: Prompt) -> str | None:
    choices = choices_of(prompt)
    known = set(map(_words, choices)) - {()}
    for reference in prompt.references:
        if _words(reference) not in known:
            listed = shown(", ".join(choices))
            return f"its reference {shown(reference)} is none of its choices {listed}"
    return None

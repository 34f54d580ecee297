"""The families of the starter dataset: takes a seed, gives prompts with exact answers.

A family is a function that draws one question; this module draws until it has enough different
ones, so the same seed always gives the same list.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from recipes.starter.families import (
    arithmetic,
    code_reading,
    copying,
    dates,
    extraction,
    facts,
    ordering,
    sentiment,
    strings,
    topics,
    translation,
    word_problems,
    yes_no,
)
from recipes.starter.families.draft import Draft, Draw

SEED = 2711
PILOT_SEED = 31
PER_FAMILY = 124

FAMILIES: dict[str, Draw] = {
    "arithmetic": arithmetic.draw,
    "code_reading": code_reading.draw,
    "copying": copying.draw,
    "dates": dates.draw,
    "extraction": extraction.draw,
    "facts": facts.draw,
    "ordering": ordering.draw,
    "sentiment": sentiment.draw,
    "strings": strings.draw,
    "topics": topics.draw,
    "translation": translation.draw,
    "word_problems": word_problems.draw,
    "yes_no": yes_no.draw,
}

# Small tables can run dry; then drawing on would never end.
_MAX_DRAWS = 20_000


@dataclass(frozen=True)
class Item:
    """One prompt of the dataset, with all that is needed to grade an answer to it."""

    prompt_id: str
    family: str
    category: str
    prompt: str
    reference: str
    grader: str
    choices: tuple[str, ...]


def generate(seed: int = SEED, per_family: int = PER_FAMILY) -> list[Item]:
    """The dataset's prompts, `per_family` of each family, in the families' order."""
    return [
        _item(family, draft)
        for family, draw in FAMILIES.items()
        for draft in _distinct(random.Random(f"{seed}:{family}"), draw, per_family)
    ]


def prompt_id(prompt: str) -> str:
    """A stable id: the same text has the same id in every version of the dataset."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


def _item(family: str, draft: Draft) -> Item:
    return Item(
        prompt_id=prompt_id(draft.prompt),
        family=family,
        category=draft.category,
        prompt=draft.prompt,
        reference=draft.reference,
        grader=draft.grader,
        choices=draft.choices,
    )


def _distinct(rng: random.Random, draw: Draw, count: int) -> Iterator[Draft]:
    seen: set[str] = set()
    for _ in range(_MAX_DRAWS):
        if len(seen) == count:
            return
        draft = draw(rng)
        if draft.identity not in seen:
            seen.add(draft.identity)
            yield draft
    raise ValueError(f"{draw.__module__} has fewer than {count} different questions")

"""Short stories that hide one or two sums; the reference is the number asked for."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_NAMES = ("Anna", "Ben", "Carla", "David", "Emma", "Felix", "Grace", "Hugo", "Ines", "Jack")
_THINGS = ("apples", "books", "coins", "pencils", "marbles", "stickers", "cards", "cookies")
_GAIN = (
    "{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?",
    "There are {a} {things} in a box. {name} puts {b} more in. How many {things} are in the box?",
    "{name} bought {a} {things} on Monday and {b} on Tuesday. How many {things} is that in total?",
)
_LOSE = (
    "{name} had {a} {things} and gave {b} away. How many {things} are left?",
    "Out of {a} {things}, {name} lost {b}. How many {things} remain?",
    "{name} has {a} {things}. A friend takes {b} of them. "
    "How many {things} does {name} still have?",
)
_GROUPS = (
    "{name} has {a} bags with {b} {things} in each bag. How many {things} are there in all?",
    "Each of {a} children brings {b} {things}. How many {things} do they bring together?",
    "One box holds {b} {things}. How many {things} do {a} boxes hold?",
)
_GAIN_THEN_LOSE = (
    "{name} has {a} {things}, finds {b} more and then loses {c}. How many {things} are left?",
    "A shop had {a} {things}, received {b} new ones and sold {c}. "
    "How many {things} does it have now?",
)


def draw(rng: random.Random) -> Draft:
    """A story of gaining, losing or grouping things."""
    kind = rng.choice((_gain, _gain, _lose, _lose, _groups, _gain_then_lose))
    return kind(rng)


def _draft(
    rng: random.Random, category: str, templates: tuple[str, ...], answer: int, **numbers: int
) -> Draft:
    name, things = rng.choice(_NAMES), rng.choice(_THINGS)
    prompt = phrase(rng, templates, name=name, things=things, **numbers)
    return Draft(category, prompt, str(answer), "number")


def _gain(rng: random.Random) -> Draft:
    a, b = rng.randint(2, 10), rng.randint(1, 5)
    return _draft(rng, "gain", _GAIN, a + b, a=a, b=b)


def _lose(rng: random.Random) -> Draft:
    b = rng.randint(1, 4)
    a = b + rng.randint(1, 6)
    return _draft(rng, "lose", _LOSE, a - b, a=a, b=b)


def _groups(rng: random.Random) -> Draft:
    a, b = rng.randint(2, 5), rng.choice((2, 3, 4, 5, 10))
    return _draft(rng, "groups", _GROUPS, a * b, a=a, b=b)


def _gain_then_lose(rng: random.Random) -> Draft:
    a, b, c = rng.randint(3, 8), rng.randint(1, 4), rng.randint(1, 2)
    return _draft(rng, "gain_then_lose", _GAIN_THEN_LOSE, a + b - c, a=a, b=b, c=c)

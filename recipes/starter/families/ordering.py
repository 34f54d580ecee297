"""Sort three or four numbers or words, or pick the first or last of them in order."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_WORDS = (
    "ant", "bear", "cow", "deer", "elk", "fox", "goat", "horse", "ibis", "jay", "koala", "lion",
    "mouse", "newt", "otter", "pig", "quail", "rat", "seal", "toad", "urchin", "vole", "wolf",
    "yak",
)  # fmt: skip
_ASCENDING = (
    "Sort these numbers from smallest to largest: {items}",
    "Put {items} in increasing order.",
    "Arrange in ascending order: {items}",
)
_DESCENDING = (
    "Sort these numbers from largest to smallest: {items}",
    "Put {items} in decreasing order.",
)
_ALPHABETICAL = (
    "Sort these words alphabetically: {items}",
    "Put these words in alphabetical order: {items}",
    "Arrange from A to Z: {items}",
)
_LARGEST = (
    "Which is the largest number: {items}?",
    "What is the biggest of {items}?",
    "Find the maximum of these numbers: {items}",
)
_SMALLEST = (
    "Which is the smallest number: {items}?",
    "What is the lowest of {items}?",
    "Find the minimum of these numbers: {items}",
)
_FIRST_WORD = (
    "Which of these words comes first in the alphabet: {items}?",
    "Of the words {items}, which one is first alphabetically?",
)


def draw(rng: random.Random) -> Draft:
    """A few numbers or words to put in order or to choose from."""
    kind = rng.choice((_sorted_numbers, _sorted_words, _extreme, _extreme, _extreme, _first_word))
    return kind(rng)


def _listed(items: list[str] | list[int]) -> str:
    return ", ".join(map(str, items))


def _sorted_numbers(rng: random.Random) -> Draft:
    numbers = rng.sample(range(1, 10), 3)
    down = rng.random() < 0.3
    prompt = phrase(rng, _DESCENDING if down else _ASCENDING, items=_listed(numbers))
    return Draft("sort_numbers", prompt, _listed(sorted(numbers, reverse=down)), "sequence")


def _sorted_words(rng: random.Random) -> Draft:
    words = rng.sample(_WORDS, 3)
    prompt = phrase(rng, _ALPHABETICAL, items=_listed(words))
    return Draft("sort_words", prompt, _listed(sorted(words)), "sequence")


def _extreme(rng: random.Random) -> Draft:
    numbers = rng.sample(range(1, 100), rng.randint(2, 3))
    low = rng.random() < 0.5
    prompt = phrase(rng, _SMALLEST if low else _LARGEST, items=_listed(numbers))
    answer = min(numbers) if low else max(numbers)
    return Draft("smallest" if low else "largest", prompt, str(answer), "number")


def _first_word(rng: random.Random) -> Draft:
    words = rng.sample(_WORDS, 2)
    prompt = phrase(rng, _FIRST_WORD, items=_listed(words))
    return Draft("first_word", prompt, min(words), "label", tuple(words))

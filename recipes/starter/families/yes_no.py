"""Questions to be answered with yes or no: sizes, kinds and letters."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_LABELS = ("yes", "no")
_KINDS = {
    "animal": ("dog", "horse", "eagle", "shark", "rabbit", "bee", "lion", "snake"),
    "fruit": ("banana", "apple", "cherry", "mango", "pear", "grape", "orange", "peach"),
    "colour": ("red", "blue", "yellow", "purple", "green", "pink", "white", "brown"),
    "vehicle": ("car", "truck", "bicycle", "bus", "train", "tractor", "van", "boat"),
}
_LARGER = (
    "Is {a} larger than {b}? Answer yes or no.",
    "Yes or no: is {a} greater than {b}?",
    "Is the number {a} bigger than {b}? Reply with yes or no.",
)
_KIND = (
    "Is {word} a kind of {kind}? Answer yes or no.",
    "Yes or no: is {word} the name of some {kind}?",
    "Would you say that {word} is some sort of {kind}? Reply with yes or no.",
)
_EVEN = (
    "Is {n} an even number? Answer yes or no.",
    "Yes or no: can {n} be divided by 2 without remainder?",
)
_CONTAINS = (
    'Does the word "{word}" contain the letter {letter}? Answer yes or no.',
    'Yes or no: is there a letter {letter} in "{word}"?',
)


def draw(rng: random.Random) -> Draft:
    """A question whose answer is yes or no."""
    kind = rng.choice((_larger, _kind, _kind, _even, _contains))
    return kind(rng)


def _draft(category: str, prompt: str, truth: bool) -> Draft:
    return Draft(category, prompt, "yes" if truth else "no", "label", _LABELS)


def _larger(rng: random.Random) -> Draft:
    a, b = rng.sample(range(1, 100), 2)
    return _draft("larger", phrase(rng, _LARGER, a=a, b=b), a > b)


def _kind(rng: random.Random) -> Draft:
    actual = rng.choice(tuple(_KINDS))
    asked = actual if rng.random() < 0.5 else rng.choice([k for k in _KINDS if k != actual])
    word = rng.choice(_KINDS[actual])
    # An orange and a peach are colours too, so that question has no exact answer.
    if word in ("orange", "peach", "cherry") and asked == "colour":
        asked = "vehicle"
    return _draft("kind", phrase(rng, _KIND, word=word, kind=asked), actual == asked)


def _even(rng: random.Random) -> Draft:
    n = rng.randint(2, 99)
    return _draft("even", phrase(rng, _EVEN, n=n), n % 2 == 0)


def _contains(rng: random.Random) -> Draft:
    word = rng.choice([word for words in _KINDS.values() for word in words])
    inside = rng.random() < 0.5
    absent = [letter for letter in "abcdefghilmnoprst" if letter not in word]
    letter = rng.choice(word if inside else absent)
    return _draft("contains", phrase(rng, _CONTAINS, word=word, letter=letter), inside)

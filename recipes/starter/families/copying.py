"""Follow a format to the letter: repeat, copy, join, or answer with a given word."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_WORDS = (
    "blue", "happy", "table", "seven", "winter", "bottle", "paper", "garlic", "planet", "rocket",
    "summer", "button", "cheese", "monkey", "pillow", "shadow", "ticket", "violin",
)  # fmt: skip
_REPEAT = (
    "Repeat the word {word} {n} times.",
    'Write "{word}" {n} times in a row.',
    "Say {word} {n} times and nothing else.",
)
_COPY = (
    "Copy this exactly: {words}",
    "Repeat after me: {words}",
    'Write back the words "{words}" unchanged.',
)
_SAY = (
    "Reply only with the word {word}.",
    "Your whole answer must be the word {word}.",
    "Say {word} and nothing else.",
)
_JOIN = (
    "Write the words {a} and {b} with a hyphen between them.",
    'Join "{a}" and "{b}" with a hyphen.',
)
_COUNT = (
    "Count from {a} to {b}.",
    "List the whole numbers from {a} to {b}.",
    "Write the numbers {a} to {b}, separated by commas.",
)


def draw(rng: random.Random) -> Draft:
    """A text to give back in a stated form."""
    kind = rng.choice((_repeat, _copy, _copy, _say, _join, _count, _count))
    return kind(rng)


def _repeat(rng: random.Random) -> Draft:
    word, n = rng.choice(_WORDS), rng.choice((2, 3))
    answer = " ".join([word] * n)
    return Draft("repeat", phrase(rng, _REPEAT, word=word, n=n), answer, "sequence")


def _copy(rng: random.Random) -> Draft:
    words = " ".join(rng.sample(_WORDS, 3))
    return Draft("copy", phrase(rng, _COPY, words=words), words, "sequence")


def _say(rng: random.Random) -> Draft:
    word = rng.choice(_WORDS)
    return Draft("say", phrase(rng, _SAY, word=word), word, "word")


def _join(rng: random.Random) -> Draft:
    a, b = rng.sample(_WORDS, 2)
    return Draft("join", phrase(rng, _JOIN, a=a, b=b), f"{a}-{b}", "word")


def _count(rng: random.Random) -> Draft:
    first = rng.randint(1, 30)
    last = first + rng.randint(2, 4)
    answer = ", ".join(str(n) for n in range(first, last + 1))
    return Draft("count", phrase(rng, _COUNT, a=first, b=last), answer, "sequence")

"""Work on the letters of a short word or the words of a short phrase."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_WORDS = (
    "apple", "banana", "castle", "dragon", "eagle", "forest", "garden", "hammer", "island",
    "jungle", "kitten", "lemon", "mirror", "needle", "orange", "pepper", "queen", "rabbit",
    "silver", "tiger", "uncle", "velvet", "window", "yellow", "zebra", "bread", "cloud", "dance",
    "flame", "ghost", "house", "juice", "knife", "lamp", "moon", "night", "ocean", "piano",
)  # fmt: skip
_FIRST = (
    "What is the first letter of the word {word}?",
    'Which letter does "{word}" start with?',
    "Give me the first letter of {word}.",
)
_LAST = (
    "What is the last letter of the word {word}?",
    'Which letter does "{word}" end with?',
    "Give me the final letter of {word}.",
)
_UPPER = (
    'Write "{word}" in capital letters.',
    "Turn the word {word} into upper case.",
    "Convert {word} to uppercase.",
)
_LENGTH = (
    "How many letters are in the word {word}?",
    'Count the letters in "{word}".',
    "How long is the word {word}, in letters?",
)
_NTH_WORD = (
    'What is the {nth} word in "{words}"?',
    "Take this phrase: {words}. What is its {nth} word?",
    "Here are some words: {words}. Give me the {nth} one.",
)


def draw(rng: random.Random) -> Draft:
    """A word or three, and a letter, word, length or upper case to give."""
    kind = rng.choice((_first, _first, _upper, _upper, _length, _nth_word, _nth_word, _last))
    return kind(rng)


def _first(rng: random.Random) -> Draft:
    word = rng.choice(_WORDS)
    return _on_word(rng, "first_letter", _FIRST, word, word[0], "word")


def _last(rng: random.Random) -> Draft:
    word = rng.choice(_WORDS)
    return _on_word(rng, "last_letter", _LAST, word, word[-1], "word")


def _upper(rng: random.Random) -> Draft:
    word = rng.choice(_WORDS)
    return _on_word(rng, "upper_case", _UPPER, word, word.upper(), "cased_word")


def _length(rng: random.Random) -> Draft:
    word = rng.choice(_WORDS)
    return _on_word(rng, "length", _LENGTH, word, str(len(word)), "number")


def _on_word(
    rng: random.Random,
    category: str,
    templates: tuple[str, ...],
    word: str,
    answer: str,
    grader: str,
) -> Draft:
    prompt = phrase(rng, templates, word=word)
    return Draft(category, prompt, answer, grader, subject=f"{category}:{word}")


def _nth_word(rng: random.Random) -> Draft:
    words = rng.sample(_WORDS, 3)
    index, nth = rng.choice(((0, "first"), (1, "second"), (2, "last")))
    prompt = phrase(rng, _NTH_WORD, nth=nth, words=" ".join(words))
    return Draft("nth_word", prompt, words[index], "word")

"""Tiny Python snippets: what do they print? The reference is what Python prints."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_ASKS = (
    "What does this Python code print? {code}",
    "What is the output of this Python snippet: {code}",
    "Read this Python code and tell me its output: {code}",
    "In Python, what will {code} show?",
)
_WORDS = ("hello", "robot", "green", "paper", "stone", "music", "river", "candy", "smile", "plane")


def draw(rng: random.Random) -> Draft:
    """A one-line program and what it prints."""
    kind = rng.choice(
        (_sum, _sum, _assign, _length, _index, _method, _repeat, _compare, _literal, _literal)
    )
    return kind(rng)


def _draft(rng: random.Random, category: str, code: str, printed: object, grader: str) -> Draft:
    return Draft(category, phrase(rng, _ASKS, code=code), str(printed), grader, subject=code)


def _sum(rng: random.Random) -> Draft:
    a, b = rng.randint(1, 9), rng.randint(1, 9)
    return _draft(rng, "sum", f"print({a} + {b})", a + b, "number")


def _assign(rng: random.Random) -> Draft:
    a, b = rng.randint(1, 9), rng.randint(1, 3)
    code = f"x = {a}; x = x + {b}; print(x)"
    return _draft(rng, "assign", code, a + b, "number")


def _length(rng: random.Random) -> Draft:
    word = rng.choice(_WORDS)[: rng.randint(3, 5)]
    return _draft(rng, "length", f"print(len('{word}'))", len(word), "number")


def _literal(rng: random.Random) -> Draft:
    word = rng.choice(_WORDS)
    code = rng.choice((f"x = '{word}'; print(x)", f"print('{word}')"))
    return _draft(rng, "literal", code, word, "word")


def _index(rng: random.Random) -> Draft:
    numbers = rng.sample(range(1, 30), 3)
    position = rng.randrange(3)
    code = f"a = {numbers}; print(a[{position}])"
    return _draft(rng, "index", code, numbers[position], "number")


def _method(rng: random.Random) -> Draft:
    word = rng.choice(_WORDS)
    return _draft(rng, "upper", f"print('{word}'.upper())", word.upper(), "cased_word")


def _repeat(rng: random.Random) -> Draft:
    letters, n = rng.choice(("ab", "ha", "no", "xy", "go", "la")), rng.randint(2, 3)
    return _draft(rng, "repeat", f"print('{letters}' * {n})", letters * n, "word")


def _compare(rng: random.Random) -> Draft:
    a, b = rng.sample(range(1, 30), 2)
    sign, truth = rng.choice(((">", a > b), ("<", a < b)))
    draft = _draft(rng, "compare", f"print({a} {sign} {b})", truth, "label")
    return Draft(
        draft.category, draft.prompt, draft.reference, "label", ("True", "False"), draft.subject
    )

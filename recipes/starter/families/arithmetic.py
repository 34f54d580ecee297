"""Arithmetic with small whole numbers, in one step or two; the reference is the number."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_ADD = (
    "What is {a} + {b}?",
    "Add {a} and {b}.",
    "How much is {a} plus {b}?",
    "Compute the sum of {a} and {b}.",
    "{a} + {b} = ?",
)
_SUBTRACT = (
    "What is {a} - {b}?",
    "Subtract {b} from {a}.",
    "How much is {a} minus {b}?",
    "{a} - {b} = ?",
)
_MULTIPLY = (
    "What is {a} times {b}?",
    "Multiply {a} by {b}.",
    "Calculate {a} x {b}.",
    "{a} * {b} = ?",
)
_TWO_STEP = (
    "What is {a} + {b} - {c}?",
    "Add {a} and {b}, then subtract {c}.",
    "Start with {a}, add {b} and take away {c}. What do you get?",
)

_SUCCESSOR = (
    "What number comes after {a}?",
    "Which whole number follows {a}?",
    "Count up by one from {a}.",
)


def draw(rng: random.Random) -> Draft:
    """A sum, difference or product, or the number after another."""
    kind = rng.choices(
        (_addition, _subtraction, _multiplication, _two_step, _successor), weights=(3, 2, 2, 1, 2)
    )[0]
    return kind(rng)


def _draft(category: str, prompt: str, answer: int) -> Draft:
    return Draft(category, prompt, str(answer), "number")


def _addition(rng: random.Random) -> Draft:
    a, b = rng.randint(1, 12), rng.randint(1, 5)
    return _draft("addition", phrase(rng, _ADD, a=a, b=b), a + b)


def _subtraction(rng: random.Random) -> Draft:
    b = rng.randint(1, 4)
    a = b + rng.randint(1, 8)
    return _draft("subtraction", phrase(rng, _SUBTRACT, a=a, b=b), a - b)


def _multiplication(rng: random.Random) -> Draft:
    a, b = rng.randint(2, 10), rng.choice((2, 3, 10))
    return _draft("multiplication", phrase(rng, _MULTIPLY, a=a, b=b), a * b)


def _successor(rng: random.Random) -> Draft:
    a = rng.randint(5, 120)
    return _draft("successor", phrase(rng, _SUCCESSOR, a=a), a + 1)


def _two_step(rng: random.Random) -> Draft:
    a, b, c = rng.randint(2, 9), rng.randint(1, 6), rng.randint(1, 2)
    return _draft("two_step", phrase(rng, _TWO_STEP, a=a, b=b, c=c), a + b - c)

"""Weekdays, months and years: what comes next, what came before."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# February is left out of the lengths: its answer depends on the year.
_LENGTHS = {
    "January": 31, "March": 31, "April": 30, "May": 31, "June": 30, "July": 31, "August": 31,
    "September": 30, "October": 31, "November": 30, "December": 31,
}  # fmt: skip
_NEXT_DAY = (
    "What day comes after {day}?",
    "If today is {day}, what day is tomorrow?",
    "Which day of the week follows {day}?",
    "It is {day} today. Name the weekday of tomorrow.",
)
_PREVIOUS_DAY = (
    "What day comes before {day}?",
    "If today is {day}, what day was yesterday?",
    "Which weekday is right before {day}?",
)
_DAYS_LATER = (
    "Today is {day}. What day of the week will it be in {n} days?",
    "Which weekday is {n} days after {day}?",
    "A parcel sent on {day} takes {n} days. On which weekday does it arrive?",
)
_NEXT_MONTH = (
    "Which month comes after {month}?",
    "What is the month following {month}?",
    "Name the month right after {month}.",
)
_PREVIOUS_MONTH = (
    "Which month comes before {month}?",
    "What month is right before {month}?",
)
_MONTH_LENGTH = (
    "How many days does {month} have?",
    "Tell me the number of days in {month}.",
)
_NEXT_YEAR = (
    "What year comes after {year}?",
    "Which year follows {year}?",
    "It is {year}. What will next year be?",
)


def draw(rng: random.Random) -> Draft:
    """A day, month or year next to another."""
    kind = rng.choices(
        (_next_day, _days_later, _next_month, _month_length, _next_year), weights=(4, 1, 4, 1, 2)
    )[0]
    return kind(rng)


def _next_day(rng: random.Random) -> Draft:
    position, step = rng.randrange(7), rng.choice((1, -1))
    templates = _NEXT_DAY if step == 1 else _PREVIOUS_DAY
    prompt = phrase(rng, templates, day=_DAYS[position])
    return Draft("neighbour_day", prompt, _DAYS[(position + step) % 7], "word")


def _days_later(rng: random.Random) -> Draft:
    position, n = rng.randrange(7), rng.randint(2, 3)
    prompt = phrase(rng, _DAYS_LATER, day=_DAYS[position], n=n)
    return Draft("days_later", prompt, _DAYS[(position + n) % 7], "word")


def _next_month(rng: random.Random) -> Draft:
    position, step = rng.randrange(12), rng.choice((1, -1))
    templates = _NEXT_MONTH if step == 1 else _PREVIOUS_MONTH
    prompt = phrase(rng, templates, month=_MONTHS[position])
    return Draft("neighbour_month", prompt, _MONTHS[(position + step) % 12], "word")


def _month_length(rng: random.Random) -> Draft:
    month, days = rng.choice(tuple(_LENGTHS.items()))
    return Draft("month_length", phrase(rng, _MONTH_LENGTH, month=month), str(days), "number")


def _next_year(rng: random.Random) -> Draft:
    year = rng.randint(1950, 2040)
    return Draft("next_year", phrase(rng, _NEXT_YEAR, year=year), str(year + 1), "number")

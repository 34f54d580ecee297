"""Pull one fact out of a sentence as a word or number, or two as a JSON object."""

from __future__ import annotations

import json
import random

from recipes.starter.families.draft import Draft, phrase

_NAMES = ("Alice", "Bruno", "Clara", "Diego", "Elena", "Frank", "Greta", "Henry", "Iris", "Jonas")
_CITIES = ("Boston", "Dublin", "Geneva", "Lyon", "Milan", "Porto", "Seville", "Toronto", "Vienna")
_ITEMS = ("lamp", "chair", "backpack", "kettle", "jacket", "guitar", "helmet", "blanket")
_JOBS = ("nurse", "baker", "pilot", "teacher", "farmer", "lawyer", "painter", "engineer")
_ASKS = (
    'Extract "{k1}" and "{k2}" as JSON: {text}',
    'Return a JSON object with the keys "{k1}" and "{k2}". Text: {text}',
    '{text} Write this as JSON with keys "{k1}" and "{k2}".',
)
_ASKS_ONE = (
    "What is the {key} in this sentence? {text}",
    "{text} What {key} is mentioned?",
    "Find the {key}: {text}",
)
_AGE = (
    "{name} is {age} years old.",
    "At the age of {age}, {name} moved house.",
    "My friend {name} just turned {age}.",
)
_CITY = (
    "{name} lives in {city}.",
    "Last year {name} moved to {city}.",
    "{name} grew up in {city} near the river.",
)
_PRICE = (
    "The {item} costs {price} dollars.",
    "She paid {price} dollars for a {item}.",
    "You can buy this {item} for {price} dollars.",
)
_JOB = (
    "{name} works as a {job}.",
    "{name} has been a {job} for years.",
    "Our neighbour {name} is a {job}.",
)


def draw(rng: random.Random) -> Draft:
    """A sentence and one or two facts to take out of it."""
    kind = rng.choice((_age, _city, _price, _job))
    return kind(rng)


def _draft(rng: random.Random, text: str, fields: dict[str, str | int]) -> Draft:
    if rng.random() < 0.5:
        return _single(rng, text, fields)
    k1, k2 = fields
    prompt = phrase(rng, _ASKS, k1=k1, k2=k2, text=text)
    return Draft(f"{k1}_{k2}", prompt, json.dumps(fields), "json_fields")


def _single(rng: random.Random, text: str, fields: dict[str, str | int]) -> Draft:
    key, value = rng.choice(tuple(fields.items()))
    prompt = phrase(rng, _ASKS_ONE, key=key, text=text)
    return Draft(key, prompt, str(value), "number" if isinstance(value, int) else "word")


def _age(rng: random.Random) -> Draft:
    name, age = rng.choice(_NAMES), rng.randint(18, 80)
    return _draft(rng, phrase(rng, _AGE, name=name, age=age), {"name": name, "age": age})


def _city(rng: random.Random) -> Draft:
    name, city = rng.choice(_NAMES), rng.choice(_CITIES)
    return _draft(rng, phrase(rng, _CITY, name=name, city=city), {"name": name, "city": city})


def _price(rng: random.Random) -> Draft:
    item, price = rng.choice(_ITEMS), rng.randint(5, 95)
    return _draft(rng, phrase(rng, _PRICE, item=item, price=price), {"item": item, "price": price})


def _job(rng: random.Random) -> Draft:
    name, job = rng.choice(_NAMES), rng.choice(_JOBS)
    return _draft(rng, phrase(rng, _JOB, name=name, job=job), {"name": name, "job": job})

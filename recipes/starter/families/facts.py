"""Plain facts that a table can hold: each fact is asked once, in one of several wordings."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_CAPITALS = {
    "France": "Paris", "Spain": "Madrid", "Italy": "Rome", "Germany": "Berlin", "Japan": "Tokyo",
    "China": "Beijing", "Russia": "Moscow", "Egypt": "Cairo", "Greece": "Athens",
    "Portugal": "Lisbon", "Austria": "Vienna", "Poland": "Warsaw", "Norway": "Oslo",
    "Sweden": "Stockholm", "Finland": "Helsinki", "Denmark": "Copenhagen", "Ireland": "Dublin",
    "Canada": "Ottawa", "Cuba": "Havana", "Peru": "Lima", "Chile": "Santiago",
    "Thailand": "Bangkok", "Vietnam": "Hanoi", "Turkey": "Ankara", "Iran": "Tehran",
    "Iraq": "Baghdad", "Kenya": "Nairobi", "Hungary": "Budapest", "Belgium": "Brussels",
    "Australia": "Canberra", "India": "New Delhi", "Argentina": "Buenos Aires",
    "Colombia": "Bogota|Bogotá", "South Korea": "Seoul", "Ukraine": "Kyiv|Kiev",
}  # fmt: skip
_OPPOSITES = {
    "hot": "cold", "up": "down", "big": "small|little", "fast": "slow", "young": "old",
    "day": "night", "left": "right", "open": "closed|close|shut", "rich": "poor",
    "hard": "soft|easy", "full": "empty",
    "wet": "dry", "dark": "light|bright", "high": "low", "early": "late",
    "strong": "weak",
    "happy": "sad|unhappy", "win": "lose|loss", "push": "pull", "true": "false",
    "first": "last", "love": "hate", "thick": "thin", "clean": "dirty", "inside": "outside",
    "buy": "sell", "near": "far", "loud": "quiet|soft", "wide": "narrow", "heavy": "light",
}  # fmt: skip
_SYMBOLS = {
    "hydrogen": "H", "oxygen": "O", "carbon": "C", "nitrogen": "N", "gold": "Au", "silver": "Ag",
    "iron": "Fe", "copper": "Cu", "sodium": "Na", "helium": "He", "calcium": "Ca", "zinc": "Zn",
    "lead": "Pb", "tin": "Sn", "sulfur": "S", "chlorine": "Cl", "potassium": "K",
    "aluminium": "Al", "lithium": "Li", "neon": "Ne",
}  # fmt: skip
_PLURALS = {
    "cat": "cats", "box": "boxes", "child": "children", "mouse": "mice", "foot": "feet",
    "tooth": "teeth", "man": "men", "woman": "women", "city": "cities", "baby": "babies",
    "leaf": "leaves", "goose": "geese", "bus": "buses", "knife": "knives", "story": "stories",
    "glass": "glasses", "potato": "potatoes", "wolf": "wolves", "church": "churches",
    "ox": "oxen", "person": "people", "dish": "dishes",
}  # fmt: skip
_PAST = {
    "go": "went", "eat": "ate", "see": "saw", "run": "ran", "take": "took", "write": "wrote",
    "buy": "bought", "think": "thought", "walk": "walked", "play": "played", "sing": "sang",
    "swim": "swam", "give": "gave", "know": "knew", "begin": "began", "drive": "drove",
    "teach": "taught", "fly": "flew", "speak": "spoke", "sleep": "slept",
}  # fmt: skip
_LEGS = {
    "dog": "4", "spider": "8", "chicken": "2", "horse": "4", "bee": "6", "snake": "0", "cow": "4",
    "ant": "6", "duck": "2", "person": "2",
}  # fmt: skip
_TABLES = (
    ("capital", "word", _CAPITALS, (
        "What is the capital of {key}?", "Name the capital city of {key}.",
        "Which city is the capital of {key}?")),
    ("opposite", "word", _OPPOSITES, (
        "What is the opposite of {key}?", 'Give the antonym of "{key}".',
        "Which word means the opposite of {key}?")),
    ("symbol", "cased_word", _SYMBOLS, (
        "What is the chemical symbol for {key}?", "Give the chemical symbol of {key}.")),
    ("plural", "word", _PLURALS, (
        'What is the plural of "{key}"?', "Write the plural form of {key}.")),
    ("past_tense", "word", _PAST, (
        'What is the past tense of "{key}"?', "Give the simple past of the verb {key}.")),
    ("legs", "number", _LEGS, (
        "How many legs does one {key} have?", "Tell me how many legs there are on one {key}.")),
)  # fmt: skip


def draw(rng: random.Random) -> Draft:
    """One entry of one of the tables."""
    category, grader, table, templates = rng.choices(
        _TABLES, weights=[len(table) for _, _, table, _ in _TABLES]
    )[0]
    key = rng.choice(tuple(table))
    prompt = phrase(rng, templates, key=key)
    return Draft(category, prompt, table[key], grader, subject=f"{category}:{key}")

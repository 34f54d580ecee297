"""Sentences to be filed under one of the two topics that the prompt lists."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_SENTENCES = {
    "sports": (
        "The {adjective} team scored twice in the last minute.",
        "She won the tennis final in {n} sets.",
        "The goalkeeper saved {n} penalties on Sunday.",
        "The runner finished the marathon with a {adjective} time.",
        "The coach praised his {adjective} players after the match.",
    ),
    "food": (
        "Add {n} spoons of sugar and bake the cake.",
        "The soup needs {n} more carrots and some salt.",
        "Our chef serves a {adjective} pizza with fresh cheese.",
        "Fry the onions with {n} eggs in butter.",
        "This {adjective} bakery sells warm bread.",
    ),
    "weather": (
        "Heavy rain is expected for {n} days.",
        "A {adjective} storm brings snow to the hills.",
        "It will be sunny with {n} degrees tomorrow.",
        "Strong wind and {adjective} clouds arrive tonight.",
        "The fog stayed over the valley for {n} hours.",
    ),
    "technology": (
        "The {adjective} laptop has a faster processor.",
        "Install the update and restart the computer {n} times.",
        "The new phone has {n} cameras and a big screen.",
        "A {adjective} software bug crashed the server.",
        "The programmers fixed {n} errors in the app.",
    ),
    "music": (
        "The band played {n} songs on the stage.",
        "Her {adjective} voice filled the concert hall.",
        "He learned {n} chords on the guitar.",
        "The orchestra rehearsed a {adjective} symphony.",
        "The singer released {n} albums.",
    ),
}
_ADJECTIVES = ("young", "famous", "brilliant", "local", "new", "surprising")
_ASKS = (
    "Which topic fits best, {labels}? {text}",
    "Choose one topic from {labels} for this sentence: {text}",
    "Classify the text as {labels}: {text}",
    'Is the following about {labels}? "{text}"',
)


def draw(rng: random.Random) -> Draft:
    """A sentence and two topics, one of them its own."""
    topic = rng.choice(tuple(_SENTENCES))
    adjective, n = rng.choice(_ADJECTIVES), rng.randint(2, 9)
    text = phrase(rng, _SENTENCES[topic], adjective=adjective, n=n)
    other = rng.choice([label for label in _SENTENCES if label != topic])
    labels = rng.sample([topic, other], 2)
    listed = f"{labels[0]} or {labels[1]}"
    prompt = phrase(rng, _ASKS, labels=listed, text=text)
    return Draft(topic, prompt, topic, "label", tuple(labels), subject=text)

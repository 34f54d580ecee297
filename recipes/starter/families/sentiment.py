"""Templated reviews: is the writer pleased or not?"""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

_LABELS = ("positive", "negative")
_ASKS = (
    'Is this review positive or negative? "{review}"',
    "Classify the sentiment as positive or negative: {review}",
    "Review: {review} Is the sentiment positive or negative?",
    "Tell me whether the writer's opinion is positive or negative. {review}",
)
_SUBJECTS = (
    "movie", "hotel", "phone", "restaurant", "book", "game", "jacket", "coffee", "bike", "concert",
)  # fmt: skip
_PLEASED = (
    "I loved this {thing}.",
    "What a wonderful {thing}, I would choose it again!",
    "The {thing} was great and worth every cent.",
    "This {thing} made me very happy.",
    "Best {thing} I have had in years.",
    "I did not expect much, but the {thing} was fantastic.",
    "No complaints at all about the {thing}.",
)
_ANNOYED = (
    "I hated this {thing}.",
    "What a terrible {thing}, never again!",
    "The {thing} was awful and a waste of money.",
    "This {thing} disappointed me a lot.",
    "Worst {thing} I have had in years.",
    "I expected a lot, but the {thing} was boring and cheap.",
    "I would not recommend the {thing} to anybody.",
)


def draw(rng: random.Random) -> Draft:
    """A review, pleased or annoyed."""
    label = rng.choice(_LABELS)
    review = phrase(rng, _PLEASED if label == "positive" else _ANNOYED, thing=rng.choice(_SUBJECTS))
    prompt = phrase(rng, _ASKS, review=review)
    return Draft(label, prompt, label, "label", _LABELS, subject=review)

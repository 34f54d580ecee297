"""What a family hands over: takes a random generator, gives one question with its exact answer.

Knows nothing of models, arms or files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Draft:
    """One question before it has an id.

    `subject` is what the question is about: two drafts of a family with the same subject are the
    same question in other words, and only the first is kept.
    """

    category: str
    prompt: str
    reference: str
    grader: str
    choices: tuple[str, ...] = ()
    subject: str = ""

    @property
    def identity(self) -> str:
        """What must differ between two drafts of a family."""
        return self.subject or self.prompt


Draw = Callable[[random.Random], Draft]


def phrase(rng: random.Random, templates: Sequence[str], **values: object) -> str:
    """One of the templates, filled in."""
    return rng.choice(templates).format(**values)

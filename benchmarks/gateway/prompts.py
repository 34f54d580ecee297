"""Prompts for the load: no two alike, so that no cache can answer for the router.

Takes the shipped starter prompts; gives requests of the chat API as bytes. A prompt is a few of
them under a number, some 260 characters, because the starter's own are single short questions. The
numbers come again and the questions under them do not, as with the words of a language: a router
remembers words.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from finerouter.starter import starter_outcomes

LEAST, MOST = 2, 8
NUMBERS = 10_000


def requests(model: str, *, stream: bool, seed: int) -> Iterator[bytes]:
    """Bodies without end, the same for the same seed."""
    questions = list(starter_outcomes().prompts)
    chance = random.Random(seed)
    number = 0
    while True:
        number += 1
        chosen = chance.choices(questions, k=chance.randint(LEAST, MOST))
        text = f"({seed}-{number % NUMBERS}) " + "\n".join(chosen)
        yield _body(model, text, stream=stream)


def _body(model: str, prompt: str, *, stream: bool) -> bytes:
    fields = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream}
    return json.dumps(fields).encode()

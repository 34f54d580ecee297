"""The journal of a collection: takes answers as they come, gives them back; one JSON line each.

A killed run loses nothing but the line being written, which reading drops. Answers are kept
ungraded, so that a better grader needs no model to run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

FOLDER = Path(__file__).parent / ".journal"


@dataclass(frozen=True)
class Answer:
    """What one arm answered to one prompt, and the tokens that took."""

    prompt_id: str
    model: str
    text: str
    input_tokens: int
    output_tokens: int


class Journal:
    """Appends answers to a file from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = Lock()

    def append(self, answer: Answer) -> None:
        """Writes one answer; safe to call from several threads."""
        line = json.dumps(asdict(answer), ensure_ascii=False)
        # A cut line of a killed run may lack its end; the leading break keeps the next one apart.
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")

    def read(self) -> Iterator[Answer]:
        """All answers in the order they came."""
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            if line:
                try:
                    yield Answer(**json.loads(line))
                except json.JSONDecodeError:
                    continue

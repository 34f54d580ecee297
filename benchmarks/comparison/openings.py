"""A record of every look at the sealed part: who, when, why, with what.

An opening is written down before anything is judged, so that a run that was stopped, or whose
figures were not liked, is on record too.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from finerouter.atomic import atomic_file

FILE = "openings.json"


@dataclass(frozen=True)
class Opening:
    """One look.

    Attributes:
        when: UTC, to the second.
        who, why: as given.
        dataset: its name; data: fingerprint of its outcomes.
        code: commit at the start of the run, with a plus where files had been changed since.
        seeds, methods: of the run.
    """

    when: str
    who: str
    why: str
    dataset: str
    data: str
    code: str
    seeds: tuple[int, ...]
    methods: tuple[str, ...]

    def line(self) -> str:
        """For `docs/experiments.md`."""
        return (
            f"| {self.when} | {self.who} | {self.why} | {self.dataset} ({self.data[:12]}) | "
            f"{self.code} | {len(self.seeds)} seeds, {len(self.methods)} methods |"
        )


def record_opening(
    folder: Path,
    *,
    who: str,
    why: str,
    dataset: str,
    data: str,
    code: str,
    seeds: Sequence[int],
    methods: Sequence[str],
) -> Opening:
    """Append an opening to the folder's record; see `Opening` for the arguments."""
    opening = Opening(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        who=who,
        why=why,
        dataset=dataset,
        data=data,
        code=code,
        seeds=tuple(seeds),
        methods=tuple(methods),
    )
    path = folder / FILE
    entries = json.loads(path.read_text("utf-8")) if path.exists() else []
    with atomic_file(path) as temporary:
        text = json.dumps([*entries, asdict(opening)], indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", "utf-8")
    return opening


def commit() -> str:
    """The commit of the code, "unknown" outside a repository."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=here, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    found = git("rev-parse", "--short=12", "HEAD")
    return found + ("+" if git("status", "--porcelain") else "") if found else "unknown"

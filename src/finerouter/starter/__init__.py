"""The starter dataset: our own prompts, real outcomes of small local models, illustrative prices.

Gives an `OutcomeTable`. Where it came from stands in `PROVENANCE.md` beside it; the recipe that
made it, in the repository's `recipes/starter`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from finerouter.outcomes import OutcomeTable


def starter_outcomes() -> OutcomeTable:
    """Read the starter dataset out of the package."""
    with resources.as_file(resources.files("finerouter.starter")) as folder:
        return OutcomeTable.read(Path(folder))

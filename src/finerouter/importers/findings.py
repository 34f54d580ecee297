"""What reading came across: rows, bad rows with their places, rows left out, things to know.

A bad row is named and counted, and is no reason to stop; too large a share of them is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from finerouter.errors import DataError
from finerouter.importers.places import Place

_SHOWN = 5


@dataclass
class Findings:
    """Counts of one import, filled while reading.

    Attributes:
        rows: rows of the source: lines, items or samples, whatever the format has.
        bad: rows of which a part or all could not be used.
        examples: the first of them, each with its place and reason.
        skipped: rows that hold no outcome, by reason.
        notes: what the user should know about how the source was understood.
    """

    rows: int = 0
    bad: int = 0
    examples: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    _last_bad: Place | None = None

    def reject(self, place: Place, reason: str, rows: int = 1) -> None:
        """Count a bad row, or several that are lost together.

        Several reasons at one place are one bad row.
        """
        if len(self.examples) < _SHOWN:
            self.examples.append(f"{place}: {reason}")
        if place != self._last_bad:
            self.bad += rows
            self._last_bad = place

    def skip(self, reason: str) -> None:
        """Count a row that is fine and holds no outcome."""
        self.skipped[reason] += 1

    def note(self, text: str) -> None:
        """Say something about the source, once."""
        if text not in self.notes:
            self.notes.append(text)

    def check(self, source: str, max_bad: float) -> None:
        """Refuse a source with too many bad rows.

        Raises:
            DataError: more than this share of the rows is bad; names the first of them.
        """
        if self.bad > max_bad * self.rows:
            raise DataError(
                f"{source}: {self.bad} of {self.rows} rows are bad, more than {max_bad:.0%}: "
                f"{'; '.join(self.examples[:3])}; mend them, or allow more with --max-bad"
            )

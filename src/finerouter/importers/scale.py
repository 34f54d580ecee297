"""The range that a source's scores lie in, mapped to 0 and 1.

A score outside its range is never clipped, and is no reason to drop a row: leaving out the highest
or lowest scores would bias every mean. It stops the import, with the range that was seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from finerouter.errors import ConfigError, DataError
from finerouter.importers.places import Place


@dataclass(frozen=True)
class Scale:
    """`worst` becomes 0 and `best` becomes 1; `best` is the lower one where less is better."""

    worst: float = 0.0
    best: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Scale:
        """Read "0:100", or "1:0" where lower is better.

        Raises:
            ConfigError: it is not two different numbers.
        """
        try:
            worst, best = (float(part) for part in text.split(":"))
        except ValueError as error:
            raise ConfigError(f"--scale is WORST:BEST such as 0:100, not {text!r}") from error
        if worst == best or not math.isfinite(worst + best):
            raise ConfigError(f"--scale needs two different finite numbers, not {text!r}")
        return cls(worst, best)


@dataclass
class Outliers:
    """Scores that lay outside the scale."""

    scale: Scale
    count: int = 0
    lowest: float = math.inf
    highest: float = -math.inf
    first: Place | None = None
    _shown: float = field(default=math.nan)

    def add(self, place: Place, score: float) -> None:
        """Take note of one."""
        if self.first is None:
            self.first, self._shown = place, score
        self.count += 1
        self.lowest, self.highest = min(self.lowest, score), max(self.highest, score)

    def check(self) -> None:
        """Refuse if there were any.

        Raises:
            DataError: names the first, the range seen, and what to say instead.
        """
        if not self.count:
            return
        low, high = sorted((self.scale.worst, self.scale.best))
        raise DataError(
            f"{self.first}: score {self._shown:g} lies outside [{low:g}, {high:g}], as do "
            f"{self.count} in all, from {self.lowest:g} to {self.highest:g}; say what the scores "
            "range over, such as --scale 0:100 (or --scale 1:0 where lower is better)"
        )

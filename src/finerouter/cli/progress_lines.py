"""How far long work is, as one plain line a minute: for logs and where nobody looks on.

Takes reports of stages as they come; prints to standard error, first after a minute, so that short
work stays quiet. Knows nothing of what the work is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import click

from finerouter.cli.output import usd

EVERY_S = 60.0
# The pace is that of the last minutes: what a journal answered at once says nothing of the rest.
_PACE_LINES = 5


@dataclass
class _Stage:
    done: int
    total: int | None
    spent_usd: float | None
    marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_PACE_LINES))


class ProgressLines:
    """What was reported last of every stage, and the line that tells it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a stage.

        Args:
            clock: seconds, from any beginning.
        """
        self._clock = clock
        self._stages: dict[str, _Stage] = {}

    def report(
        self, stage: str, done: int, total: int | None, spent_usd: float | None = None
    ) -> None:
        """Take note of a stage: its name, steps done and in all (None: unknown), USD spent."""
        known = self._stages.get(stage)
        if known is None:
            self._stages[stage] = known = _Stage(done, total, spent_usd)
            known.marks.append((self._clock(), done))
        known.done, known.total, known.spent_usd = done, total, spent_usd

    def line(self) -> str:
        """The stages under way, else the last one; "" before the first report.

        Each call is a mark that later ones measure the pace from.
        """
        now = self._clock()
        stages = list(self._stages.items())
        under_way = [(name, stage) for name, stage in stages if stage.done != stage.total]
        shown = [_told(name, stage, now) for name, stage in under_way or stages[-1:]]
        for _, stage in stages:
            stage.marks.append((now, stage.done))
        return "; ".join(shown)


@contextmanager
def progress_lines() -> Iterator[ProgressLines]:
    """Print a line a minute while the work goes on, also where a step takes longer than that."""
    lines, ended = ProgressLines(), threading.Event()
    teller = threading.Thread(target=tell, args=(lines, ended.wait), daemon=True)
    teller.start()
    try:
        yield lines
    finally:
        ended.set()
        teller.join()


def tell(lines: ProgressLines, wait: Callable[[float], bool]) -> None:
    """Print what there is to say after every wait.

    Args:
        lines: that the work reports to.
        wait: waits so many seconds; gives whether the work has ended.
    """
    while not wait(EVERY_S):
        line = lines.line()
        if line:
            # A log that cannot be written to is no reason to stop the work.
            with suppress(OSError):
                click.echo(line, err=True)


def _told(name: str, stage: _Stage, now: float) -> str:
    of = "" if stage.total is None else f" of {stage.total:,}"
    words = [f"{name}: {stage.done:,}{of} done"]
    if stage.spent_usd is not None:
        words.append(f"{usd(stage.spent_usd)} spent")
    if stage.total is not None and stage.done < stage.total:
        words.append(_time_left(stage, stage.total, now))
    return ", ".join(words)


def _time_left(stage: _Stage, total: int, now: float) -> str:
    since, done_then = stage.marks[0]
    if stage.done <= done_then or now <= since:
        return "time left unknown"
    seconds = (total - stage.done) * (now - since) / (stage.done - done_then)
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute left"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min left" if hours else f"{minutes} min left"

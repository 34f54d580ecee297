"""Progress where nobody looks on: one plain line a minute, on a clock that the test turns."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from finerouter.cli import progress_lines as module
from finerouter.cli.progress import progress_bar
from finerouter.cli.progress_lines import EVERY_S, ProgressLines, tell


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def minutes(clock: Clock, *work: Callable[[], None]) -> Callable[[float], bool]:
    """A wait that does a piece of work in each minute, and then says that all is done."""
    left = list(work)

    def wait(seconds: float) -> bool:
        if not left:
            return True
        left.pop(0)()
        clock.now += seconds
        return False

    return wait


def test_a_line_a_minute_says_done_of_how_many_spent_and_left(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ProgressLines(clock)
    lines.report("collecting", 0, 6000, 0.0)
    work = [
        lambda done=done: lines.report("collecting", done, 6000, done / 10_000)
        for done in (100, 200, 5990, 6000)
    ]
    tell(lines, minutes(clock, *work))
    assert clock.now == 4 * EVERY_S == 240
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "collecting: 100 of 6,000 done, $0.01 spent, 59 min left",
        "collecting: 200 of 6,000 done, $0.02 spent, 58 min left",
        "collecting: 5,990 of 6,000 done, $0.599 spent, under a minute left",
        "collecting: 6,000 of 6,000 done, $0.6 spent",
    ]


def test_short_work_and_work_without_a_report_print_nothing(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ProgressLines(clock)
    tell(lines, minutes(clock, lambda: None))
    lines.report("encoding", 1, 2)
    tell(lines, minutes(clock))
    assert capsys.readouterr().err == ""


def test_time_left_forgets_what_a_journal_answered_at_once(clock: Clock) -> None:
    lines = ProgressLines(clock)
    lines.report("collecting", 0, 6000)
    for minute in range(7):
        lines.report("collecting", 5000 + 10 * minute, 6000)
        clock.now += 60
        line = lines.line()
    assert line == "collecting: 5,060 of 6,000 done, 1 h 34 min left"


def test_a_stall_is_told_and_gives_no_time(clock: Clock) -> None:
    lines = ProgressLines(clock)
    lines.report("collecting", 3, 6)
    clock.now += 60
    assert lines.line() == "collecting: 3 of 6 done, time left unknown"


def test_stages_within_stages_share_the_line_and_finished_ones_leave_it(clock: Clock) -> None:
    lines = ProgressLines(clock)
    lines.report("splits", 0, 5)
    lines.report("fold 1 of 5: encoding", 10, 10)
    lines.report("splits", 1, 5)
    lines.report("fold 2 of 5: experts", 2, 8)
    clock.now += 60
    assert lines.line() == (
        "splits: 1 of 5 done, 4 min left; fold 2 of 5: experts: 2 of 8 done, time left unknown"
    )


def test_where_the_end_is_unknown_the_count_is_told(clock: Clock) -> None:
    lines = ProgressLines(clock)
    lines.report("rows", 1_200_000, None)
    assert lines.line() == "rows: 1,200,000 done"


def test_without_a_terminal_the_bar_is_lines_and_their_thread_ends_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[tuple[str, bool]] = []
    told = threading.Event()

    def echo(line: str, *, err: bool) -> None:
        said.append((line, err))
        told.set()

    monkeypatch.setattr(module, "EVERY_S", 0.001)
    monkeypatch.setattr(module.click, "echo", echo)
    before = threading.active_count()
    with progress_bar() as report:
        report("encoding", 1, 2)
        # It waits for the line, however long that takes; no test sleeps.
        assert told.wait(10)
    assert threading.active_count() == before
    assert said[-1] == ("encoding: 1 of 2 done, time left unknown", True)

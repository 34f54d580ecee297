"""The circuit breaker: examples of its life, and what holds whatever happens."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from finerouter.gateway.fleet.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from finerouter.gateway.settings import Breaker as Table


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def breaker(**table: Any) -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(
        Table(**({"failures": 3, "cooldown_s": 10, "longest_cooldown_s": 60} | table)), clock
    ), clock


def fail(made: Breaker, times: int = 1, **how: Any) -> None:
    for _ in range(times):
        made.failed(made.enter(), **how)


def test_failures_in_a_row_open_it() -> None:
    made, _ = breaker()
    fail(made, 2)
    made.succeeded(made.enter())
    fail(made, 2)
    assert made.state == CLOSED
    fail(made)
    assert (made.state, made.remaining_s) == (OPEN, 10)
    assert made.enter() is None


def test_one_call_tries_it() -> None:
    made, clock = breaker()
    fail(made, 3)
    clock.now += 10
    assert made.state == HALF_OPEN
    probe = made.enter()
    assert probe is not None
    assert made.enter() is None
    made.answered(probe)
    assert made.state == CLOSED
    made.succeeded(probe)
    fail(made, 2)
    assert made.state == CLOSED


def test_the_cool_down_doubles_up_to_a_cap() -> None:
    made, clock = breaker()
    fail(made, 3)
    seen = [made.remaining_s]
    for _ in range(5):
        clock.now += made.remaining_s
        fail(made)
        seen.append(made.remaining_s)
    assert seen == [10, 20, 40, 60, 60, 60]
    clock.now += 60
    made.succeeded(made.enter())
    fail(made, 3)
    assert made.remaining_s == 10


def test_answers_that_begin_and_break_off_do_not_count_as_well() -> None:
    made, clock = breaker()
    fail(made, 3)
    for expected in (20, 40, 60):
        clock.now += made.remaining_s
        probe = made.enter()
        made.answered(probe)
        made.failed(probe)
        assert (made.state, made.remaining_s) == (OPEN, expected)


def test_a_pause_that_was_asked_for_ends_without_a_probe() -> None:
    made, clock = breaker()
    fail(made, retry_after_s=5)
    assert (made.state, made.remaining_s) == (OPEN, 5)
    clock.now += 5
    assert made.state == CLOSED
    assert made.enter() is not None
    assert made.enter() is not None


def test_a_pause_is_no_longer_than_the_longest_cool_down() -> None:
    made, _ = breaker()
    fail(made, retry_after_s=1e300)
    assert made.remaining_s == 60


def test_what_began_before_it_opened_says_nothing_of_the_present() -> None:
    made, clock = breaker()
    old = [made.enter() for _ in range(6)]
    for permit in old[:5]:
        made.failed(permit)
    assert made.remaining_s == 10  # not doubled
    made.succeeded(old[5])
    assert made.state == OPEN
    clock.now += 10
    probe = made.enter()
    made.abandoned(old[5])
    assert made.enter() is None
    made.abandoned(probe)
    assert made.enter() is not None


def test_a_firm_failure_opens_it_at_once_and_no_look_ends_it() -> None:
    made, _ = breaker()
    fail(made, firm=True)
    assert made.state == OPEN
    made.seems_well()
    assert made.state == OPEN


def test_a_look_ends_the_cool_down_early_until_it_proves_wrong() -> None:
    made, clock = breaker()
    fail(made, 3)
    clock.now += 1
    made.seems_well()
    assert made.state == HALF_OPEN
    fail(made)
    assert (made.state, made.remaining_s) == (OPEN, 20)
    made.seems_well()
    assert made.state == OPEN
    clock.now += 20
    made.succeeded(made.enter())
    fail(made, 3)
    made.seems_well()
    assert made.state == HALF_OPEN


def test_a_look_does_not_end_a_pause_that_was_asked_for() -> None:
    made, _ = breaker()
    fail(made, 3, retry_after_s=None)
    other, _ = breaker(failures=1)
    fail(other, retry_after_s=30)
    other.seems_well()
    assert other.remaining_s == 30


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(("enter", "answered", "succeeded", "failed", "abandoned", "time", "look")),
        st.integers(0, 20),
        st.one_of(st.none(), st.floats(0, 200)),
        st.booleans(),
    ),
    max_size=60,
)


@given(EVENTS, st.integers(1, 4))
def test_whatever_happens(events: list[tuple[str, int, float | None, bool]], limit: int) -> None:
    made, clock = breaker(failures=limit)
    permits: list[int] = []
    probe: int | None = None
    for what, which, number, firm in events:
        state, left = made.state, made.remaining_s
        if what == "time":
            clock.now += number or 0
        elif what == "look":
            made.seems_well()
        elif what == "enter":
            permit = made.enter()
            assert (permit is not None) == (left == 0 and probe is None)
            if permit is not None:
                permits.append(permit)
                probe = permit if state == HALF_OPEN else None
        elif permits:
            permit = permits.pop(which % len(permits))
            if what == "failed":
                made.failed(permit, retry_after_s=number, firm=firm)
            else:
                getattr(made, what)(permit)
            if permit == probe:
                probe = None
        assert 0 <= made.remaining_s <= 60
        assert made.usable == (probe is None and made.remaining_s == 0)
    clock.now += 60
    if probe is not None:
        made.abandoned(probe)
    assert made.enter() is not None, "it has to be tried again at some time"


@given(st.integers(1, 6), st.integers(1, 12))
def test_it_opens_after_exactly_so_many_failures(limit: int, failures: int) -> None:
    made, _ = breaker(failures=limit)
    for _ in range(failures):
        permit = made.enter()
        if permit is not None:
            made.failed(permit)
    assert (made.state == OPEN) == (failures >= limit)

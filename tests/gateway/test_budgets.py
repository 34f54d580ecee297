"""Budgets: windows, reservations, and what other processes spend."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finerouter.gateway.access import Caller, Refused
from finerouter.gateway.money.budgets import Budgets, Reservation
from finerouter.gateway.money.windows import WINDOWS, bounds, starts
from finerouter.gateway.settings import BudgetTable, GatewaySettings, KeyTable

NOON = datetime(2026, 2, 28, 12, 0, tzinfo=UTC).timestamp()
TEAM = Caller("team", frozenset(("infer",)))
OTHER = Caller("other", frozenset(("infer",)))
UNKEYED = Caller("", frozenset(("infer",)))


@dataclass
class Clock:
    seconds: float = NOON

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Book:
    """A journal as budgets see it: rows of all processes, some of them not there yet."""

    rows: list[tuple[str, float, float]] = field(default_factory=list)
    down: bool = False
    reads: int = 0

    def write(self, key: str, time_s: float, usd: float) -> None:
        self.rows.append((key, time_s, usd))

    async def spent(self, windows: Mapping[str, float]) -> dict[tuple[str, str], float]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.down:
            raise OSError("the disk is gone")
        found: dict[tuple[str, str], float] = {}
        for window, start_s in windows.items():
            for key, time_s, usd in self.rows:
                if time_s >= start_s:
                    for name in {key, ""}:
                        place = (name, window)
                        found[place] = found.get(place, 0.0) + usd
        return found


def budgets(
    clock: Clock,
    book: Book | None = None,
    *,
    all_of: BudgetTable | None = None,
    **team: float,
) -> Budgets:
    settings = GatewaySettings(
        budget=all_of or BudgetTable(),
        keys=(
            KeyTable(name="team", sha256="0" * 64, budget=BudgetTable(**team)),
            KeyTable(name="other", sha256="1" * 64),
        ),
    )
    return Budgets(settings, book, now=clock, refresh_s=0.005)


def spend(budget: Budgets, usd: float, *, expected: float | None = None) -> None:
    with budget.reserved(TEAM) as reservation:
        reservation.expects(expected)
        reservation.settle(usd)


def refusal(budget: Budgets, caller: Caller = TEAM, expected: float | None = None) -> Refused:
    with pytest.raises(Refused) as caught, budget.reserved(caller) as reservation:
        reservation.expects(expected)
    return caught.value


@given(st.floats(0, 4e9), st.sampled_from(WINDOWS))
def test_every_moment_lies_in_its_window(time_s: float, window: str) -> None:
    start, end = bounds(window, time_s)
    assert start <= time_s < end
    assert bounds(window, start) == (start, end)
    assert bounds(window, end)[0] == end
    assert bounds(window, end - 1e-3)[0] == start
    first = datetime.fromtimestamp(start, UTC)
    assert (first.minute, first.second, first.microsecond) == (0, 0, 0)
    assert window == "hour" or first.hour == 0
    assert window != "month" or first.day == 1


def test_windows_are_those_of_the_calendar() -> None:
    moment = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC).timestamp()
    assert {name: bounds(name, moment)[1] - moment for name in WINDOWS} == dict.fromkeys(
        WINDOWS, 1.0
    )
    december = datetime(2026, 12, 31, 5, tzinfo=UTC).timestamp()
    assert bounds("month", december)[1] == datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    assert starts(december)["day"] == december - 5 * 3_600


def test_without_budgets_all_is_well() -> None:
    budget = budgets(Clock())
    spend(budget, 1e9)
    assert budget.standing(TEAM).state == "ok"
    assert budget.use() == []


def test_a_spent_budget_stops_until_its_window_ends() -> None:
    clock = Clock(NOON + 600)
    budget = budgets(clock, hour_usd=1.0, day_usd=5.0)
    spend(budget, 1.0)
    assert budget.standing(TEAM).state == "stop"
    error = refusal(budget)
    assert (error.status, error.kind, error.retry_after_s) == (429, "insufficient_quota", 3_000.0)
    assert "hour" in error.message
    assert budget.standing(OTHER).state == "ok"
    clock.seconds = NOON + 3_599.999
    assert budget.standing(TEAM).state == "stop"
    clock.seconds = NOON + 3_600
    assert budget.standing(TEAM).state == "ok"
    for _ in range(4):
        spend(budget, 1.0)
        clock.seconds += 3_600
    assert budget.standing(TEAM).window == "day"
    assert refusal(budget).retry_after_s == pytest.approx(7 * 3_600)


def test_near_its_end_a_budget_asks_for_the_cheapest() -> None:
    budget = budgets(Clock(), day_usd=1.0, tier_down_at=0.8)
    with budget.reserved(TEAM) as reservation:
        assert not reservation.tier_down
        reservation.settle(0.8)
    assert budget.standing(TEAM).state == "tier_down"
    with budget.reserved(TEAM) as reservation:
        assert reservation.tier_down
        reservation.settle(0.2)
    assert budget.standing(TEAM).state == "stop"


def test_the_budget_of_all_counts_every_key_and_none() -> None:
    clock = Clock()
    budget = budgets(clock, all_of=BudgetTable(day_usd=1.0), day_usd=5.0)
    spend(budget, 0.4)
    for caller in (OTHER, UNKEYED):
        with budget.reserved(caller) as reservation:
            reservation.settle(0.3)
    for caller in (TEAM, OTHER, UNKEYED):
        assert budget.standing(caller).state == "stop"
    use = {(item.key, item.window): item.spent_usd for item in budget.use()}
    assert use == {("", "day"): pytest.approx(1.0), ("team", "day"): pytest.approx(0.4)}


def test_what_is_held_cannot_be_spent_twice() -> None:
    budget = budgets(Clock(), day_usd=1.0)
    with ExitStack() as under_way:
        for _ in range(10):
            under_way.enter_context(budget.reserved(TEAM)).expects(0.1)
        error = refusal(budget, expected=0.1)
        assert error.retry_after_s is not None
        assert error.retry_after_s <= 5.0  # money that is only held is soon free or spent
    assert budget.standing(TEAM).state == "ok"
    assert budget.use()[0].held_usd == pytest.approx(0.0, abs=1e-12)


def test_a_request_that_the_rest_cannot_pay_is_refused() -> None:
    budget = budgets(Clock(), day_usd=1.0)
    spend(budget, 0.9)
    error = refusal(budget, expected=0.2)
    assert "0.200000 USD" in error.message
    assert error.retry_after_s == pytest.approx(12 * 3_600)
    spend(budget, 0.1, expected=0.1 - 1e-9)


def test_a_reservation_settles_once_and_ends_with_its_request() -> None:
    budget = budgets(Clock(), day_usd=1.0)
    with budget.reserved(TEAM) as reservation:
        reservation.expects(0.5)
        reservation.expects(0.3)
        assert budget.use()[0].held_usd == pytest.approx(0.3)
        reservation.settle(0.25)
        reservation.settle(0.25)
    with suppress(KeyError), budget.reserved(TEAM) as reservation:
        reservation.expects(0.5)
        raise KeyError
    assert budget.use()[0].spent_usd == 0.25
    assert budget.use()[0].held_usd == 0.0


@pytest.mark.parametrize("usd", [None, float("nan"), float("inf"), -1.0])
def test_an_unknown_amount_spoils_no_sum(usd: float | None) -> None:
    budget = budgets(Clock(), day_usd=1.0)
    spend(budget, usd, expected=usd)  # type: ignore[arg-type]
    assert budget.use()[0].spent_usd == 0.0
    assert budget.standing(TEAM).state == "ok"


def test_a_request_counts_in_the_window_in_which_it_came() -> None:
    clock = Clock(NOON + 3_590)
    budget = budgets(clock, hour_usd=1.0, day_usd=9.0)
    with budget.reserved(TEAM) as reservation:
        reservation.expects(0.9)
        clock.seconds = NOON + 3_700
        reservation.settle(0.9)
    use = {item.window: (item.spent_usd, item.held_usd) for item in budget.use()}
    assert use == {"hour": (0.0, 0.0), "day": (0.9, 0.0)}


@given(
    st.lists(
        st.tuples(st.floats(0.0, 4_000.0), st.floats(0.0, 0.4), st.floats(0.0, 0.4)),
        max_size=60,
    )
)
def test_no_window_is_ever_overspent_by_more_than_was_misjudged(
    requests: list[tuple[float, float, float]],
) -> None:
    """Requests overlap; each comes some time after the one before and ends two requests later."""
    clock = Clock()
    budget = budgets(clock, hour_usd=1.0, day_usd=3.0)
    spent: dict[tuple[str, float], float] = {}
    misjudged: dict[tuple[str, float], float] = {}
    running: list[tuple[Reservation, float, float, float]] = []

    def finish() -> None:
        reservation, came_s, expected, real = running.pop(0)
        reservation.settle(real)
        for window in ("hour", "day"):
            place = (window, bounds(window, came_s)[0])
            spent[place] = spent.get(place, 0.0) + real
            misjudged[place] = misjudged.get(place, 0.0) + max(0.0, real - expected)

    with ExitStack() as under_way:
        for pause_s, expected, real in requests:
            clock.seconds += pause_s
            try:
                reservation = under_way.enter_context(budget.reserved(TEAM))
                reservation.expects(expected)
            except Refused:
                continue
            running.append((reservation, clock.seconds, expected, real))
            if len(running) > 2:
                finish()
        while running:
            finish()
    limits = {"hour": 1.0, "day": 3.0}
    for (window, start_s), usd in spent.items():
        assert usd <= limits[window] + misjudged[window, start_s] + 1e-9


def test_what_other_processes_spend_counts_within_a_refresh() -> None:
    async def scene() -> None:
        clock, book = Clock(), Book()
        budget = budgets(clock, book, day_usd=1.0)
        book.write("team", NOON - 60, 0.25)
        await budget.start()
        assert budget.use()[0].spent_usd == 0.25
        book.write("team", NOON, 0.75)
        book.write("other", NOON, 9.0)
        for _ in range(400):
            if budget.standing(TEAM).state == "stop":
                break
            await asyncio.sleep(0.005)
        assert budget.standing(TEAM).state == "stop"
        await budget.close()

    asyncio.run(scene())


@given(
    st.lists(
        st.tuples(st.sampled_from(("here", "there", "flush", "read")), st.floats(0.01, 1.0)),
        max_size=40,
    )
)
def test_nothing_is_counted_twice_and_all_of_it_in_the_end(steps: list[tuple[str, float]]) -> None:
    """However late what this process spends is written, it is never taken for another's."""

    async def scene() -> None:
        clock, book = Clock(), Book()
        budget = budgets(clock, book, month_usd=1e9)
        unwritten: list[float] = []
        true = before = 0.0

        def flush() -> None:
            for usd in unwritten:
                book.write("team", clock.seconds, usd)
            unwritten.clear()

        for step, usd in steps:
            if step == "here":
                budget.charge("team", usd)
                unwritten.append(usd)
                true += usd
            elif step == "there":
                book.write("team", clock.seconds, usd)
                true += usd
            elif step == "flush":
                flush()
            else:
                await budget.refresh()
            assert before - 1e-9 <= budget.use()[0].spent_usd <= true + 1e-9
            before = budget.use()[0].spent_usd
        flush()
        await budget.refresh()
        assert budget.use()[0].spent_usd == pytest.approx(true)

    asyncio.run(scene())


def test_a_window_that_ends_while_the_journal_is_read_takes_nothing_over() -> None:
    async def scene() -> None:
        clock = Clock(NOON + 3_599.9)
        book = Book([("team", NOON, 0.9)])

        class SlowBook(Book):
            async def spent(self, windows: Mapping[str, float]) -> dict[tuple[str, str], float]:
                found = await book.spent(windows)
                clock.seconds = NOON + 3_600.1
                return found

        budget = budgets(clock, SlowBook(), hour_usd=1.0, day_usd=1.0)
        await budget.refresh()
        assert {item.window: item.spent_usd for item in budget.use()} == {"hour": 0.0, "day": 0.9}

    asyncio.run(scene())


def test_a_journal_that_is_away_stops_nothing_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        book = Book([("team", NOON, 0.5)])
        budget = budgets(Clock(), book, day_usd=1.0)
        await budget.start()
        book.down = True
        reads = book.reads
        while book.reads < reads + 4:
            await asyncio.sleep(0.005)
        assert budget.use()[0].spent_usd == 0.5
        spend(budget, 0.5)
        assert budget.standing(TEAM).state == "stop"
        book.down = False
        await budget.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())
    assert len(caplog.records) == 1
    assert "OSError" in caplog.text


def test_without_budgets_the_journal_is_not_read() -> None:
    async def scene() -> int:
        book = Book()
        budget = budgets(Clock(), book)
        await budget.start()
        await asyncio.sleep(0.02)
        await budget.close()
        return book.reads

    assert asyncio.run(scene()) == 0


def test_a_reload_forgets_nothing() -> None:
    async def scene() -> None:
        book = Book()
        old = budgets(Clock(), book, day_usd=1.0)
        await old.start()
        old.charge("team", 0.4)
        with old.reserved(TEAM) as reservation:
            reservation.expects(0.1)
            settings = GatewaySettings(
                keys=(KeyTable(name="team", sha256="0" * 64, budget=BudgetTable(day_usd=0.5)),),
            )
            new = old.replaced(settings)
            assert new.standing(TEAM).state == "stop"
            reservation.settle(0.05)
        assert new.use()[0].spent_usd == pytest.approx(0.45)
        assert new.use()[0].limit_usd == 0.5
        reads = book.reads
        while book.reads == reads:
            await asyncio.sleep(0.005)
        await new.close()
        await old.close()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scene())


def test_reloads_do_not_keep_what_others_spent_from_being_read() -> None:
    async def scene() -> None:
        book, clock = Book(), Clock()
        settings = GatewaySettings(budget=BudgetTable(day_usd=1.0))
        budget = Budgets(settings, book, now=clock, refresh_s=60.0)
        await budget.start()
        for _ in range(5):
            book.write("team", clock(), 0.1)
            budget = budget.replaced(settings)
            await asyncio.sleep(0.01)
        assert budget.use()[0].spent_usd == pytest.approx(0.5)
        await budget.close()

    asyncio.run(scene())

"""What every store of the journal promises, tested on all of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from finerouter.gateway.conversation import Conversation
from finerouter.gateway.journal.entries import Batch
from finerouter.gateway.journal.store import Store, Unstorable
from finerouter.gateway.journal.windows import window_starts
from finerouter.gateway.record import ERROR, Record, Tokens
from tests.gateway.journal.made import NOON_S, feedback, record

WINDOWS = {name: float(start) for name, start in window_starts(NOON_S).items()}


def talk(prefix: str, seen_s: float = NOON_S, model: str = "small") -> Conversation:
    return Conversation(prefix=prefix, model=model, endpoint="here", cached_tokens=7, seen_s=seen_s)


def ids(records: list[Record]) -> list[int]:
    return [int(item.decision_id, 16) for item in records]


def test_a_decision_comes_back_as_it_was(store: Store) -> None:
    given = record(3, prompt="How\0 much is 2 + 2? \N{SNOWMAN}", task=None, error='say "no"')
    store.ingest(Batch([given]))
    assert store.find(given.decision_id) == (given, [])
    assert store.find("none") is None


def test_a_decision_counts_once_however_often_it_is_stored(store: Store) -> None:
    store.ingest(Batch([record(1), record(1)]))
    store.ingest(Batch([record(1), record(2)]))
    assert ids(store.recent(9)) == [2, 1]
    assert store.totals(NOON_S).all.requests == 2
    assert store.spent(WINDOWS)["team", "month"] == pytest.approx(0.5)


def test_spending_is_counted_by_key_and_window(store: Store) -> None:
    an_hour, a_day, a_month = 3_600, 86_400, 31 * 86_400
    store.ingest(
        Batch(
            [
                record(0),
                record(1, key="", cost_usd=1.0),
                record(2, key="other", cost_usd=None),
                record(3, time_s=NOON_S - an_hour, cost_usd=2.0),
                record(4, time_s=NOON_S - a_day, cost_usd=4.0),
                record(5, time_s=NOON_S - a_month, cost_usd=8.0),
            ]
        )
    )
    assert store.spent(WINDOWS) == pytest.approx(
        {
            ("", "hour"): 1.25,
            ("", "day"): 3.25,
            ("", "month"): 7.25,
            ("team", "hour"): 0.25,
            ("team", "day"): 2.25,
            ("team", "month"): 6.25,
        }
    )


def test_windows_begin_where_the_calendar_says() -> None:
    starts = {
        name: datetime.fromtimestamp(start, UTC).isoformat()
        for name, start in window_starts(NOON_S + 59).items()
    }
    assert starts == {
        "hour": "2026-08-29T12:00:00+00:00",
        "day": "2026-08-29T00:00:00+00:00",
        "month": "2026-08-01T00:00:00+00:00",
    }


def test_feedback_needs_its_decision(store: Store) -> None:
    store.ingest(Batch([record(1)]))
    assert store.feedback(feedback(1)) is True
    assert store.feedback(feedback(2)) is False
    found = store.find(record(1).decision_id)
    assert found is not None
    assert found[1] == [feedback(1)]


def test_the_latest_feedback_of_a_source_counts(store: Store) -> None:
    late, early = feedback(1, 0.0, time_s=NOON_S + 9), feedback(1, 1.0, time_s=NOON_S + 5)
    other = feedback(1, 0.5, source="gra\0der", note="a\0b", time_s=NOON_S + 7)
    store.ingest(Batch([record(1)]))
    assert all(store.feedback(given) for given in (late, early, other))
    found = store.find(record(1).decision_id)
    assert found is not None
    assert [(given.source.replace("\0", ""), given.score) for given in found[1]] == [
        ("grader", 0.5),
        ("user", 0.0),
    ]


def test_feedback_of_the_spool_needs_no_decision(store: Store) -> None:
    """Its decision was known; it may be in another segment, stored later."""
    store.ingest(Batch(feedback=[feedback(1)]))
    store.ingest(Batch([record(1)]))
    found = store.find(record(1).decision_id)
    assert found is not None
    assert found[1] == [feedback(1)]


def test_recent_is_the_latest_first(store: Store) -> None:
    numbers = list(range(50))
    random.Random(0).shuffle(numbers)
    store.ingest(Batch([record(number) for number in numbers]))
    assert ids(store.recent(3)) == [49, 48, 47]


def test_totals_are_the_sums_of_the_records(store: Store) -> None:
    store.ingest(
        Batch(
            [
                record(1),
                record(2, model="large", key="", task=None, baseline_usd=None),
                record(3, outcome=ERROR, model="", cost_usd=None, tokens=None, latency_ms=None),
                record(4, time_s=NOON_S - 1),
                record(5, time_s=NOON_S - 3_601),
            ]
        )
    )
    totals = store.totals(NOON_S - 1)
    assert (totals.all.requests, totals.all.ok, totals.all.unpriced) == (4, 3, 1)
    assert totals.all.cost_usd == pytest.approx(0.75)
    assert (totals.all.best_usd, totals.all.cost_beside_best_usd) == pytest.approx((3.0, 0.75))
    assert totals.all.baseline_usd == pytest.approx(1.0)
    assert totals.all.cost_beside_baseline_usd == pytest.approx(0.5)
    assert (totals.all.input_tokens, totals.all.output_tokens) == (300, 60)
    assert totals.all.cached_input_tokens == 30
    assert {name: tally.requests for name, tally in totals.models.items()} == {
        "small": 2,
        "large": 1,
        "": 1,
    }
    assert {name: tally.requests for name, tally in totals.tasks.items()} == {"sums": 3, "": 1}
    assert {name: tally.requests for name, tally in totals.keys.items()} == {"team": 3, "": 1}
    assert {hour: tally.requests for hour, tally in totals.hours.items()} == {
        int(NOON_S) - 3_600: 1,
        int(NOON_S): 3,
    }


def test_totals_of_nothing(store: Store) -> None:
    totals = store.totals(0.0)
    assert totals.all.requests == 0
    assert totals.all.latency is None
    assert totals.models == totals.hours == {}


def test_percentiles_are_within_a_tenth(store: Store) -> None:
    latencies = [float(number) for number in range(1, 1_001)]
    store.ingest(
        Batch([record(number, latency_ms=ms, time_s=NOON_S) for number, ms in enumerate(latencies)])
    )
    for tally in (store.totals(NOON_S).all, store.totals(NOON_S).models["small"]):
        assert tally.latency is not None
        assert tally.latency.p50_ms == pytest.approx(500, rel=0.1)
        assert tally.latency.p95_ms == pytest.approx(950, rel=0.1)
        assert tally.latency.p99_ms == pytest.approx(990, rel=0.1)


def test_latencies_of_several_batches_add_up(store: Store) -> None:
    """The first and the last have none: what is added to nothing, and nothing added."""
    given = [None, *[100.0] * 60, *[10_000.0] * 40, None]
    for number, ms in enumerate(given):
        store.ingest(Batch([record(number, latency_ms=ms, time_s=NOON_S)]))
    for tally in (store.totals(NOON_S).all, store.totals(NOON_S).models["small"]):
        assert tally.requests == 102
        assert tally.latency is not None
        assert tally.latency.p50_ms == pytest.approx(100, rel=0.1)
        assert tally.latency.p95_ms == pytest.approx(10_000, rel=0.1)


def test_a_conversation_is_found_by_its_first_known_prefix(store: Store) -> None:
    store.ingest(Batch(conversations=[talk("long", model="large"), talk("short")]))
    assert store.conversation(["longer", "long", "short"]) == talk("long", model="large")
    assert store.conversation(["longer"]) is None
    assert store.conversation([]) is None


def test_the_newest_of_a_conversation_counts(store: Store) -> None:
    store.ingest(Batch(conversations=[talk("a", NOON_S, "new")]))
    store.ingest(Batch(conversations=[talk("a", NOON_S - 1, "old")]))
    assert store.conversation(["a"]) == talk("a", NOON_S, "new")


def test_what_is_old_is_deleted_some_at_a_time(store: Store) -> None:
    store.ingest(
        Batch(
            [record(number, time_s=NOON_S + 3_600 * number) for number in range(10)],
            conversations=[talk("old", NOON_S - 1), talk("young", NOON_S + 1)],
        )
    )
    store.ingest(Batch(feedback=[feedback(0), feedback(9)]))
    before = NOON_S + 3_600 * 5
    assert [store.prune(before, NOON_S, 3) for _ in range(3)] == [3, 2, 0]
    assert ids(store.recent(99)) == [9, 8, 7, 6, 5]
    assert [given for _, given in store.records(0, judged=True)] == [[feedback(9)]]
    assert store.conversation(["old"]) is None
    assert store.conversation(["young"]) is not None
    assert store.totals(0).all.requests == 5
    # What was spent is spent.
    assert store.spent({"month": WINDOWS["month"]})["team", "month"] == pytest.approx(2.5)


def test_nothing_is_deleted_where_all_is_kept(store: Store) -> None:
    store.ingest(Batch([record(1, time_s=1.0)]))
    assert store.prune(None, NOON_S, 9) == 0
    assert ids(store.recent(9)) == [1]


def test_all_records_are_read_page_by_page(store: Store) -> None:
    store.ingest(Batch([record(number, time_s=NOON_S) for number in range(2_500)]))
    store.feedback(feedback(7))
    read = list(store.records(NOON_S, judged=False))
    assert ids([item for item, _ in read]) == list(range(2_500))
    assert ids([item for item, _ in store.records(NOON_S, judged=True)]) == [7]
    assert list(store.records(NOON_S + 1, judged=False)) == []


def test_a_row_that_can_never_be_stored_is_told_from_an_unreachable_store(store: Store) -> None:
    beyond = record(1, tokens=Tokens(input=2**63))
    with pytest.raises(Unstorable):
        store.ingest(Batch([record(0), beyond]))
    assert store.recent(9) == []
    store.ingest(Batch([record(0)]))
    assert ids(store.recent(9)) == [0]


def test_looking_at_a_store_makes_nothing(store: Store) -> None:
    store.examine()
    # The first work afterwards finds all that it needs all the same.
    store.ingest(Batch([record(1)]))
    store.examine()
    assert ids(store.recent(9)) == [1]

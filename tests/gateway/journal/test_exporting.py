"""From a journal to a dataset to a router, by the command that does it."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from finerouter import OutcomeTable, Router
from finerouter.gateway.journal.entries import Batch
from finerouter.gateway.journal.sqlite_store import SqliteStore
from finerouter.gateway.record import Feedback, Record, Tokens
from tests import synthetic
from tests.cli.running import assert_refused, finerouter, quick_config
from tests.gateway.journal.made import NOON_S, feedback, record

PRICES = """
[[models]]
model = "small"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.4
[[models]]
model = "large"
input_usd_per_mtok = 1
output_usd_per_mtok = 4
"""


def journal(folder: Path, records: Iterable[Record] = (), given: Iterable[Feedback] = ()) -> Path:
    """A journal file with these."""
    path = folder / "journal.sqlite"
    store = SqliteStore(path)
    store.ingest(Batch(list(records), list(given)))
    store.close()
    return path


def test_judged_decisions_become_outcomes(tmp_path: Path) -> None:
    (tmp_path / "pool.toml").write_text(PRICES)
    path = journal(
        tmp_path,
        [
            record(0, prompt="Hi?", propensity=0.9, cost_usd=0.25, latency_ms=100.0),
            record(1, prompt="Hi?", propensity=0.7, cost_usd=0.75, latency_ms=300.0),
            record(2, prompt="Hi?", model="large", explored=True, propensity=0.1),
            record(3, prompt="Yo?", tokens=Tokens(input=9, output=9, estimated=True)),
            record(4, prompt="not judged"),
            record(5),  # its prompt was not kept
            record(6, prompt="nobody answered", model=""),
        ],
        [
            feedback(0, 1.0),
            feedback(0, 0.5, source="grader"),
            feedback(1, 0.25),
            *(feedback(number, 0.0) for number in (2, 3, 5, 6)),
        ],
    )
    done = finerouter(
        "journal", path, "--out", tmp_path / "data", "--pool", tmp_path / "pool.toml", "--json"
    )
    assert done.code == 0, done.err
    assert done.json == {
        "judged": 6, "unkept": 1, "unanswered": 1, "explored": 1, "prompts": 2, "models": 2,
        "outcomes": 3,
    }  # fmt: skip
    table = OutcomeTable.read(tmp_path / "data")
    assert table.prompts == ("Hi?", "Yo?")
    assert table.models == ("small", "large")
    assert table.times is not None
    assert table.times.tolist()[0].timestamp() == pytest.approx(NOON_S, abs=86_400)
    np.testing.assert_allclose(table.score, [[0.5, 0.0], [0.0, np.nan]])
    np.testing.assert_allclose(table.cost_usd, [[0.5, 0.25], [0.25, np.nan]])
    np.testing.assert_allclose(table.input_tokens, [[100, 100], [np.nan, np.nan]])
    assert table.pool["large"].output_usd_per_mtok == 4
    rows = pq.read_table(tmp_path / "data" / "outcomes.parquet").to_pylist()
    assert [row["repeats"] for row in rows] == [2, 1, 1]
    # `large` answered what `small` was chosen for: nobody knows how likely that was.
    assert [row["propensity"] for row in rows] == [pytest.approx(0.8), None, 1.0]
    assert [row["latency_ms"] for row in rows] == pytest.approx([200.0, 100.0, 100.0])
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_an_explored_decision_keeps_its_propensity(tmp_path: Path) -> None:
    chosen = record(1, prompt="Hi?", first_choice="small", explored=True, propensity=0.05)
    path = journal(tmp_path, [chosen], [feedback(1)])
    assert finerouter("journal", path, "--out", tmp_path / "data").code == 0
    (row,) = pq.read_table(tmp_path / "data" / "outcomes.parquet").to_pylist()
    assert row["propensity"] == 0.05


def test_feedback_of_one_source_and_time(tmp_path: Path) -> None:
    path = journal(
        tmp_path,
        [record(number, prompt=f"prompt {number}", time_s=NOON_S + 86_400 * number)
         for number in range(3)],
        [feedback(0), feedback(1), feedback(2, source="grader"), feedback(1, 0.5, source="grader")],
    )  # fmt: skip
    config = tmp_path / "gateway.toml"
    config.write_text('[journal]\npath = "journal.sqlite"\n')
    out = tmp_path / "data"
    done = finerouter("journal", config, "--out", out, "--source", "grader", "--json")
    assert done.json["outcomes"] == 2
    done = finerouter("journal", config, "--out", out, "--since", "2026-08-30", "--json")
    assert done.json["prompts"] == 2
    assert OutcomeTable.read(out).score.ravel().tolist() == [0.75, 1.0]
    assert finerouter("journal", path, "--out", out, "--since", "12h").code == 2


def test_raw_records_come_with_their_feedback(tmp_path: Path) -> None:
    path = journal(tmp_path, [record(0, prompt="Hi?"), record(1)], [feedback(0, 0.5)])
    lines = tmp_path / "records.jsonl"
    done = finerouter("journal", path, "--jsonl", lines)
    assert done.code == 0, done.err
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [item["decision_id"] for item in told] == [record(0).decision_id, record(1).decision_id]
    assert [[given["score"] for given in item["feedback"]] for item in told] == [[0.5], []]
    assert told[0]["prompt"] == "Hi?"
    assert told[0]["attempts"][0]["endpoint"] == "here"
    assert stat.S_IMODE(lines.stat().st_mode) == 0o600
    finerouter("journal", path, "--jsonl", lines, "--source", "user")
    assert len(lines.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("records", "given", "words"),
    [
        ([], [], "holds no decisions"),
        ([record(0, prompt="Hi?")], [], "no decision has feedback; send scores to POST"),
        ([record(0)], [feedback(0)], "set prompts = true under [journal]"),
        ([record(0, prompt="Hi?")], [feedback(0, source="grader")], "no feedback is of user"),
    ],
)
def test_where_there_is_nothing_to_learn_it_says_what_to_do(
    tmp_path: Path, records: list[Record], given: list[Feedback], words: str
) -> None:
    path = journal(tmp_path, records, given)
    done = finerouter("journal", path, "--out", tmp_path / "data", "--source", "user")
    assert_refused(done, words)


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    out = ("--out", tmp_path / "data")
    assert_refused(finerouter("journal", tmp_path / "none.sqlite", *out), "no such file")
    assert not (tmp_path / "none.sqlite").exists()
    (tmp_path / "gateway.toml").write_text("[journal]\nfolder = 1\n")
    assert_refused(finerouter("journal", tmp_path / "gateway.toml", *out), "[journal]")
    path = journal(tmp_path)
    assert_refused(finerouter("journal", path, *out, "--since", "soon"), "--since is a date")
    assert finerouter("journal", path).code == 2


def test_a_router_learns_from_chosen_answers_alone(tmp_path: Path) -> None:
    """One model a prompt, drawn by chance now and then: the planted strengths are found again."""
    whole = synthetic.outcomes(480)
    random = np.random.default_rng(0)
    favourite = int(np.nanargmax(whole.score.mean(axis=0)))
    count = len(whole.models)
    records, given = [], []
    for number, prompt in enumerate(whole.prompts):
        by_chance = random.random() < 0.6
        column = int(random.integers(count)) if by_chance else favourite
        model = whole.models[column]
        records.append(
            record(
                number,
                prompt=prompt,
                model=model,
                first_choice=model,
                explored=bool(by_chance),
                propensity=0.6 / count + 0.4 * (column == favourite),
                cost_usd=float(whole.realised_cost_usd[number, column]),
                tokens=Tokens(
                    input=int(whole.input_tokens[number, column]),
                    output=int(whole.output_tokens[number, column]),
                ),
            )
        )
        given.append(feedback(number, float(whole.score[number, column])))
    path = journal(tmp_path, records, given)
    (tmp_path / "models.json").write_text(
        json.dumps([model.to_json() for model in whole.pool]), "utf-8"
    )
    pool = ("--pool", tmp_path / "models.json")
    assert finerouter("journal", path, "--out", tmp_path / "data", *pool).code == 0
    config = quick_config(tmp_path)
    done = finerouter("train", tmp_path / "data", "--out", tmp_path / "router", "--config", config)
    assert done.code == 0, done.err
    router = Router.load(tmp_path / "router")
    quality = router.estimate(list(whole.prompts)).quality
    order = [router.models.index(name) for name in whole.models]
    chosen = whole.score[np.arange(len(whole)), quality[:, order].argmax(axis=1)].mean()
    assert chosen > whole.score.mean(axis=0).max() + 0.03
    done = finerouter("evaluate", tmp_path / "router", tmp_path / "data")
    assert done.code == 0, done.err

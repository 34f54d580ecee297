"""`finerouter collect` as a user meets it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finerouter import OutcomeTable
from tests.cli.running import Finished, assert_refused, finerouter, quick_config
from tests.loopback import Call, Fault, LoopbackUpstream, Reply

KEY = "sk-command-4711"
POOL = """
[endpoints.here]
base_url = "URL"
key_env = "LOOPBACK_KEY"

[endpoints.claude]
base_url = "URL"
api = "messages"

[[models]]
model = "small"
endpoint = "here"
family = "s"
input_usd_per_mtok = 1
output_usd_per_mtok = 2
[models.parameters]
max_tokens = 100
temperature = 0

[[models]]
model = "large"
endpoint = "claude"
family = "l"
input_usd_per_mtok = 10
output_usd_per_mtok = 20
[models.parameters]
max_tokens = 100
"""
JUDGES = """
[endpoints.here]
base_url = "URL"
key_env = "LOOPBACK_KEY"

[[models]]
model = "judge"
endpoint = "here"
family = "j"
input_usd_per_mtok = 1
output_usd_per_mtok = 2
parameters = { max_tokens = 50 }
"""
ROWS = [
    {"prompt": f"What is {at} plus {at}?", "answer": 2 * at, "benchmark": "sums"}
    for at in range(60)
]


@pytest.fixture(autouse=True)
def files(server: LoopbackUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    server.answer = answer
    (tmp_path / "pool.toml").write_text(POOL.replace("URL", server.url))
    (tmp_path / "judges.toml").write_text(JUDGES.replace("URL", server.url))
    write(tmp_path, ROWS)


def write(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def answer(call: Call) -> str:
    """The large model can add; the small one can double what is below 20."""
    if call.body["model"] == "judge":
        return "Mark: 5" if "<answer>\nI pass" in call.prompt else "Mark: 10"
    number = int(call.prompt.split()[2])
    able = call.body["model"] == "large" or number < 20
    return f"It is {2 * number}." if able else "I pass"


def collect(folder: Path, *options: object) -> Finished:
    return finerouter(
        *("collect", folder / "prompts.jsonl", "--pool", folder / "pool.toml"),
        *("--out", folder / "data", *options),
    )


def test_from_prompts_to_a_trained_router(server, tmp_path: Path) -> None:
    done = collect(tmp_path, "--grader", "numeric", "--budget", "1", "--json")
    assert done.code == 0, done.err
    summary = done.json
    assert summary["scored"] == 120
    assert summary["mean_score"] == {"small": pytest.approx(1 / 3), "large": 1.0}
    assert 0 < summary["spent_usd"] < 1
    again = collect(tmp_path, "--grader", "numeric")
    assert f"next: finerouter train {tmp_path / 'data'} --out my-router" in again.out
    assert "120 of 120 outcomes, 0 calls, 120 answers known before" in again.out
    assert len(server.requests) == 120

    outcomes = OutcomeTable.read(tmp_path / "data")
    assert set(outcomes.benchmarks or ()) == {"sums"}
    router = tmp_path / "router"
    trained = finerouter(
        *("train", tmp_path / "data", "--out", router, "--config", quick_config(tmp_path))
    )
    assert trained.code == 0, trained.err
    routed = finerouter("route", router, "What is 5 plus 5?", "--json")
    assert routed.json["model"] in ("small", "large")


def test_progress_shows_the_spending_on_a_terminal(tmp_path: Path) -> None:
    terminal = {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1", "COLUMNS": "120"}
    done = finerouter(
        *("collect", tmp_path / "prompts.jsonl", "--pool", tmp_path / "pool.toml"),
        *("--out", tmp_path / "data", "--grader", "numeric", "--json"),
        env=os.environ | terminal,
    )
    assert done.json["scored"] == 120
    assert re.search(r"collecting, \$0\.\d+ spent", done.err)
    assert "/120" in done.err


def test_an_estimate_asks_nothing(server, tmp_path: Path) -> None:
    done = collect(tmp_path, "--grader", "numeric", "--estimate", "--json")
    assert done.code == 0, done.err
    assert [model["calls"] for model in done.json["models"]] == [60, 60]
    assert 0 < done.json["expected_usd"] < done.json["most_usd"]
    assert not server.requests
    assert not list(tmp_path.glob("data*"))
    shown = collect(tmp_path, "--grader", "numeric", "--estimate")
    assert "at most" in shown.out


def test_out_of_budget_stops_cleanly_and_goes_on_later(server, tmp_path: Path) -> None:
    done = collect(tmp_path, "--grader", "numeric", "--budget", "0.02", "--json")
    assert done.code == 0, done.err
    assert done.json["stopped"] == "the budget is used up"
    assert 0 < done.json["scored"] < 120
    assert done.json["spent_in_all_usd"] <= 0.02
    assert len(OutcomeTable.read(tmp_path / "data").prompts) > 0
    assert collect(tmp_path, "--grader", "numeric", "--json").json["scored"] == 120
    assert max(server.billed.values()) == 1


def test_a_refused_key_is_told_and_never_shown(server, tmp_path: Path) -> None:
    server.key = "another"
    done = collect(tmp_path, "--grader", "numeric")
    assert done.code == 1
    assert "set LOOPBACK_KEY to a valid key" in done.err
    assert KEY not in done.out + done.err
    assert not (tmp_path / "data").exists()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert KEY.encode() not in written


def test_judges_are_journaled_and_budgeted_too(server, tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.txt"
    rubric.write_text("It says the sum.")
    options = ("--judges", tmp_path / "judges.toml", "--rubric", rubric, "--json")
    done = collect(tmp_path, "--grader", "rubric", *options)
    assert done.code == 0, done.err
    assert done.json["mean_score"] == {"small": pytest.approx(2 / 3), "large": 1.0}
    assert done.json["calls"] == 220  # the same answer to the same prompt is judged once
    assert done.json["notes"] == ["judges: 120 of 120 verdicts could be read"]
    judged = [call for call in server.requests if call.body["model"] == "judge"]
    assert "It says the sum." in judged[0].prompt
    again = collect(tmp_path, "--grader", "rubric", *options)
    assert again.json["calls"] == 0
    assert again.json["mean_score"] == done.json["mean_score"]


def test_pairs_that_no_judge_may_compare_are_told_beforehand(server, tmp_path: Path) -> None:
    place, judge = JUDGES.replace("URL", server.url).split("[[models]]")
    judges = [judge.replace('"j"', f'"{kin}"').replace('"judge"', f'"judge-{kin}"') for kin in "sl"]
    (tmp_path / "judges.toml").write_text("[[models]]".join([place, *judges]))
    options = ("--judges", tmp_path / "judges.toml", "--estimate")
    alone = collect(tmp_path, "--grader", "pairwise", *options)
    assert_refused(alone, "'small' can be compared with no other")
    third = POOL.replace("URL", server.url).split("[[models]]")[1].replace('"small"', '"third"')
    with (tmp_path / "pool.toml").open("a") as pool:
        pool.write("[[models]]" + third.replace('"s"', '"t"'))
    some = collect(tmp_path, "--grader", "pairwise", *options)
    assert some.code == 0
    assert "in 1 of 3 pairs of models, which will not be compared (small and large)" in some.err
    typo = collect(tmp_path, "--grader", "pairwise:tiny", *options)
    assert_refused(typo, "no model of the pool is called 'tiny'; it has small, large, third")
    assert not server.requests


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_prompts_may_be_a_table(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"prompts.{suffix}"
    if suffix == "csv":
        lines = [f'"{row["prompt"]}",{row["answer"]}' for row in ROWS[:5]]
        path.write_text("\n".join(["prompt,reference", *lines]) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist(ROWS[:5]), path)
    done = finerouter(
        *("collect", path, "--pool", tmp_path / "pool.toml", "--grader", "numeric"),
        *("--out", tmp_path / "data", "--json"),
    )
    assert done.code == 0, done.err
    assert done.json["scored"] == 10


@pytest.mark.parametrize(("spec", "calls"), [("rubric", 120), ("pairwise", 120)])
def test_an_estimate_counts_the_judges_calls(server, tmp_path: Path, spec: str, calls: int) -> None:
    options = ("--judges", tmp_path / "judges.toml", "--estimate", "--json")
    done = collect(tmp_path, "--grader", spec, *options)
    assert done.code == 0, done.err
    judge = done.json["models"][-1]
    assert (judge["model"], judge["calls"], judge["most_usd"]) == ("judge", calls, None)
    assert judge["expected_usd"] > 0
    assert not server.requests


def test_bad_rows_are_counted_and_named_unless_they_are_many(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS[:50])
    with path.open("a") as file:
        file.write('{"prompt": "no answer"}\n{"cut": \n')
    refused = collect(tmp_path, "--grader", "numeric")
    assert_refused(
        refused, "2 of 52 rows are bad, more than 1%", "line 51", "line 52", "--bad-rows"
    )
    done = collect(tmp_path, "--grader", "numeric", "--bad-rows", "0.05", "--json")
    assert done.code == 0
    assert (done.json["bad_rows"], done.json["scored"]) == (2, 100)
    assert "left out line 51: has no reference" in done.err
    assert "left out line 52: is not JSON" in done.err


def test_a_bad_row_of_a_table_is_named_by_the_line_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    path.write_text(
        '\ufeffprompt,answer\r\n"What is\r\n1 plus 1?",2\r\n\r\n"What is\r\n2 plus 2?"\r\n'
        "What is 3 plus 3?,6,7\r\n"
    )
    refused = finerouter(
        *("collect", path, "--pool", tmp_path / "pool.toml", "--grader", "numeric"),
        *("--out", tmp_path / "data"),
    )
    assert_refused(
        refused, "2 of 3 rows are bad", "line 5: has no reference", "line 7: has too many cells"
    )


def test_answers_that_a_filter_stopped_are_told(server, tmp_path: Path) -> None:
    write(tmp_path, ROWS[:2])
    choice = {"message": {"content": None}, "finish_reason": "content_filter"}
    both_apis = {"choices": [choice], "content": [], "stop_reason": "refusal"}
    server.chat = lambda _: Reply(body=json.dumps(both_apis))
    done = collect(tmp_path, "--grader", "numeric")
    assert "4 answers were stopped by a content filter, and graded as they are" in done.err
    assert collect(tmp_path, "--grader", "numeric", "--json").json["answers_filtered"] == 4


def grades_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_answer_is_written_with_its_score_and_why(tmp_path: Path) -> None:
    write(tmp_path, ROWS[19:21])
    done = collect(tmp_path, "--grader", "numeric")
    path = tmp_path / "data.grades.jsonl"
    assert f"{path}: each answer with its score and why" in done.out
    found = grades_in(path)
    assert [(row["model"], row["score"], row["reason"], row["answer"]) for row in found] == [
        ("small", 1.0, "answered 38", "It is 38."),
        ("large", 1.0, "answered 38", "It is 38."),
        ("small", 0.0, "states no number: 'I pass'", "I pass"),
        ("large", 1.0, "answered 40", "It is 40."),
    ]
    assert found[0].keys() == {"prompt_id", "model", "score", "reason", "answer", "finish"}
    outcomes = OutcomeTable.read(tmp_path / "data")
    assert [row["prompt_id"] for row in found[::2]] == list(outcomes.prompt_ids)
    assert KEY not in path.read_text()
    # Written anew by each run; another place may be given.
    elsewhere = tmp_path / "why" / "grades.jsonl"
    again = collect(tmp_path, "--grader", "exact", "--grades", elsewhere, "--json")
    assert again.json["grades"] == str(elsewhere)
    assert {row["score"] for row in grades_in(elsewhere)} == {0.0}
    assert collect(tmp_path, "--grader", "numeric").code == 0
    assert grades_in(path) == found


def test_what_has_no_score_is_written_too(server, tmp_path: Path) -> None:
    write(tmp_path, ROWS[:1])
    server.answer = lambda call: "Hm" if call.body["model"] == "judge" else "\ud800 It is 0"
    server.misbehave = lambda call: Fault.status(400) if call.body["model"] == "large" else None
    done = collect(tmp_path, "--grader", "rubric", "--judges", tmp_path / "judges.toml")
    assert done.code == 1
    small, large = grades_in(tmp_path / "data.grades.jsonl")
    assert small["answer"].endswith("It is 0")
    assert small["reason"] == "not graded: judge: said nothing that can be read"
    assert large["answer"] is large["finish"] is large["score"] is None
    assert "400" in large["reason"]


@pytest.mark.parametrize("name", ["prompts.jsonl", "pool.toml", "."])
def test_grades_replace_nothing_but_grades(server, tmp_path: Path, name: str) -> None:
    refused = collect(tmp_path, "--grader", "numeric", "--grades", tmp_path / name)
    assert_refused(refused, "holds no grades; choose another file with --grades")
    assert not server.requests


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--grader", "exactly"), ("no grader 'exactly'",)),
        (("--grader", "rubric"), ("give --judges FILE",)),
        (("--grader", "numeric", "--rubric", "x.txt"), ("--judges FILE too",)),
        (("--grader", "numeric", "--pool", "nowhere.toml"), ("nowhere.toml: no such file",)),
        (("--grader", "numeric", "--journal", "."), ("choose another journal",)),
    ],
)
def test_mistakes_are_told_in_one_line(server, tmp_path: Path, change, words) -> None:
    assert_refused(collect(tmp_path, *change), *words)
    assert not server.requests


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('endpoint = "there"', ("there is no endpoint 'there'",)),
        ('parameters = { temperature = "hot" }', ("does nothing without an `endpoint`",)),
        ('endpoint = "here"\nparameters = { heat = 1 }', ("unknown key 'heat'",)),
        ('endpoint = "here"\nparameters = { temperature = "hot" }', ("temperature must be",)),
        ('endpoint = "here"\nparameters = { thinking_budget = 10 }', ("put it under `body`",)),
        ('endpoint = "here"\nparameters = { template = "x" }', ("must hold {prompt}",)),
        ("", ("has no endpoint",)),
    ],
)
def test_a_wrong_pool_entry_is_named(server, tmp_path: Path, entry: str, words) -> None:
    head = f'[endpoints.here]\nbase_url = "{server.url}"\n[[models]]\nmodel = "m"\n'
    (tmp_path / "pool.toml").write_text(head + entry)
    assert_refused(collect(tmp_path, "--grader", "numeric"), "'m'" if not entry else "(m)", *words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('base_url = "http://me:sk-secret@h/v1"', ("may hold no user",)),
        ('base_url = "http://h/v1"\nkey_env = "sk-secret"', ("name of an environment variable",)),
        ('base_url = "http://h/v1"\nheaders = { Authorization = "sk-secret" }', ("holds a key",)),
        ('base_url = "http://h/v1"\napi = "soap"', ("one of chat, messages, completions",)),
        ('base_url = "http://h/v1"\nport = 3', ("unknown key 'port'",)),
        ("max_concurrent = 3", ("base_url is missing",)),
    ],
)
def test_a_wrong_endpoint_is_named_and_no_key_shown(tmp_path: Path, line: str, words) -> None:
    (tmp_path / "pool.toml").write_text(f'[endpoints.x]\n{line}\n[[models]]\nmodel = "m"\n')
    refused = collect(tmp_path, "--grader", "numeric")
    assert_refused(refused, "endpoint 'x'", *words)
    assert "secret" not in refused.err
